#include "core/owner.h"
#include "core/promote.h"
#include "core/rt.h"
#include "core/sys.h"
#include "shim/real.h"

#include <errno.h>

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

/* ns until the limit, but no more than `most`. */
static uint64_t left(const struct sync_limit *limit, uint64_t most)
{
    if (limit == NULL)
        return most;
    uint64_t at = clock_deadline(limit->clock, limit->until), now = clock_now();
    return at <= now ? 0 : at - now < most ? at - now : most;
}

static int nap(const struct sync_limit *limit)
{
    uint64_t ns = left(limit, NS_PER_MS);
    struct timespec pause = clock_to_timespec(ns);
    if (ns == 0)
        return ETIMEDOUT;
    (void)sys(SYS_nanosleep, &pause, NULL);
    return EBUSY;
}

/* The kernel's lock, when its owner is a thread that the kernel knows. EBUSY: look again.
 *
 * A fiber may have got it since that was looked at. Of its id the kernel knows no thread: it marks the word as waited
 * for all the same, and refuses. Main's id is that of the first kernel thread: the kernel waits, but main gives the
 * lock back from wherever it runs. So nobody waits here for long at a time, and for the other half see owner_give. */
static int wait_in_kernel(pthread_mutex_t *m, const struct sync_limit *limit)
{
    uint64_t ns = left(limit, 20 * NS_PER_MS);
    struct timespec until;
    if (ns == 0)
        return ETIMEDOUT;
    (void)real.clock_gettime(CLOCK_REALTIME, &until);
    until = clock_to_timespec(clock_from_timespec(&until) + ns);
    long r = sys(SYS_futex, &m->__data.__lock, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, &until);
    if (r == 0) { /* it is ours: what libc notes of that */
        m->__data.__owner = sys_gettid();
        m->__data.__count = 1;
        m->__data.__nusers++;
        return 0;
    }
    if (r == -ETIMEDOUT)
        return EBUSY;
    if (r == -EDEADLK && (m->__data.__kind & MUTEX_KIND_MASK) == PTHREAD_MUTEX_ERRORCHECK_NP)
        return EDEADLK;
    return nap(limit);
}

static bool is_fiber(uint32_t tid)
{
    return (tid >= FAKE_TID_FIRST && tid < FAKE_TID_END) ||
           (tid == (uint32_t)rt.baton.first.tid && !rt.fibers.main->promoted);
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
        e = robust || is_fiber(owner) ? nap(limit) : wait_in_kernel(m, limit);
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

/* libc leaves a word that is marked as waited for to the kernel, which gives back nothing that is not its caller's: the
 * lock would be held for ever. Robust ones are never waited for in the kernel. */
int owner_give(struct fiber *self, pthread_mutex_t *m)
{
    uint32_t *word = (uint32_t *)&m->__data.__lock, id = (uint32_t)tls_tid(self->fs);
    uint32_t v = __atomic_load_n(word, __ATOMIC_RELAXED);
    bool recursive = (m->__data.__kind & MUTEX_KIND_MASK) == PTHREAD_MUTEX_RECURSIVE_NP;
    if (!private_inherit(m) || (m->__data.__kind & MUTEX_ROBUST) != 0 || (v & FUTEX_TID_MASK) != id ||
        id == (uint32_t)self->kt->tid || (recursive && m->__data.__count != 1))
        return real.pthread_mutex_unlock(m);
    m->__data.__count = 0;
    m->__data.__owner = 0;
    m->__data.__nusers--;
    while (!__atomic_compare_exchange_n(word, &v, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        ;
    return 0;
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
