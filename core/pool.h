/* Helper threads for calls that can only be made by blocking in them. Made on demand up to a limit; idle ones leave.
 * All signals are blocked in them; the hooks pass them through. */
#ifndef COAX_POOL_H
#define COAX_POOL_H

#include "core/lock.h"
#include "core/sched.h"

#include <stdbool.h>
#include <stdint.h>

struct helper;

/* A job lives in memory of its own (the caller may leave before it ends), usually at the head of a larger struct. */
struct job {
    struct job *next;
    void (*run)(struct job *);  /* on a helper */
    void (*drop)(struct job *); /* frees an abandoned job; not called for one that was waited for */
    struct wait_first *first;   /* of its wait: see sched.h; NULL: nothing */
    struct wait *waiter;        /* a fiber's; NULL: abandoned. Under the baton */
    bool fiber;                 /* the caller is one */
    bool endless;               /* may never come back: once abandoned, its helper does not count for the limit */
    bool refused;               /* no helper could be made: the caller makes the call himself */
    uint64_t cpu;               /* processor time that it took, ns */
    struct helper *helper;      /* that runs it. Under the pool's lock */
    uint32_t done;              /* futex for callers that are no fibers */
    uint32_t claimed;           /* by the first of: its end, an impatient caller that is no fiber */
};

struct pool {
    struct lock lock;
    struct job *head, *tail; /* not started */
    struct job *finished;    /* a stack, any thread */
    unsigned queued, threads, idle, most;
    uint32_t signal; /* futex: counts jobs queued */
};

/* Runs the job on a helper and waits: 0, -ETIMEDOUT, -E_CANCELLED, -EINTR. After an error the job is abandoned: it must
 * not be touched again. flags: WAIT_*. When no helper can be had, the caller's kernel thread does it, or, if there is a
 * deadline, it waits for one. self NULL: no fibers. */
int pool_run(struct fiber *self, struct job *job, uint64_t deadline, int flags, const char *call);
/* Inside the core: wakes those whose jobs are done. */
void pool_drain(void);
void pool_forked(void);

/* Most helpers at a time, up to POOL_MOST. A lower limit ends no helper that works; those that are too many leave when
 * they are idle. */
unsigned pool_limit(void);
void pool_set_limit(unsigned limit);
/* Helpers that there are, and those of them without work. Any thread; as of this moment. */
unsigned pool_threads(void);
unsigned pool_idle(void);

#endif
