/* A fiber: a thread of the program that the core runs. Its handle is its thread pointer, the program's pthread_t.
 * Life: fiber_create -> queued -> runs -> fiber_exit -> joined or detached -> on its class's free list. */
#ifndef COAX_FIBER_H
#define COAX_FIBER_H

#include "core/cpu_time.h"
#include "core/list.h"
#include "core/sched.h"
#include "core/signal.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    FAKE_TID_FIRST = 0x10000000, /* above any pid, below FUTEX_TID_MASK: unique, so that lock owners are */
    FAKE_TID_END = 0x3f000000,
    FIBER_NAME = 16,
};

enum fiber_state {
    FIBER_READY,   /* in the run queue */
    FIBER_RUNNING, /* on the carrier, or away on a kernel thread of its own */
    FIBER_PARKED,  /* in wait_park */
    FIBER_DONE,    /* ended, not joined */
    FIBER_FREE,
};

struct fiber {
    void *sp;           /* saved context, valid unless running or away */
    uintptr_t fs;       /* thread pointer */
    struct kthread *kt; /* that runs it, or ran it last */
    struct fiber *next; /* run queue, return queue or free list */
    struct wait *wait;  /* what it is parked on */
    enum fiber_state state;

    bool detached, c11, main, promoted;
    bool trimmed, jumped; /* see trim.h */
    uint8_t computes;     /* see baton.h: counts down with every turn that it gets */
    bool cancel_disabled;
    bool exiting; /* pthread_exit was called, result is set */
    bool service; /* one of ours, no thread of the program: see notify.h */
    bool tainted; /* promoted, and threads that it creates must be its like */
    union {
        struct {
            uint8_t asked; /* enum schedule_ask: to be done on a kernel thread of its own, at the next hook */
            bool cancel_pending;
            bool bound; /* it has values, maybe an async method of its own */
        };
        uint32_t care; /* 0: a hook has none of these to think of */
    };

    void *(*start)(void *);
    void *arg, *result;
    uint32_t done;        /* futex for foreign joiners */
    struct fiber *joiner; /* parked in join */
    struct wait *join_wait;
    uint32_t foreign_joiners;

    struct list all; /* rt.fibers.all */
    struct stack_class *class;
    char *slot;
    char *stack; /* as pthread_getattr_np shows it */
    size_t stack_size, guard_size;

    uint64_t affinity; /* asked for, of the first 64 processors */
    int policy, nice;
    struct sched_param param;
    int fake_tid; /* of a promoted one: what its private locks know it by */
    char name[FIBER_NAME];
    const char *call;   /* what it waits in, for reports */
    const void *stream; /* lock of the stream that it holds and waits for: see stdio.h */

    struct scope *scope;     /* see scope.h: innermost first */
    struct binding *values;  /* see key.h */
    struct records *records; /* see record.h */
    uint64_t awaited;        /* key of the stream whose writers wait for what it does next: see handover.h; 0: none */
    uint64_t deadline;       /* of coax_with_timeout, absolute ns; 0: none */
    unsigned shielded;       /* in coax_protect */
    bool stop;               /* coax_cancel was called */
    unsigned stopped;        /* calls that were ended by that */
    unsigned turns;          /* that it has: see turn.h */

    struct cpu_time cpu;
    struct fiber_signals sig;
};

struct fibers {
    struct list all, promoted;
    unsigned live;    /* fibers that have not ended, main included */
    unsigned threads; /* promoted ones, too; atomic: who takes it to 0 ends the process */
    unsigned long created;
    struct fiber first;     /* record of the main thread */
    struct fiber *main;     /* &first; in a fork's child the fiber that forked */
    struct fiber *leaving;  /* has ended, and its stack is still in use */
    struct fiber *reaped;   /* joined by foreign threads, to be recycled */
    uintptr_t leader_block; /* of the thread that started the core: libc lists it for the first kernel thread */
    bool calibrated;
};

/* The running fiber of this kernel thread: NULL before the first pthread_create, on foreign threads and in helpers, and
 * once it has been promoted. The record stays. Nothing else is in TLS. */
extern __thread struct fiber *fiber_self __attribute__((tls_model("initial-exec")));
extern __thread struct fiber *fiber_record __attribute__((tls_model("initial-exec")));

/* Attributes as pthread_create sees them, resolved. */
struct fiber_attr {
    size_t stack_size, guard_size;
    char *stack; /* the program's own, or NULL */
    bool detached, c11;
    int policy;
    struct sched_param param;
    const sigset_t *sigmask; /* NULL: the creator's */
};

/* First call: makes the calling thread fiber number one and starts the core. 0, or -errno: keep kernel threads. */
int fiber_start_core(void);

/* Creates and queues. Returns 0 or an error number (EAGAIN). Takes the baton itself. */
int fiber_create(struct fiber *self, pthread_t *handle, const struct fiber_attr *attr, void *(*start)(void *),
                 void *arg);
/* Inside the core: a fiber of ours, ready to run, which counts as able to run but not as a thread of the program; NULL:
 * no memory. It is created detached. */
struct fiber *fiber_serve(const struct fiber_attr *attr, void *(*start)(void *), uint64_t mask);
/* Ends the running fiber: destructors, joiner, next. Called with its stack unwound. */
void fiber_exit(struct fiber *self) __attribute__((noreturn));
/* The same without destructors. */
void fiber_quit(struct fiber *self) __attribute__((noreturn));

/* The record of a handle, of a promoted thread's too; NULL: a foreign thread's. */
struct fiber *fiber_of(pthread_t handle);
/* The record with that thread id, fake or real; NULL: none. Takes the baton; self NULL: asks for it. */
struct fiber *fiber_by_tid(struct fiber *self, int tid);
/* Runs something inside the core, by the caller if that is a fiber; self NULL: by the carrier. */
void fiber_inside(struct fiber *self, void (*fn)(void *), void *arg);
/* Inside the core: ends a thread whose context will not run any more; keeps the slot of one that has been joined or
 * detached for the next thread of its class. */
void fiber_ended(struct fiber *f);
void fiber_recycle(struct fiber *f);
/* The same from outside: it will be recycled. */
void fiber_reap(struct fiber *f);

/* What a thread that has been joined leaves; stopped: coax_cancel has ended a call of it. */
struct ending {
    void *result;
    bool stopped;
};

/* Joins: 0, ETIMEDOUT, EBUSY (deadline 0), EINVAL, EDEADLK, or E_CANCELLED, ECANCELED, E_DEADLINE when the caller was
 * cancelled meanwhile, or stopped. */
int fiber_join(struct fiber *self, struct fiber *target, struct ending *end, uint64_t deadline);
/* The same for a caller that is no fiber. */
int fiber_join_foreign(struct fiber *target, struct ending *end, uint64_t deadline);
/* Joins the first of several that ends. */
int fiber_join_first(struct fiber *self, struct fiber **targets, size_t n, size_t *winner, struct ending *end);
void fiber_drain(void);
/* In a fork's child: to who joins them the others have ended, as libc has it. */
void join_forked(const struct fiber *self);
int fiber_detach(struct fiber *self, struct fiber *target);

#endif
