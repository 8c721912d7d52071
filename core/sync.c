#include "core/sync.h"
#include "core/cancel.h"
#include "core/enter.h"
#include "core/mem.h"
#include "core/owner.h"
#include "core/shared.h"
#include "shim/real.h"

#include <errno.h>
#include <limits.h>

enum { COND_PSHARED = 1 }; /* glibc's ABI bit of the public field __wrefs */

static bool valid(const struct timespec *t)
{
    return t->tv_nsec >= 0 && t->tv_nsec < 1000000000;
}

/* 0, or EINVAL for what the real call would refuse. */
int sync_deadline(const struct sync_limit *limit, uint64_t *at)
{
    *at = CLOCK_NEVER;
    if (limit == NULL)
        return 0;
    if ((limit->clock != CLOCK_MONOTONIC && limit->clock != CLOCK_REALTIME) || !valid(limit->until))
        return EINVAL;
    *at = clock_deadline(limit->clock, limit->until);
    return 0;
}

enum { RW_READ_BIT = 1, RW_WRITE_BIT = 2 };

/* A non-blocking try that is repeated until it says something else than `busy`, parked on `addr` in between. */
struct
try {
    int (*attempt)(void *object);
    void *object;
    const void *addr;
    int busy;
    int flags;
    const char *call;
    uint32_t bits; /* 0: all */
};

static int try_or_park(struct fiber *self, const struct try *t, const struct sync_limit *limit)
{
    int e = t->attempt(t->object);
    if (likely(e != t->busy))
        return e;
    uint64_t at;
    e = sync_deadline(limit, &at);
    if (e != 0)
        return e;
    for (bool late = false;; late = true) {
        struct addr_wait w;
        core_enter(self);
        addr_link(&w, self, t->addr);
        w.wait.hungry = late;
        if (t->bits != 0)
            w.bits = t->bits;
        int r = 0;
        e = t->attempt(t->object);
        if (e == t->busy)
            r = wait_park(&w.wait, at, t->flags, t->call);
        addr_unlink(&w);
        if (unlikely(self->sig.due)) /* a handler first, which may block: somebody else shall look */
            addr_wake_here(t->addr, 1, w.bits);
        core_leave(self);
        if (e == t->busy && r != -EINTR) /* after a handler it is not looked at again, even if that has posted */
            e = t->attempt(t->object);
        if (e != t->busy) {
            if (r == -ECANCELED) /* too late for this call */
                cancel_put_back(self);
            if (e != 0) /* ENOTRECOVERABLE: for the next in line, too */
                addr_wake(t->addr, 1);
            return e;
        }
        if (r != 0 && t->bits == RW_WRITE_BIT) /* readers may have waited for this writer */
            addr_wake(t->addr, ADDR_ALL);
        if (r < 0 && r != -E_AGAIN)
            return -r;
    }
}

/* ---- mutexes ---- */

/* libc's trylock leaves a robust mutex locked that nobody made consistent; its lock does not. */
static bool dead(const pthread_mutex_t *m)
{
    return (m->__data.__kind & MUTEX_ROBUST) != 0 && m->__data.__owner == INT_MAX - 1;
}

/* A priority-inheriting mutex of a dead owner is given away by the kernel, which knows kernel threads only: the owner
 * is the fiber. */
static int try_here(pthread_mutex_t *m)
{
    int e = real.pthread_mutex_trylock(m);
    if (unlikely(e == EOWNERDEAD) && (m->__data.__kind & MUTEX_PRIO_INHERIT) != 0) {
        unsigned *word = (unsigned *)&m->__data.__lock, v = __atomic_load_n(word, __ATOMIC_RELAXED);
        unsigned tid = (unsigned)tls_tid(fiber_self->fs);
        while (!__atomic_compare_exchange_n(word, &v, (v & ~(unsigned)FUTEX_TID_MASK) | tid, false, __ATOMIC_SEQ_CST,
                                            __ATOMIC_RELAXED))
            ;
    }
    return e;
}

