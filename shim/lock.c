/* pthread's and C11's locks. An unlock, signal or post by anybody makes the real call and then looks who is parked. */
#include "shim/hook.h"
#include "core/foreign.h"
#include "core/owner.h"
#include "core/sync.h"

/* What an unlock, signal or post does after the real call: `e` is its result. The gate is asked only now: a foreign
 * thread may have made fibers meanwhile. */
SLOW void slow_gave(const void *addr, int n)
{
    if ((real_gate & REAL_FIBERS) != 0)
        addr_wake(addr, n);
    hook_leave_lock();
}

static inline int gave(int e, const void *addr, int n)
{
    if (unlikely(real_gate != 0 && e == 0))
        slow_gave(addr, n);
    return e;
}

/* The caller is no fiber while there are some, and the mutex's owner is read by others. */
static bool owned(const struct fiber *self, const pthread_mutex_t *m)
{
    return self == NULL && unlikely(rt.coop) && owner_matters(m);
}

/* ---- mutexes ---- */

GATED(int, pthread_mutex_lock, (pthread_mutex_t * m), (m))
{
    struct fiber *self = hook_enter();
    if (owned(self, m))
        return owner_lock(m, NULL);
    return self == NULL ? real.pthread_mutex_lock(m) : hook_error(sync_mutex_lock(self, m, NULL));
}
TWIN(__pthread_mutex_lock, pthread_mutex_lock);

/* A point where a slice can end: programs spin on it. */
GATED(int, pthread_mutex_trylock, (pthread_mutex_t * m), (m))
{
    struct fiber *self = hook_enter();
    if (owned(self, m))
        return owner_trylock(m);
    return self == NULL ? real.pthread_mutex_trylock(m) : sync_mutex_trylock(self, m);
}
TWIN(__pthread_mutex_trylock, pthread_mutex_trylock);

GATED(int, pthread_mutex_clocklock, (pthread_mutex_t * m, clockid_t clock, const struct timespec *until),
      (m, clock, until))
{
    struct fiber *self = hook_enter();
    struct sync_limit limit = {clock, until};
    if (owned(self, m) && (clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME))
        return owner_lock(m, &limit);
    if (self == NULL || (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME))
        return real.pthread_mutex_clocklock(m, clock, until);
    return hook_error(sync_mutex_lock(self, m, &limit));
}

GATED(int, pthread_mutex_timedlock, (pthread_mutex_t * m, const struct timespec *until), (m, until))
{
    struct fiber *self = hook_enter();
    struct sync_limit limit = {CLOCK_REALTIME, until};
    if (owned(self, m))
        return owner_lock(m, &limit);
    return self == NULL ? real.pthread_mutex_timedlock(m, until) : hook_error(sync_mutex_lock(self, m, &limit));
}

SLOW int give_owned(pthread_mutex_t *m)
{
    struct fiber *self = fiber_self;
    if (self != NULL)
        return owner_give(self, m);
    return owned(self, m) ? owner_unlock(m) : real.pthread_mutex_unlock(m);
}

EXPORT int pthread_mutex_unlock(pthread_mutex_t *m)
{
    hook_bind();
    return gave(unlikely(owner_matters(m)) ? give_owned(m) : real.pthread_mutex_unlock(m), m, 1);
}
TWIN(__pthread_mutex_unlock, pthread_mutex_unlock);

/* ---- condition variables ---- */

GATED(int, pthread_cond_wait, (pthread_cond_t * c, pthread_mutex_t *m), (c, m))
{
    struct fiber *self = hook_enter_cancel();
    if (self == NULL && rt.coop)
        return foreign_cond_wait(c, m, NULL);
    return self == NULL ? real.pthread_cond_wait(c, m) : hook_error(sync_cond_wait(self, c, m, NULL));
}

GATED(int, pthread_cond_clockwait,
      (pthread_cond_t * c, pthread_mutex_t *m, clockid_t clock, const struct timespec *until), (c, m, clock, until))
{
    struct fiber *self = hook_enter_cancel();
    struct sync_limit limit = {clock, until};
    if (self == NULL && rt.coop)
        return foreign_cond_wait(c, m, &limit);
    return self == NULL ? real.pthread_cond_clockwait(c, m, clock, until)
                        : hook_error(sync_cond_wait(self, c, m, &limit));
}

GATED(int, pthread_cond_timedwait, (pthread_cond_t * c, pthread_mutex_t *m, const struct timespec *until),
      (c, m, until))
{
    struct fiber *self = hook_enter_cancel();
    struct sync_limit limit = {sync_cond_clock(c), until};
    if (self == NULL && rt.coop)
        return foreign_cond_wait(c, m, &limit);
    if (self == NULL)
        return real.pthread_cond_timedwait(c, m, until);
    return hook_error(sync_cond_wait(self, c, m, &limit));
}

