/* sigsetjmp returns twice, to its caller's frame, so the hook is a jump to libc's own, as vfork's is. */
#ifndef COAX_SHIM_JUMP_H
#define COAX_SHIM_JUMP_H

#include <setjmp.h>

extern int (*sigsetjmp_target)(struct __jmp_buf_tag[1], int);
/* The target before libc is bound. */
int sigsetjmp_first(struct __jmp_buf_tag env[1], int save);
void sigsetjmp_bind(void);
/* Called if the mask is to be saved. */
void sigsetjmp_note(struct __jmp_buf_tag *env);

#endif