int sync_try_mutex(void *m)
{
    return unlikely(dead(m)) ? ENOTRECOVERABLE : try_here(m);
}

static bool owned(const struct fiber *self, const pthread_mutex_t *m)
{
    return m->__data.__owner == tls_tid(self->fs);
}

/* On this kernel thread, under its own id, for the kernel looks at its priority; the owner is the fiber. */
static int mutex_lock_protect(struct fiber *self, pthread_mutex_t *m, const struct sync_limit *limit)
{
    int fake = tls_tid(self->fs);
    baton_away(self, "pthread_mutex_lock");
    tls_set_tid(self->fs, sys_gettid());
    int e = limit != NULL ? real.pthread_mutex_clocklock(m, limit->clock, limit->until) : real.pthread_mutex_lock(m);
    tls_set_tid(self->fs, fake);
    if (e == 0 || e == EOWNERDEAD)
        m->__data.__owner = fake;
    baton_back(self);
    return e;
}

int sync_mutex_lock(struct fiber *self, pthread_mutex_t *m, const struct sync_limit *limit)
{
    const struct try t = {sync_try_mutex, m, m, EBUSY, limit != NULL ? WAIT_STOP : 0, "pthread_mutex_lock", 0};
    int kind = m->__data.__kind;
    /* libc says "shared" of every robust mutex: what counts is where it is. */
    bool shared = unlikely((kind & MUTEX_PSHARED) != 0) && mem_shared(m);
    if (shared && owner_claim(self, m))
        return owner_lock(m, limit);
    if (unlikely((kind & MUTEX_PRIO_PROTECT) != 0))
        return mutex_lock_protect(self, m, limit);
    if (unlikely(shared))
        return shared_mutex_lock(self, m, limit);
    int e = sync_try_mutex(m);
    if (likely(e != EBUSY))
        return e;
    /* Who owns it already: recursive succeeded above, errorcheck says so at once, a normal one waits for ever. */
    if ((kind & MUTEX_KIND_MASK) == PTHREAD_MUTEX_ERRORCHECK_NP && owned(self, m))
        return EDEADLK;
    return try_or_park(self, &t, limit);
}

int sync_mutex_trylock(struct fiber *self, pthread_mutex_t *m)
{
    if (unlikely((m->__data.__kind & MUTEX_PSHARED) != 0) && mem_shared(m) && owner_claim(self, m))
        return owner_trylock(m);
    return try_here(m);
}

/* ---- condition variables ---- */

bool sync_cond_shared(const pthread_cond_t *c)
{
    return (c->__data.__wrefs & COND_PSHARED) != 0;
}