EXPORT int pthread_cond_signal(pthread_cond_t *c)
{
    hook_bind();
    return gave(real.pthread_cond_signal(c), c, 1);
}

EXPORT int pthread_cond_broadcast(pthread_cond_t *c)
{
    hook_bind();
    return gave(real.pthread_cond_broadcast(c), c, ADDR_ALL);
}

/* Of before glibc 2.3.2: the program's object holds a pointer to the condition variable, which libc makes at the first
 * use. Its signal makes it, too; nobody waits for a variable that is new. */
static pthread_cond_t *pointed(pthread_cond_t *old)
{
    pthread_cond_t **to = (pthread_cond_t **)(void *)old;
    hook_bind();
    if (__atomic_load_n(to, __ATOMIC_ACQUIRE) == NULL)
        real_old()->pthread_cond_signal_old(old);
    return __atomic_load_n(to, __ATOMIC_ACQUIRE); /* NULL: no memory */
}

EXPORT int pthread_cond_wait_old(pthread_cond_t *old, pthread_mutex_t *m)
{
    pthread_cond_t *c = pointed(old);
    return c == NULL ? ENOMEM : pthread_cond_wait(c, m);
}
VERSION(pthread_cond_wait_old, pthread_cond_wait, "GLIBC_2.2.5");

EXPORT int pthread_cond_timedwait_old(pthread_cond_t *old, pthread_mutex_t *m, const struct timespec *until)
{
    pthread_cond_t *c = pointed(old);
    return c == NULL ? ENOMEM : pthread_cond_timedwait(c, m, until);
}
VERSION(pthread_cond_timedwait_old, pthread_cond_timedwait, "GLIBC_2.2.5");

EXPORT int pthread_cond_signal_old(pthread_cond_t *old)
{
    pthread_cond_t *c = pointed(old);
    return c == NULL ? ENOMEM : pthread_cond_signal(c);
}
VERSION(pthread_cond_signal_old, pthread_cond_signal, "GLIBC_2.2.5");

EXPORT int pthread_cond_broadcast_old(pthread_cond_t *old)
{
    pthread_cond_t *c = pointed(old);
    return c == NULL ? ENOMEM : pthread_cond_broadcast(c);
}
VERSION(pthread_cond_broadcast_old, pthread_cond_broadcast, "GLIBC_2.2.5");

/* ---- read-write locks ---- */

static int rwlock(pthread_rwlock_t *l, int mode, clockid_t clock, const struct timespec *until)
{
    struct sync_limit limit = {clock, until};
    return hook_error(sync_rwlock_lock(fiber_self, l, mode, until == NULL ? NULL : &limit));
}

GATED(int, pthread_rwlock_rdlock, (pthread_rwlock_t * l), (l))
{
    return hook_enter() == NULL ? real.pthread_rwlock_rdlock(l) : rwlock(l, RW_READ, 0, NULL);
}
TWIN(__pthread_rwlock_rdlock, pthread_rwlock_rdlock);

GATED(int, pthread_rwlock_tryrdlock, (pthread_rwlock_t * l), (l))
{
    struct fiber *self = hook_enter();
    return self == NULL ? real.pthread_rwlock_tryrdlock(l) : sync_rwlock_try_read(self, l);
}
TWIN(__pthread_rwlock_tryrdlock, pthread_rwlock_tryrdlock);

GATED(int, pthread_rwlock_timedrdlock, (pthread_rwlock_t * l, const struct timespec *until), (l, until))
{
    return hook_enter() == NULL ? real.pthread_rwlock_timedrdlock(l, until) : rwlock(l, RW_READ, CLOCK_REALTIME, until);
}

GATED(int, pthread_rwlock_clockrdlock, (pthread_rwlock_t * l, clockid_t clock, const struct timespec *until),
      (l, clock, until))
{
    return hook_enter() == NULL ? real.pthread_rwlock_clockrdlock(l, clock, until) : rwlock(l, RW_READ, clock, until);
}

GATED(int, pthread_rwlock_wrlock, (pthread_rwlock_t * l), (l))
{
    return hook_enter() == NULL ? real.pthread_rwlock_wrlock(l) : rwlock(l, RW_WRITE, 0, NULL);
}
TWIN(__pthread_rwlock_wrlock, pthread_rwlock_wrlock);

GATED(int, pthread_rwlock_timedwrlock, (pthread_rwlock_t * l, const struct timespec *until), (l, until))
{
    return hook_enter() == NULL ? real.pthread_rwlock_timedwrlock(l, until)
                                : rwlock(l, RW_WRITE, CLOCK_REALTIME, until);
}

GATED(int, pthread_rwlock_clockwrlock, (pthread_rwlock_t * l, clockid_t clock, const struct timespec *until),
      (l, clock, until))
{
    return hook_enter() == NULL ? real.pthread_rwlock_clockwrlock(l, clock, until) : rwlock(l, RW_WRITE, clock, until);
}

