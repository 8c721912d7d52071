/* Waits that only the kernel can make (file locks, System V messages and semaphores, semaphores that processes share),
 * by many fibers for the same thing, without a kernel thread for each.
 *
 * Fibers whose requests are the same (`key`) stand in line: where the kernel would not let the first of them have its
 * way it would not let the others either. So the first alone waits in the kernel, away, and it does so for all; who
 * releases is of any process, and needs no hook. The others are parked, and each is the first when the one before it
 * has left the line: with what it wanted, by a deadline, cancelled, for a handler, which may block. The one in the
 * kernel leaves the line for a handler only if others stand in it; where the kernel restarts its call, two wait there.
 * Requests that differ each have somebody in the kernel: they may be granted in any order, the kernel finds deadlocks
 * among them, and the pool of helpers is not touched. */
#ifndef COAX_LINE_H
#define COAX_LINE_H

#include "core/list.h"
#include "core/sched.h"

#include <stdbool.h>
#include <stddef.h>

enum { LINES = 64 };

enum line_kind {
    LINE_FLOCK,
    LINE_FCNTL,
    LINE_MSGSND,
    LINE_MSGRCV,
    LINE_SEMOP,
    LINE_MQ,
    LINE_SEM,
    LINE_MUTEX,
    LINE_RWLOCK
};

struct line_key {
    uint64_t kind, word[4];
    const void *more; /* to be compared, too */
    size_t size;
};

struct line_call {
    struct line_key key;
    wait_call *attempt; /* without waiting: a value, -EAGAIN, or another error, which ends the call */
    wait_call *call;    /* waits */
    void *arg;
    int fd;        /* closing it ends the wait; -1: none */
    int gone[2];   /* errors of a later attempt, or of the call, that mean the thing is gone, */
    int gone_says; /* which is said to all in line as this; 0: none do */
    bool restarts; /* a handler with SA_RESTART does not end it */
    int flags;     /* WAIT_* */
    uint64_t at;
    const char *name;
};

struct lines {
    struct list bucket[LINES];
    uint64_t turns;  /* places given out */
    unsigned of_fds; /* waiters that wait with a descriptor */
    unsigned waiting;
};

/* What the call says: a value or -errno, -ETIMEDOUT at `at`. The caller has attempted it, and it would wait. */
long line_wait(struct fiber *self, const struct line_call *call);

/* A handler begins on the fiber, which is perhaps in its call: then the next in line goes there, too. Outside the core.
 */
void line_interrupted(struct fiber *self);

/* Before the descriptor is closed: who waits with it wakes with the error, and is out of the kernel when this returns.
 * Outside the core. */
void line_drop(struct fiber *self, int fd, int error);
/* Inside the core, after kick_prepare: the same, but that who is in the kernel (true: there is one) comes out
 * later. */
bool line_drop_here(int fd, int error);

/* How many stand in line with that kind and first word behind the one in the kernel, and pass the test. Inside the
 * core. */
unsigned line_count(enum line_kind kind, uint64_t first_word, bool (*test)(const struct line_key *, long), long arg);

/* In a fork's child. */
void line_forked(void);

#endif
