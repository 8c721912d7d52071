#include "core/owner.h"
#include "core/promote.h"
#include "core/rt.h"
#include "core/sys.h"
#include "shim/real.h"

#include <errno.h>

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

/* The main fiber has a true tid anyhow, and the kernel knows its list: only the kernel's own locks, which ask who
 * calls, need it on the first kernel thread. */
bool owner_claim(struct fiber *self, const pthread_mutex_t *m)
{
    int kind = m->__data.__kind, type = kind & MUTEX_KIND_MASK;
    bool inherit = (kind & MUTEX_PRIO_INHERIT) != 0;
    bool owned = inherit || (kind & MUTEX_ROBUST) != 0 || type == PTHREAD_MUTEX_RECURSIVE_NP ||
                 type == PTHREAD_MUTEX_ERRORCHECK_NP;
    return owned && (inherit || !self->main) && promote(self, false);
}

/* What was acquired before the promotion, of the kinds that the kernel reads, changes to the true id here. Robust ones
 * have done so already, except for an owner that pthread_mutex_consistent has just written. */
static void adopt(const struct fiber *self, pthread_mutex_t *m)
{
    if ((m->__data.__kind & (MUTEX_ROBUST | MUTEX_PRIO_INHERIT)) == 0 || m->__data.__owner != self->fake_tid)
        return;
    tls_rename_owner((uint32_t *)&m->__data.__lock, self->fake_tid, self->kt->tid);
    m->__data.__owner = self->kt->tid;
}

/* The block says until owner_end who the caller is to this mutex. */
static struct fiber *begin(pthread_mutex_t *m)
{
    struct fiber *self = promote_record();
    if (self == NULL)
        return NULL;
    adopt(self, m);
    if (m->__data.__owner != self->fake_tid)
        tls_set_tid(self->fs, self->kt->tid);
    return self;
}

static int end(struct fiber *self, int e)
{
    if (self != NULL)
        tls_set_tid(self->fs, self->fake_tid);
    return e;
}

static int nap(const struct sync_limit *limit)
{
    const struct timespec pause = {0, 1000000};
    if (limit != NULL && clock_deadline(limit->clock, limit->until) <= clock_now())
        return ETIMEDOUT;
    (void)sys(SYS_nanosleep, &pause, NULL);
    return EBUSY;
}

/* The kernel's lock, when its owner is a thread that the kernel knows. EBUSY: look again. */
static int wait_in_kernel(pthread_mutex_t *m, const struct sync_limit *limit)
{
    int op = limit == NULL || limit->clock == CLOCK_REALTIME ? FUTEX_LOCK_PI : FUTEX_LOCK_PI2;
    long r = sys(SYS_futex, &m->__data.__lock, op | FUTEX_PRIVATE_FLAG, 0, limit == NULL ? NULL : limit->until);
    if (r == 0) { /* it is ours: what libc notes of that */
        m->__data.__owner = sys_gettid();
        m->__data.__count = 1;
        m->__data.__nusers++;
        return 0;
    }
    if (r == -ETIMEDOUT)
        return ETIMEDOUT;
    if (r == -EDEADLK && (m->__data.__kind & MUTEX_KIND_MASK) == PTHREAD_MUTEX_ERRORCHECK_NP)
        return EDEADLK;
    return nap(limit);
}

/* A private lock with priority inheritance may be owned by a fiber, which the kernel does not know: libc would wait for
 * ever. There is no priority to inherit then, so the lock is looked at now and then. */
static int lock_inherit(pthread_mutex_t *m, const struct sync_limit *limit)
{
    int e;
    while ((e = real.pthread_mutex_trylock(m)) == EBUSY) {
        uint32_t owner = (uint32_t)__atomic_load_n(&m->__data.__lock, __ATOMIC_RELAXED) & FUTEX_TID_MASK;
        bool robust = (m->__data.__kind & MUTEX_ROBUST) != 0;
        if (robust && owner == (uint32_t)sys_gettid() &&
            (m->__data.__kind & MUTEX_KIND_MASK) == PTHREAD_MUTEX_ERRORCHECK_NP)
            return EDEADLK;
        e = robust || (owner >= FAKE_TID_FIRST && owner < FAKE_TID_END) ? nap(limit) : wait_in_kernel(m, limit);
        if (e != EBUSY)
            return e;
    }
    return e;
}

static bool private_inherit(const pthread_mutex_t *m)
{
    /* libc says "shared" of every robust mutex */
    int kind = m->__data.__kind;
    return (kind & MUTEX_PRIO_INHERIT) != 0 && ((kind & MUTEX_PSHARED) == 0 || (kind & MUTEX_ROBUST) != 0);
}

int owner_lock(pthread_mutex_t *m, const struct sync_limit *limit)
{
    struct fiber *self = begin(m);
    int e;
    if (private_inherit(m))
        e = lock_inherit(m, limit);
    else if (limit != NULL)
        e = real.pthread_mutex_clocklock(m, limit->clock, limit->until);
    else
        e = real.pthread_mutex_lock(m);
    return end(self, e);
}

int owner_trylock(pthread_mutex_t *m)
{
    struct fiber *self = begin(m);
    return end(self, real.pthread_mutex_trylock(m));
}

int owner_unlock(pthread_mutex_t *m)
{
    struct fiber *self = begin(m);
    return end(self, real.pthread_mutex_unlock(m));
}