EXPORT int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
    hook_bind();
    return gave(real.pthread_rwlock_unlock(l), l, ADDR_ALL);
}
TWIN(__pthread_rwlock_unlock, pthread_rwlock_unlock);

/* ---- barriers, spinlocks, semaphores, once ---- */

/* Private barriers are ours from the first, for fibers may come later. */
EXPORT int pthread_barrier_init(pthread_barrier_t *restrict b, const pthread_barrierattr_t *restrict attr,
                                unsigned count)
{
    hook_enter();
    int shared = PTHREAD_PROCESS_PRIVATE;
    int e = real.pthread_barrier_init(b, attr, count);
    if (e != 0 || rt.no_fibers || (attr != NULL && real.pthread_barrierattr_getpshared(attr, &shared) != 0) ||
        shared != PTHREAD_PROCESS_PRIVATE)
        return e;
    return sync_barrier_init(b, count);
}

EXPORT int pthread_barrier_wait(pthread_barrier_t *b)
{
    struct fiber *self = hook_enter();
    if (sync_barrier_ours(b))
        return hook_error(sync_barrier_wait(self, b));
    if (self == NULL)
        return real.pthread_barrier_wait(b);
    baton_away(self, "pthread_barrier_wait");
    int r = real.pthread_barrier_wait(b);
    baton_back(self);
    return r;
}

EXPORT int pthread_barrier_destroy(pthread_barrier_t *b)
{
    struct fiber *self = hook_enter();
    return sync_barrier_ours(b) ? sync_barrier_destroy(self, b) : real.pthread_barrier_destroy(b);
}

GATED(int, pthread_spin_lock, (pthread_spinlock_t * s), (s))
{
    struct fiber *self = hook_enter();
    return self == NULL ? real.pthread_spin_lock(s) : hook_error(sync_spin_lock(self, s));
}

static int sem_result(int e)
{
    return e == 0 ? 0 : (int)hook_result(-e);
}

GATED(int, sem_wait, (sem_t * s), (s))
{
    struct fiber *self = hook_enter_cancel();
    return self == NULL ? real.sem_wait(s) : sem_result(sync_sem_wait(self, s, NULL));
}

GATED(int, sem_timedwait, (sem_t *restrict s, const struct timespec *restrict until), (s, until))
{
    struct fiber *self = hook_enter_cancel();
    struct sync_limit limit = {CLOCK_REALTIME, until};
    return self == NULL ? real.sem_timedwait(s, until) : sem_result(sync_sem_wait(self, s, &limit));
}

/* A cancellation point only where it has to wait, unlike the other two. */
GATED(int, sem_clockwait, (sem_t *restrict s, clockid_t clock, const struct timespec *restrict until),
      (s, clock, until))
{
    struct fiber *self = hook_enter();
    struct sync_limit limit = {clock, until};
    return self == NULL ? real.sem_clockwait(s, clock, until) : sem_result(sync_sem_wait(self, s, &limit));
}

EXPORT int sem_post(sem_t *s)
{
    hook_bind();
    return gave(real.sem_post(s), s, 1);
}

GATED(int, pthread_once, (pthread_once_t * once, void (*init)(void)), (once, init))
{
    struct fiber *self = hook_enter();
    return self == NULL ? real.pthread_once(once, init) : hook_error(sync_once(self, once, init));
}
TWIN(__pthread_once, pthread_once);

EXPORT void call_once(once_flag *flag, void (*init)(void))
{
    pthread_once((pthread_once_t *)flag, init);
}

/* ---- C11: the same objects under other names ---- */

static int c11(int e)
{
    return e == 0           ? thrd_success
           : e == ETIMEDOUT ? thrd_timedout
           : e == EBUSY     ? thrd_busy
           : e == ENOMEM    ? thrd_nomem
                            : thrd_error;
}

EXPORT int mtx_lock(mtx_t *m)
{
    return c11(pthread_mutex_lock((pthread_mutex_t *)m));
}

EXPORT int mtx_timedlock(mtx_t *restrict m, const struct timespec *restrict until)
{
    return c11(pthread_mutex_timedlock((pthread_mutex_t *)m, until));
}

EXPORT int mtx_unlock(mtx_t *m)
{
    return c11(pthread_mutex_unlock((pthread_mutex_t *)m));
}

EXPORT int cnd_wait(cnd_t *c, mtx_t *m)
{
    return c11(pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m));
}

EXPORT int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until)
{
    return c11(pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, until));
}

EXPORT int cnd_signal(cnd_t *c)
{
    return c11(pthread_cond_signal((pthread_cond_t *)c));
}

EXPORT int cnd_broadcast(cnd_t *c)
{
    return c11(pthread_cond_broadcast((pthread_cond_t *)c));
}
