/* Signals on their way to a fiber: what signals.c, which hands them out, signal_send.c, which sends and awaits them,
 * signal_handle.c, signal_mask.c and signal_action.c share. */
#ifndef COAX_PENDING_H
#define COAX_PENDING_H

#include "core/enter.h"

#include <signal.h>
#include <stdbool.h>
#include <ucontext.h>

/* The kernel's own structure, as rt_sigaction takes it. */
struct kernel_action {
    void (*handler)(int, siginfo_t *, void *); /* or SIG_DFL (0), SIG_IGN (1) */
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

/* A signal that waits for its fiber. Nodes are taken and given back with one atomic: handlers take them. */
struct pending_signal {
    struct pending_signal *next;
    struct fiber *target; /* NULL: the process */
    siginfo_t info;
    int sig;
    bool used;
    bool late; /* it was blocked when it came */
};

/* In a fork's child too: nothing is left of the old. */
void pending_init(void);
/* NULL: no room. From handlers, too. */
struct pending_signal *pending_take(int sig, const siginfo_t *info, struct fiber *target);
void pending_put(struct pending_signal *p);
bool pending_any(void);
/* There is room for a few more only: it has to last until the kernel has been told to keep them. */
bool pending_scarce(void);

/* Any kernel thread, a handler, too: the carrier will hand it out. Has not been handed out yet. */
void signals_arrive(struct pending_signal *p);
bool signals_arrived(void);
/* Inside the core: who takes a signal for the process; NULL: all block it. */
struct fiber *signals_choose(int sig);
/* Inside the core. */
void signals_give(struct fiber *f, struct pending_signal *p);
/* True: it is in the kernel now, for a signalfd. */
bool signals_show(const struct pending_signal *p);
void signals_change_mask(struct fiber *self, uint64_t mask);
/* What all fibers blocked when it came is handed out again. */
void signals_route_again(void);
/* What the fiber has of the process and blocks now is handed out again, too. */
void signals_pass_on(struct fiber *f);
/* Inside the core. A fiber counts as blocking these; the kernel's mask follows, on k at once (NULL: none). */
void signals_count(struct fiber *f, uint64_t now);
void signals_refresh(struct kthread *k);
/* The handlers that the fiber is inside of. Those at or below sp have been left by no jump that libc was asked for: an
 * exception, a language's own way. */
struct handler_frame *signals_frames(struct fiber *self, uintptr_t sp);
/* Runs the program's handler on the calling fiber. blocked: the kernel has blocked the signal for the trampoline; it is
 * unblocked when it is blocked as the fiber has it: what comes then is queued behind. mask: the fiber's, afterwards. */
void signals_run(struct fiber *self, int sig, siginfo_t *info, ucontext_t *context, uint64_t mask, bool blocked);
/* Inside the core, after some have been handled: the kernel may hand out again what it was to keep. */
void signals_let_in(struct kthread *k);
/* In a handler of ours, on a stack of the fiber's: runs the handlers that are due. */
void signals_interrupt(struct fiber *self, ucontext_t *context);
/* What the kernel calls instead of the program's handler. */
void signals_trampoline(int sig, siginfo_t *info, void *context);
/* Tells the kernel of the program's action: 0 or -1. */
int signals_install(int sig, const struct sigaction *act);

static inline bool ignored_by_default(int sig)
{
    return sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH || sig == SIGCONT;
}

static inline bool has_handler(int sig)
{
    return (rt.signals.ours & signal_bit(sig)) != 0;
}

static inline bool is_handler(const struct sigaction *act)
{
    return act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN;
}

static inline bool signals_main_alive(void)
{
    return !rt.fibers.main->promoted && rt.fibers.main->state != FIBER_DONE && rt.fibers.main->state != FIBER_FREE;
}

static inline struct kthread *signals_carrier(void)
{
    return (struct kthread *)(rt.baton.owner & ~(uintptr_t)BATON_IN_CORE);
}

static inline bool blocks(const struct fiber *f, int sig)
{
    return (f->sig.mask & signal_bit(sig)) != 0;
}

#endif
