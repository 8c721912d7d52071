/* The run queue, park and wake.
 *
 * There is no scheduler fiber: a fiber that parks picks the next one and switches to it, and runs the loop itself when
 * there is none. Everything here is called with the baton held inside the core (core_enter), except where noted. */
#ifndef COAX_SCHED_H
#define COAX_SCHED_H

#include "core/clock.h"
#include "core/gate.h"
#include "core/sys.h"
#include "core/timer.h"

#include <stdbool.h>
#include <stdint.h>

struct fiber;
struct handler_frame;

/* One fiber's wait for one thing. Lives on the waiter's stack; whoever it is linked with finds it through `unlink`. */
/* What a wait is for, asked of the kernel, inside the core, when it ends and before a handler runs in it, which may ask
 * for the same. 0: it is not there yet. */
struct wait_first {
    long (*fn)(void *arg);
    void *arg;
    long result;
};

struct wait {
    struct fiber *fiber;
    struct wait *outer;            /* that a handler interrupted, in which this one is made */
    void (*unlink)(struct wait *); /* takes it off whatever it is linked into; NULL: nothing */
    struct timer timer;
    struct wait_first *first; /* NULL: nothing */
    bool woken;
    bool hungry;  /* it was woken before and came too late: its turn is next */
    bool held;    /* in line: being woken does not take it off, a handler does */
    bool away;    /* in wait_away, in its call */
    bool bounded; /* by the deadline of coax_with_timeout */
    bool again;   /* it may end for nothing */
    bool busy;    /* its fiber is in a handler: others who wait for the same come first */
    int flags;    /* WAIT_* */
    int result;
    const char *outer_call;
    struct handler_frame *frames; /* away: handlers that the fiber was inside of when it began */
    uint64_t pause;               /* away: ns from this kick to the next */
};

/* pthread_cancel has ended a wait: the hook leaves the core and calls pthread_testcancel; or the deadline of
 * coax_with_timeout has passed, which the hook says as ETIMEDOUT of the call itself, whatever an end of its own time
 * means to it; or no kernel thread could be had for a wait; or it ended for nothing, and who waits looks again: a
 * signal was somebody else's (WAIT_ONCE), a handler ran. Never seen by the program. */
enum { E_CANCELLED = 1000, E_DEADLINE = 1001, E_NO_THREAD = 1002, E_AGAIN = 1003 };

enum {
    WAIT_CANCEL = 1,   /* a cancellation point */
    WAIT_STOP = 4,     /* coax_cancel and deadlines end it; of a cancellation point that is so as well */
    WAIT_INTR = 2,     /* a signal handler ends it with -EINTR; else the handler runs and the wait goes on */
    WAIT_ONCE = 8,     /* of wait_away: a call that was interrupted for nothing is not made again: -E_AGAIN */
    WAIT_HERE = 16,    /* the same: made in place, and the monitor lets the others go on if it waits */
    WAIT_TRY = 32,     /* the same: the call may not wait at all, and is made even if its end has come before */
    WAIT_RESTART = 64, /* of wait_away_now: a handler with SA_RESTART that ran just before the call does not end it */
};

struct run_queue {
    struct fiber *head, *tail;
};

/* Who has waited for something does so again soon, as a rule, and goes before who is known to compute (share.h). These
 * have a turn once a tick of the monitor all the same. */
struct sched {
    struct run_queue soon, late;
    unsigned ready; /* in both */
    bool turn;      /* of those that compute, unless one of them was the last */
    bool was_late;
    unsigned tick;
    bool look; /* at the descriptors and timers at the next pick: the monitor's, once a tick */
    unsigned long switches;
    unsigned long spent; /* what that was when the monitor last saw a slice spent */
};

/* The running fiber should yield at its next hook; another one runs. */
static inline void sched_slice_over(void)
{
    if ((__atomic_load_n(&real_gate, __ATOMIC_RELAXED) & (REAL_FIBERS | REAL_SLICE)) == REAL_FIBERS)
        real_gate_set(REAL_SLICE, true);
}

