/* getcontext and its kin. libc's save the mask of the kernel thread and set it; a fiber's is virtual. So for fibers
 * there are others, of the same layout, which make no system call. They return twice: they are in context_jump.S. */
#ifndef COAX_CONTEXT_H
#define COAX_CONTEXT_H

#include <stdint.h>
#include <ucontext.h>

/* Each begins a call: NULL, it is ours, and the mask has been dealt with; else go on in libc's own. */
void *context_save(ucontext_t *context);
void *context_swap(ucontext_t *from);
void *context_load(const ucontext_t *context);

/* Where the function of makecontext returns to; what it does there. */
void context_end(void);
void context_ended(ucontext_t *link) __attribute__((noreturn));

#endif
