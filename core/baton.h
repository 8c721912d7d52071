/* The baton: the right to be the carrier, that is to be inside the core and to run fibers from the run queue.
 *
 * One atomic word holds the kernel thread that has it and one bit, whether that thread is inside the core. Hooks enter
 * the core only to park or to wake. The monitor takes the baton from a kernel thread that is outside the core and does
 * not come back (blocked in a call that nobody hooked, or computing past its slice) and gives it to a spare one. The
 * late fiber runs on in parallel, "away"; its next core_enter fails to take the word, and hands it back to the carrier
 * through the return queue. A fiber can also step away by itself around a call that blocks (baton_away). */
#ifndef COAX_BATON_H
#define COAX_BATON_H

#include "core/fiber.h"
#include "core/lock.h"
#include "core/sys.h"

#include <stdbool.h>
#include <stdint.h>

enum { BATON_IN_CORE = 1 };
enum { WAKE_CARRY = 1, WAKE_LEAVE = 2 };

/* A kernel thread that runs fibers. Its idle context has a stack and a thread pointer of its own and is entered when
 * the fiber on it leaves without a successor. */
struct kthread {
    int tid;
    bool in_core;  /* read by signal handlers on this thread */
    bool deferred; /* a signal came while in the core */
    uint64_t cpu;  /* processor time, ns, when it lost the baton to somebody while computing; 0: not so */
    uint32_t call; /* see method.h: the fiber on it is in a call; written by itself alone */
    bool fresh;    /* made for somebody who will give it the baton, or put it on the idle list */
    uint32_t wake; /* futex: WAKE_CARRY, the baton is yours; WAKE_LEAVE */
    void *sp;      /* idle context */
    uintptr_t fs;
    struct fiber *running;  /* on it now */
    struct cpu_slice slice; /* its: see cpu_time.h */
    struct fiber *leaving;  /* to be put on the return queue once its context is saved */
    struct kthread *send;   /* the leaving fiber goes on there for good: see promote.h */
    struct fiber *adopt;    /* with `wake`: this fiber is yours for good, not the baton */
    struct kthread *next_idle;
    uint64_t kernel_mask; /* signal mask that the kernel has for it while it carries */
    bool alt_set;         /* the kernel knows of `alt` */
    bool half_done;       /* see baton_done */
    /* A record that is used again keeps what follows: somebody may be walking the list without the lock. */
    struct kthread *next;
    char *alt; /* an alternate signal stack of ours: see altstack.h */
    size_t alt_size;
};

struct baton {
    uintptr_t owner;                   /* struct kthread * | BATON_IN_CORE */
    struct lock lock;                  /* of the lists below */
    struct kthread *idle, *all, *gone; /* gone: records of those that have left */
    struct fiber *returned; /* return queue: a stack of fibers that want the baton, pushed from any kernel thread */
    unsigned nthreads, nidle;
    unsigned most; /* kernel threads that carried fibers at one time */
    unsigned long handoffs;
    struct kthread first;  /* the main thread */
    uint32_t monitor_word; /* futex: 0, the monitor sleeps */
    bool monitor_on;       /* under the lock: there is one, or it is being made */
    bool hurry;            /* somebody waits for the others to leave: see alone.h */
};

/* Makes the calling kernel thread the carrier, with one spare and the monitor. 0 or -errno. */
int baton_init(void);

/* Slow path of core_enter: back to the carrier through the return queue. */
void baton_return(struct fiber *self);
void baton_wake_kthread(struct kthread *k, uint32_t what);
/* Moves fibers from the return queue to the run queue. Inside the core. */
void baton_drain(void);
/* True while the fiber runs on a kernel thread without the baton. */
bool baton_is_away(const struct fiber *f);

/* Steps away: the carrier goes on elsewhere while the caller makes a call that may block. Called outside the core.
 * baton_back returns to the carrier; the fiber may be on another kernel thread then. */
void baton_away(struct fiber *self, const char *call);
void baton_back(struct fiber *self);
/* The first half from inside the core; core_enter is the second. False: still inside, nobody can take over. */
bool baton_step_away(struct fiber *self);

/* After a second fiber is counted: makes the monitor and a spare if they have left. 0 or -errno. Inside the core. */
int baton_staff(void);

/* A thread of libc's with all signals blocked; detached: PTHREAD_CREATE_*. 0 or -errno. */
int baton_spawn(void *(*start)(void *), void *arg, int detached);
/* The monitor's: gives the baton to a spare kernel thread if it is still this owner's. */
void baton_take_over(uintptr_t owner);

/* For promote.c. A kernel thread that will not carry, running start(k): NULL without memory. */
struct kthread *baton_make(void *(*start)(void *), int detached);
/* Takes this one off the idle list, or any; false, NULL: it is busy, there is none and none can be made. */
bool baton_take_idle(struct kthread *k);
struct kthread *baton_spare(void);
struct kthread *baton_idle_one(void);
/* Inside the core: makes `to` the carrier, or wakes it for the fiber that it has to adopt. */
void baton_hand(struct kthread *to);
/* A kernel thread has left the carriers. */
void baton_bound(void);
/* Of one that was made for a fiber: it ends; and nobody asks any more for its end. With both its record is free. */
void baton_ended(struct kthread *k);
void baton_done(struct kthread *k);

/* Runs in idle context until the kernel thread is told to leave: never the main one. */
void baton_idle(struct kthread *k);

#endif