clockid_t sync_cond_clock(const pthread_cond_t *c)
{
    return ((int)c->__data.__wrefs & rt.tls.cond_clock_bit) != 0 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

int sync_cond_wait(struct fiber *self, pthread_cond_t *c, pthread_mutex_t *m, const struct sync_limit *limit)
{
    uint64_t at;
    if (limit != NULL && !valid(limit->until))
        return EINVAL;
    if (unlikely(sync_cond_shared(c)))
        return shared_cond_wait(self, c, m, limit);
    int e = sync_deadline(limit, &at);
    if (e != 0)
        return e;
    struct addr_wait w;
    bool ours = owned(self, m);
    core_enter(self);
    addr_link(&w, self, c);
    m->__data.__nusers += ours; /* who waits still uses it: it cannot be destroyed */
    e = likely(!owner_matters(m)) ? real.pthread_mutex_unlock(m) : owner_give(self, m);
    int r = 0;
    if (likely(e == 0)) {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        addr_wake_here(m, 1, ~0u);
        while ((r = wait_park(&w.wait, at, WAIT_CANCEL, "pthread_cond_wait")) == -E_AGAIN)
            addr_link(&w, self, c);
    }
    addr_unlink(&w);
    core_leave(self);
    if (e != 0)
        return e;
    e = sync_mutex_lock(self, m, NULL);
    m->__data.__nusers -= ours && (e == 0 || e == EOWNERDEAD);
    if (r == -E_CANCELLED)
        return E_CANCELLED;
    return e != 0 ? e : -r;
}

/* ---- rwlocks ---- */

/* A waiting writer goes first where the program has asked for that; libc does not know of parked ones. */
int sync_rwlock_try_read(struct fiber *self, pthread_rwlock_t *l)
{
    bool first = l->__data.__flags == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP && addr_watched(l);
    if (likely(!first))
        return real.pthread_rwlock_tryrdlock(l);
    bool inside = self->kt->in_core;
    if (!inside)
        core_enter(self);
    bool writer = addr_waiting_here(l, RW_WRITE_BIT);
    if (!inside)
        core_leave(self);
    return writer ? EBUSY : real.pthread_rwlock_tryrdlock(l);
}

static int read_try(void *l)
{
    return sync_rwlock_try_read(fiber_self, l);
}

static int write_try(void *l)
{
    return real.pthread_rwlock_trywrlock(l);
}

int sync_rwlock_lock(struct fiber *self, pthread_rwlock_t *l, int mode, const struct sync_limit *limit)
{
    const struct try t = {mode == RW_READ ? read_try : write_try,
                          l,
                          l,
                          EBUSY,
                          limit != NULL ? WAIT_STOP : 0,
                          mode == RW_READ ? "pthread_rwlock_rdlock" : "pthread_rwlock_wrlock",
                          mode == RW_READ ? RW_READ_BIT : RW_WRITE_BIT};
    if (limit != NULL && ((limit->clock != CLOCK_MONOTONIC && limit->clock != CLOCK_REALTIME) || !valid(limit->until)))
        return EINVAL;
    if (unlikely(l->__data.__shared != 0))
        return shared_rwlock_lock(self, l, mode, limit);
    int e = t.attempt(l);
    if (likely(e != EBUSY))
        return e;
    if (l->__data.__cur_writer == tls_tid(self->fs))
        return EDEADLK;
    return try_or_park(self, &t, limit);
}

/* ---- semaphores ---- */

int sync_try_sem(void *s)
{
    return real.sem_trywait(s) == 0 ? 0 : errno;
}

int sync_sem_wait(struct fiber *self, sem_t *s, const struct sync_limit *limit)
{
    const struct try t = {sync_try_sem, s, s, EAGAIN, WAIT_CANCEL | WAIT_INTR, "sem_wait", 0};
    int saved = errno;
    if (limit != NULL && ((limit->clock != CLOCK_MONOTONIC && limit->clock != CLOCK_REALTIME) || !valid(limit->until)))
        return EINVAL;
    int e = sync_try_sem(s);
    if (e == EAGAIN && shared_sem(s)) {
        e = shared_sem_wait(self, s, limit);
    } else if (e == EAGAIN) {
        do
            e = try_or_park(self, &t, limit);
        while (e == EINTR && limit == NULL && signals_restarts(self)); /* with a time it is not restarted */
    }
    errno = saved;
    return e;
}

/* ---- spinlocks, once, barriers ---- */

int sync_spin_lock(struct fiber *self, pthread_spinlock_t *s)
{
    int e;
    while ((e = real.pthread_spin_trylock(s)) == EBUSY)
        sched_yield_now(self);
    return e;
}

/* glibc's once word: 0 new, 1 (and a fork generation above) in progress, 2 done. */
enum { ONCE_INPROGRESS = 1, ONCE_DONE = 2 };

static int once_try(void *once)
{
    return (__atomic_load_n((int *)once, __ATOMIC_ACQUIRE) & ONCE_INPROGRESS) != 0 ? EBUSY : 0;
}

int sync_once(struct fiber *self, pthread_once_t *once, void (*init)(void))
{
    const struct try t = {once_try, once, once, EBUSY, 0, "pthread_once", 0};
    while (__atomic_load_n((int *)once, __ATOMIC_ACQUIRE) != ONCE_DONE) {
        if (once_try(once) == 0) {
            int e = real.pthread_once(once, init); /* runs init here */
            addr_wake(once, ADDR_ALL);
            if (e != 0)
                return e;
        } else {
            /* Who is cancelled in init, or leaves it by an exception, leaves it undone and wakes nobody here: look
             * again now and then. */
            struct timespec soon = clock_to_timespec(clock_after(5 * NS_PER_MS));
            struct sync_limit limit = {CLOCK_MONOTONIC, &soon};
            int e = try_or_park(self, &t, &limit);
            if (e == E_CANCELLED) /* asynchronously */
                return e;
        }
    }
    return 0;
}

/* A private barrier is ours from init to destroy, in libc's memory, for libc has no way to arrive without waiting.
 * Process-shared ones are libc's. */
struct barrier {
    uint32_t magic, count;
    union { /* more threads may use it than it counts: who begins a round takes back who has arrived, at once */
        uint64_t state;
        struct {
            uint32_t arrived, round;
        };
    };
    uint32_t inside; /* still looking at it */
};
_Static_assert(sizeof(struct barrier) <= sizeof(pthread_barrier_t), "a barrier of ours takes libc's place");

enum { BARRIER_MAGIC = 0x0ba221e2 };

static struct barrier *barrier_of(const pthread_barrier_t *b)
{
    return (struct barrier *)(uintptr_t)b;
}

bool sync_barrier_ours(const pthread_barrier_t *b)
{
    return barrier_of(b)->magic == BARRIER_MAGIC;
}

int sync_barrier_init(pthread_barrier_t *b, unsigned count)
{
    *barrier_of(b) = (struct barrier){.magic = BARRIER_MAGIC, .count = count};
    return 0;
}

struct round {
    struct barrier *b;
    uint32_t number;
};

static int round_try(void *arg)
{
    const struct round *r = arg;
    return __atomic_load_n(&r->b->round, __ATOMIC_SEQ_CST) == r->number ? EBUSY : 0;
}

int sync_barrier_wait(struct fiber *self, pthread_barrier_t *barrier)
{
    struct barrier *b = barrier_of(barrier);
    struct barrier now = {.count = b->count}, then;
    int e = 0;
    bool last;
    __atomic_fetch_add(&b->inside, 1, __ATOMIC_SEQ_CST);
    now.state = __atomic_load_n(&b->state, __ATOMIC_SEQ_CST);
    do {
        then = now;
        last = ++then.arrived == now.count;
        if (last) {
            then.arrived = 0;
            then.round++;
        }
    } while (
        !__atomic_compare_exchange_n(&b->state, &now.state, then.state, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    struct round r = {b, now.round};
    if (last) {
        sys_futex_wake(&b->round, 1 << 30);
        addr_wake(b, ADDR_ALL);
    } else if (self != NULL) {
        const struct try t = {round_try, &r, b, EBUSY, 0, "pthread_barrier_wait", 0};
        e = try_or_park(self, &t, NULL); /* or cancelled, asynchronously: it has arrived all the same */
    } else {
        while (round_try(&r) == EBUSY)
            sys_futex_wait(&b->round, r.number, NULL);
    }
    if (__atomic_sub_fetch(&b->inside, 1, __ATOMIC_SEQ_CST) == 0)
        addr_wake(&b->inside, ADDR_ALL);
    return last ? PTHREAD_BARRIER_SERIAL_THREAD : e;
}

/* Right after a round, others may still be on their way out: destroy waits for them (POSIX lets the last one in
 * destroy at once). */
int sync_barrier_destroy(struct fiber *self, pthread_barrier_t *barrier)
{
    struct barrier *b = barrier_of(barrier);
    while (__atomic_load_n(&b->inside, __ATOMIC_SEQ_CST) != 0) {
        if (self != NULL)
            sched_yield_now(self);
        else
            (void)sys(SYS_sched_yield);
    }
    b->magic = 0;
    return 0;
}
