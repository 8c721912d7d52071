/* Jumps: what sigsetjmp saves, and what a longjmp leaves.
 *
 * libc saves the kernel's mask, and a fiber's is virtual. So the fiber's is written down beside it, in words of the
 * buffer that no kernel fills, and given back at the jump, while libc gives the kernel thread what that has. A buffer
 * without it was filled before there were fibers, or by a kernel thread of its own: there libc's is the one. */
#ifndef COAX_JUMP_H
#define COAX_JUMP_H

#include <setjmp.h>

struct fiber;

/* Before the mask is saved. self NULL: no fiber. */
void jump_note(const struct fiber *self, struct __jmp_buf_tag *env);
/* Before a jump: handlers, waits and scopes below the target are left. */
void jump_leave(struct fiber *self, struct __jmp_buf_tag *env);

#endif
