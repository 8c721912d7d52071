/* Alternate signal stacks of fibers.
 *
 * The kernel keeps one for each kernel thread, and a fiber changes kernel threads. So the program's is virtual, and
 * from the first that is set every kernel thread that carries has one of ours: there the kernel enters the trampoline
 * of a signal with SA_ONSTACK, also when a fiber's own stack is at its end. If a handler is to run, the frame of the
 * kernel is moved at once to where it belongs, the fiber's alternate stack or, without one, its own below where it was;
 * from there the handler may wait, jump out or never return, and ours is free for the next signal. Until then all
 * signals are blocked (see signal_action.c). What would touch no stack but ours is queued instead. A handler that is
 * run later, from the queue, is called on the fiber's alternate stack. */
#ifndef COAX_ALTSTACK_H
#define COAX_ALTSTACK_H

#include "core/signal.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

struct fiber;
struct kthread;

/* What sigaltstack does with fibers: 0 or -errno. */
int altstack_set(struct fiber *self, const stack_t *set, stack_t *old);
/* The stack that main has set before there were fibers is its own. */
void altstack_start(struct fiber *main);
/* From now on the kernel has the fiber's, on the calling kernel thread. */
void altstack_native(const struct fiber *f);
/* The calling kernel thread, which carries, has one of ours if there must be one. */
void altstack_carry(struct kthread *k);

/* In a handler: does it run on our stack, and can it be moved? */
bool altstack_ours(const struct kthread *k, const siginfo_t *info, const ucontext_t *context);
/* Goes on in then(sig, info, context), with these moved: on the alternate stack if the action wants it. */
void altstack_move(const struct fiber *self, bool alternate, void (*then)(int, siginfo_t *, void *), int sig,
                   siginfo_t *info, ucontext_t *context) __attribute__((noreturn));
/* Before the kernel returns from a handler: it restores what the context says. */
void altstack_return(const struct kthread *k, ucontext_t *context);

/* Around a handler: the program sees its own in the context, and what it leaves there holds. */
void altstack_begin(struct fiber *self, ucontext_t *context, bool alternate);
void altstack_end(struct fiber *self, const ucontext_t *context);
/* Where a handler that is called, not entered, has to run: NULL, as it is. */
void *altstack_top(const struct fiber *self, const struct sigaction *act);

/* A jump to sp leaves what lies at `at`; one of them may be on the alternate stack. */
bool altstack_left(const struct fiber *self, uintptr_t at, uintptr_t sp);

#endif
