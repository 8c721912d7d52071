#include "core/shared.h"
#include "core/enter.h"
#include "shim/real.h"

#include <errno.h>

/* A kernel thread waits in libc's own lock, for all who stand in line. A limit is the kernel's to keep; in between it
 * is looked at whether something else ends the wait, for libc goes on waiting after a signal. */
struct shared {
    void *object;
    int (*attempt)(void *object);
    int (*lock)(void *object, const struct timespec *until); /* until NULL: without end; of CLOCK_MONOTONIC */
    struct fiber *self;
    uint64_t at;
};

enum { SLICE = 50 * NS_PER_MS };

static long try_shared(void *arg)
{
    const struct shared *s = arg;
    int e = s->attempt(s->object);
    return e == EBUSY ? -EAGAIN : -e;
}

static long wait_shared(void *arg)
{
    const struct shared *s = arg;
    if (s->at == CLOCK_NEVER)
        return -s->lock(s->object, NULL);
    for (;;) {
        uint64_t slice = clock_after(SLICE);
        struct timespec until = clock_to_timespec(slice < s->at ? slice : s->at);
        int e = s->lock(s->object, &until);
        if (e != ETIMEDOUT || slice >= s->at)
            return -e;
        if (__atomic_load_n(&s->self->wait->woken, __ATOMIC_SEQ_CST))
            return -EINTR;
    }
}

static int lock_shared(struct fiber *self, const struct shared *how, enum line_kind kind, int mode,
                       const struct sync_limit *limit, const char *name)
{
    struct shared s = *how;
    s.self = self;
    int e = sync_deadline(limit, &s.at);
    if (e != 0)
        return e;
    long r = try_shared(&s);
    if (r != -EAGAIN)
        return -(int)r;
    const struct line_call call = {
        .key = {kind, {(uintptr_t)s.object, (uint64_t)mode}, NULL, 0},
        .attempt = try_shared,
        .call = wait_shared,
        .arg = &s,
        .fd = -1,
        .flags = limit != NULL ? WAIT_STOP : 0,
        .at = s.at,
        .name = name,
    };
    return -(int)line_wait(self, &call);
}

/* ---- mutexes ---- */

static int mutex_lock_real(void *m, const struct timespec *until)
{
    return until == NULL ? real.pthread_mutex_lock(m) : real.pthread_mutex_clocklock(m, CLOCK_MONOTONIC, until);
}

int shared_mutex_lock(struct fiber *self, pthread_mutex_t *m, const struct sync_limit *limit)
{
    const struct shared s = {.object = m, .attempt = sync_try_mutex, .lock = mutex_lock_real};
    return lock_shared(self, &s, LINE_MUTEX, 0, limit, "pthread_mutex_lock");
}

/* ---- condition variables ---- */

/* Around a real call that waits in the kernel. */
#define AWAY(self, name, expression)                                                                                   \
    __extension__({                                                                                                    \
        baton_away(self, name);                                                                                        \
        __typeof__(expression) result_ = (expression);                                                                 \
        baton_back(self);                                                                                              \
        result_;                                                                                                       \
    })

/* Who waits must be in libc's own wait: there is no line. A deadline is kept as a limit of the call. */
int shared_cond_wait(struct fiber *self, pthread_cond_t *c, pthread_mutex_t *m, const struct sync_limit *limit)
{
    struct timespec until;
    struct sync_limit deadline = {CLOCK_MONOTONIC, &until};
    uint64_t at;
    int e = sync_deadline(limit, &at);
    if (e != 0)
        return e;
    if (self->deadline != 0 && self->deadline < at) {
        until = clock_to_timespec(self->deadline);
        limit = &deadline;
    }
    if (limit != NULL)
        return AWAY(self, "pthread_cond_wait", real.pthread_cond_clockwait(c, m, limit->clock, limit->until));
    return AWAY(self, "pthread_cond_wait", real.pthread_cond_wait(c, m));
}

/* ---- read-write locks ---- */

static int read_lock_real(void *l, const struct timespec *until)
{
    return until == NULL ? real.pthread_rwlock_rdlock(l) : real.pthread_rwlock_clockrdlock(l, CLOCK_MONOTONIC, until);
}

static int write_lock_real(void *l, const struct timespec *until)
{
    return until == NULL ? real.pthread_rwlock_wrlock(l) : real.pthread_rwlock_clockwrlock(l, CLOCK_MONOTONIC, until);
}

static int try_read_real(void *l)
{
    return real.pthread_rwlock_tryrdlock(l);
}

static int try_write_real(void *l)
{
    return real.pthread_rwlock_trywrlock(l);
}

int shared_rwlock_lock(struct fiber *self, pthread_rwlock_t *l, int mode, const struct sync_limit *limit)
{
    const struct shared read = {.object = l, .attempt = try_read_real, .lock = read_lock_real};
    const struct shared write = {.object = l, .attempt = try_write_real, .lock = write_lock_real};
    bool reads = mode == RW_READ;
    if (l->__data.__cur_writer == tls_tid(self->fs))
        return EDEADLK;
    return lock_shared(self, reads ? &read : &write, LINE_RWLOCK, mode, limit,
                       reads ? "pthread_rwlock_rdlock" : "pthread_rwlock_wrlock");
}

/* ---- semaphores ---- */

/* glibc's semaphore: value and count of who waits in the kernel, then whether it is private (0). Named ones are
 * shared. */
struct semaphore {
    uint32_t value, waiters;
    int shared;
};

static struct semaphore *semaphore(sem_t *s)
{
    return (struct semaphore *)(void *)s;
}

bool shared_sem(sem_t *s)
{
    return semaphore(s)->shared != 0;
}

struct sem_call {
    sem_t *sem;
    bool timed;
};

static long try_sem_shared(void *arg)
{
    const struct sem_call *c = arg;
    return -sync_try_sem(c->sem);
}

/* As libc does, but for what it would do when the thread is cancelled. The time is kept by whoever waits for the call;
 * but the kernel restarts after a handler what has none. */
static long wait_sem_shared(void *arg)
{
    const struct sem_call *c = arg;
    static const struct timespec day = {24l * 60 * 60, 0};
    struct semaphore *s = semaphore(c->sem);
    long r = -EAGAIN;
    __atomic_fetch_add(&s->waiters, 1, __ATOMIC_SEQ_CST);
    while (r == -EAGAIN || r == -ETIMEDOUT) {
        r = sys(SYS_futex, &s->value, FUTEX_WAIT, 0, c->timed ? &day : NULL);
        if (r == 0 || r == -EAGAIN)
            r = -sync_try_sem(c->sem);
    }
    __atomic_fetch_sub(&s->waiters, 1, __ATOMIC_SEQ_CST);
    return r;
}

int shared_sem_wait(struct fiber *self, sem_t *s, const struct sync_limit *limit)
{
    uint64_t at;
    int e = sync_deadline(limit, &at);
    if (e != 0)
        return e;
    struct sem_call how = {s, limit != NULL};
    const struct line_call call = {
        .key = {LINE_SEM, {(uintptr_t)s}, NULL, 0},
        .attempt = try_sem_shared,
        .call = wait_sem_shared,
        .arg = &how,
        .fd = -1,
        .restarts = limit == NULL,
        .flags = WAIT_CANCEL | WAIT_INTR,
        .at = at,
        .name = "sem_wait",
    };
    return -(int)line_wait(self, &call);
}