static inline void sched_slice_begins(void)
{
    if (unlikely((__atomic_load_n(&real_gate, __ATOMIC_RELAXED) & REAL_SLICE) != 0))
        real_gate_set(REAL_SLICE, false);
}

static inline void wait_init(struct wait *w, struct fiber *self, void (*unlink)(struct wait *))
{
    *w = (struct wait){.fiber = self, .unlink = unlink};
}

/* Parks until woken: 0 (or what wait_wake was given), -ETIMEDOUT, -EINTR, -ECANCELED (by coax_cancel), -E_DEADLINE,
 * -E_CANCELLED (the caller leaves the core and calls pthread_testcancel). `call` names the wait in reports. */
int wait_park(struct wait *w, uint64_t deadline, int flags, const char *call);
/* The same for a wait that only the kernel can make: fn(arg), a value or -errno, runs outside the core on this kernel
 * thread, away, while the others go on elsewhere. What ends the wait ends the call by a signal, again and again until
 * it is back, for the first may come before the kernel sleeps; the call says -EINTR then. If it has a result all the
 * same, that is the result: nothing that it has done is lost. -E_NO_THREAD: nobody could have carried on, fn was not
 * called. On return the caller is inside the core. */
typedef long wait_call(void *arg);
long wait_away(struct wait *w, uint64_t deadline, int flags, const char *call, wait_call *fn, void *arg);
/* For callers outside the core, without a wait of their own to keep. When no kernel thread can be had, the others wait
 * until the call returns, and nothing ends it. self NULL: only the call. */
long wait_away_now(struct fiber *self, uint64_t deadline, int flags, const char *call, wait_call *fn, void *arg);
/* The same for a call that is made in place and, as a rule, does not wait (WAIT_HERE, WAIT_TRY), in two halves between
 * which the caller makes it. Begins: false: there is something else to see to, and wait_away_now does that. Ends: r is
 * what the call has given; fn makes it again if it was interrupted for somebody else. Both from outside the core. */
bool wait_here_begins(struct wait *w, struct fiber *self, int flags, const char *call);
long wait_here_ends(struct wait *w, long r, wait_call *fn, void *arg);
/* A handler that interrupted waits will not return to them (a jump, pthread_exit, cancellation): those whose frames lie
 * below `sp` are taken off. Takes the baton. */
void wait_abandon(struct fiber *self, uintptr_t sp);
/* The fiber goes on in another context, where the innermost wait that a handler has interrupted is `to`, or NULL. The
 * others are taken off; who comes back to one with its context looks again. Takes the baton. */
void wait_switch(struct fiber *self, struct wait *to);
/* In a fork's child, before what is left of the others is forgotten: a handler that interrupted waits has forked. They
 * are taken off and over: -EINTR, or -E_AGAIN, and who waits looks again, in the child's own core. */
void wait_forked(struct fiber *self);
/* pthread_cancel: ends the wait of a parked fiber, if it can be cancelled, before anything else does. */
void wait_cancel(struct fiber *f);
/* coax_cancel: the same for what it ends. */
void wait_stop(struct fiber *f);
/* The fiber is in the call of a wait_away, in no handler that has interrupted it. */
bool wait_is_away(const struct fiber *f);
/* Of one that is away. */
bool wait_in_handler(const struct wait *w);
/* Ends the own wait here and now; returns the result. */
int wait_give_up(struct wait *w, int result);
/* Ends a wait. The waker has unlinked it, unless result says why it must be unlinked here (result < 0). */
void wait_wake(struct wait *w, int result);

/* Puts a fiber at the end of the run queue, or at its head. */
void sched_ready(struct fiber *f);
void sched_ready_first(struct fiber *f);
/* Gives the baton to the next fiber; returns when this one is picked again. Its state says why it stopped. */
void sched_park(struct fiber *self);
/* Lets every runnable fiber run once. Takes the baton itself. */
void sched_yield_now(struct fiber *self);
/* For a kernel thread that has just got the baton: the next fiber to run, waiting for one in the loop. */
struct fiber *sched_pick(void);

#endif
