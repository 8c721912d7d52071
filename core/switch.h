/* The context switch: callee-saved registers, floating-point control words, stack, thread pointer. */
#ifndef COAX_SWITCH_H
#define COAX_SWITCH_H

#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

/* Saves the running context at *save and continues the one at `to` with thread pointer `fs`. Two ways to set the
 * thread pointer: the instruction, where kernel and processor allow it, else a system call. */
typedef void switch_fn(void **save, void *to, uintptr_t fs);
switch_fn switch_wrfsbase, switch_syscall;

/* Lays the first frame of a new context below `top`: it calls start(arg), which must not return. Returns its sp. */
void *switch_first(char *top, void (*start)(void *), void *arg);

/* Chosen once by switch_init. */
extern switch_fn *switch_to;
void switch_init(void);

/* Calls fn(arg) on the stack that ends at `top` (16-byte aligned). */
void switch_call(void *top, void (*fn)(void *), void *arg);

/* Calls fn(arg) after the registers were written to *context as a signal frame has them: all that the program has in
 * registers or on its stack is there, or on the stack above the context's stack pointer. */
void switch_capture(ucontext_t *context, void (*fn)(void *), void *arg);
/* Goes on there, or where a handler has made it point to. */
void switch_resume(const ucontext_t *context) __attribute__((noreturn));

/* Goes on in fn(sig, info, context) with the stack pointer at `frame`: what fn returns to is the first word there. */
void switch_frame(void *frame, void (*fn)(int, siginfo_t *, void *), int sig, siginfo_t *info, void *context)
    __attribute__((noreturn));

#endif
