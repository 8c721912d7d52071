/* Signals while fibers run.
 *
 * Masks are virtual: each fiber has its own, and every carrier has the kernel mask of what all fibers block (so that
 * pending signals, signalfd and sigwait stay the kernel's). A handler of the program is entered through `trampoline`:
 * one that may run on the interrupted fiber does so at once; one that arrives inside the core, or is somebody else's,
 * is queued for the fiber that the kernel would choose, and runs there on its own stack. The fiber's wait is over
 * before, or stays, behind those of others (see look in sched.c, addr.h, line.h). Solo, nothing of this is installed.
 */
#ifndef COAX_SIGNALS_H
#define COAX_SIGNALS_H

#include "core/signal.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct fiber;
struct kthread;

enum { SIGNALS = 64 };

struct signals {
    struct sigaction acts[SIGNALS + 1]; /* the program's, where a trampoline stands in for it */
    uint64_t ours;                      /* signals with a trampoline */
    uint64_t watched;                   /* of these: those that on_signal.c wants */
    unsigned blocked[SIGNALS + 1];      /* how many fibers block it */
    uint64_t kernel_mask;               /* what all of them block */
    uint64_t reserved;                  /* what the main thread awaits: nobody else's */
    uint64_t held;                      /* what the kernel shall keep: there is little room for more */
    bool altstacks;                     /* some fiber has had an alternate stack: see altstack.h */
    struct pending_signal *arrived;     /* from handlers: a stack, any kernel thread */
    struct pending_signal *queue;       /* for the process, blocked by everybody */
};

void signals_start(struct fiber *main);
/* Inside the core: the signal has a trampoline even if the program has no handler; or not any more. 0 or -errno. */
int signals_watch(int sig, bool on);
/* In a fork's child: native again, with the forking fiber's mask. */
void signals_forked(struct fiber *self);
/* Inside the core: it is promoted now. Returns what waited for it, to be forwarded once it runs there. */
struct pending_signal *signals_promoted(struct fiber *f);
void signals_forward(struct fiber *f, struct pending_signal *queue);
/* Inside the core. */
void signals_born(struct fiber *f);
void signals_gone(struct fiber *f);
void signals_route(void);
/* Gives the calling kernel thread the carriers' mask. */
void signals_apply(struct kthread *k);
/* A kernel thread that is away has the mask of its fiber, else the kernel gives it signals that all block since. The
 * fiber steps away, inside the core. It computes on, on a kernel thread that has lost the baton: that one is told (one
 * that waits in a call that we do not know is not: the call would end). What the mask is. */
void signals_step_away(struct fiber *self);
void signals_left_away(const struct kthread *k);
uint64_t signals_away_mask(const struct fiber *f);
/* Inside the core: main awaits these, 0: not any more. Others may not have blocked them, and what the kernel gave to
 * their kernel threads would do there what it does by default. */
void signals_reserve(struct fiber *main, uint64_t set);
/* Inside the core: a handler of the program is due. */
bool signals_handles(struct fiber *self);
/* Runs the handlers that are due. Outside the core. */
void signals_deliver(struct fiber *self);
/* After a wait that ended with -EINTR: the handler wants the call restarted. */
bool signals_restarts(struct fiber *self);
/* Without fibers: every handler of the program wants that. */
bool signals_all_restart(void);

/* What the calls of these names do, with fibers. Results: 0 or an error number; or a value or -errno. */
int signals_action(int sig, const struct sigaction *act, struct sigaction *old);
int signals_mask(struct fiber *self, int how, const sigset_t *set, sigset_t *old);
uint64_t signals_set_mask(struct fiber *self, uint64_t mask);
int signals_kill(struct fiber *self, struct fiber *target, int sig, const union sigval *value);
/* The signal is ignored from now on: those of it that are pending are forgotten. */
void signals_forget(struct fiber *self, int sig);
/* To the process itself; value NULL: as kill(), else as sigqueue(). */
long signals_kill_process(struct fiber *self, int sig, const union sigval *value);
/* What the kernel already has of these for the process, and would have given to this thread before the present call
 * returns, is handled: a timer that has been stopped does not signal any more, and no handler runs that is replaced
 * now. Outside the core. */
void signals_settle(struct fiber *self, uint64_t set);
/* As rt_tgsigqueueinfo. */
int signals_queue(struct fiber *self, struct fiber *target, int sig, const siginfo_t *info);
/* The program has a signalfd for these. */
void signals_described(uint64_t set);
long signals_suspend(struct fiber *self, const uint64_t *mask);
long signals_wait(struct fiber *self, const sigset_t *set, siginfo_t *info, const struct timespec *timeout);
uint64_t signals_pending(struct fiber *self);

#endif
