#include "core/foreign.h"
#include "core/landing.h"
#include "core/owner.h"
#include "core/rt.h"
#include "core/sys.h"
#include "shim/real.h"

#include <errno.h>

static void lock(pthread_mutex_t *m)
{
    if (owner_matters(m))
        owner_lock(m, NULL);
    else
        real.pthread_mutex_lock(m);
}

static int unlock(pthread_mutex_t *m)
{
    int e = owner_matters(m) ? owner_unlock(m) : real.pthread_mutex_unlock(m);
    if (e == 0)
        addr_wake(m, 1);
    return e;
}

/* Until the count moves: 0 or ETIMEDOUT. The kernel's wait is no cancellation point of libc's, so cancellation is
 * asynchronous as long as it lasts. */
static int sleep_on(const uint32_t *count, uint32_t seen, uint64_t at)
{
    int type, e = 0;
    real.pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
    while (e == 0 && __atomic_load_n(count, __ATOMIC_SEQ_CST) == seen) {
        uint64_t now = at == CLOCK_NEVER ? 0 : clock_now();
        struct timespec left = clock_to_timespec(now < at ? at - now : 0);
        if (now >= at)
            e = ETIMEDOUT;
        else
            sys_futex_wait(count, seen, at == CLOCK_NEVER ? NULL : &left);
    }
    real.pthread_setcanceltype(type, NULL);
    return e;
}

static int wait_here(const void *addr, pthread_mutex_t *m, uint64_t at)
{
    uint32_t seen;
    const uint32_t *count = addr_stranger_enter(addr, &seen);
    volatile int e = unlock(m);
    if (e == 0) {
        struct landing landing;
        if (landing_set(&landing) != 0) { /* cancelled: with the mutex, as after any wait */
            addr_stranger_leave(addr);
            lock(m);
            __pthread_unwind_next(&landing.buf);
        }
        __pthread_register_cancel(&landing.buf);
        e = sleep_on(count, seen, at);
        __pthread_unregister_cancel(&landing.buf);
        lock(m);
    }
    addr_stranger_leave(addr);
    return e;
}

int foreign_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, const struct sync_limit *limit)
{
    uint64_t at = CLOCK_NEVER;
    if (sync_cond_shared(c))
        return limit != NULL ? real.pthread_cond_clockwait(c, m, limit->clock, limit->until)
                             : real.pthread_cond_wait(c, m);
    if (limit != NULL) {
        int e = sync_deadline(limit, &at);
        if (e != 0)
            return e;
    }
    return wait_here(c, m, at);
}

struct born {
    void *(*start)(void *);
    void *arg;
    bool c11;
};

void *foreign_born(void *(*start)(void *), void *arg, bool c11)
{
    struct born *b = real.malloc(sizeof *b);
    if (b == NULL)
        return NULL;
    *b = (struct born){start, arg, c11};
    __atomic_fetch_add(&rt.fibers.threads, 1, __ATOMIC_SEQ_CST);
    return b;
}

void foreign_lost(void *born)
{
    real.free(born);
    __atomic_fetch_sub(&rt.fibers.threads, 1, __ATOMIC_SEQ_CST);
}

/* libc runs the destructors of a thread that is not the last. */
static void ended(void)
{
    if (rt.coop && __atomic_sub_fetch(&rt.fibers.threads, 1, __ATOMIC_SEQ_CST) != 0)
        return;
    tls_run_destructors(tls_pointer());
    real.exit(0);
}

void *foreign_start(void *born)
{
    struct born b = *(struct born *)born;
    void *volatile result = NULL;
    struct landing landing;
    real.free(born);
    if (landing_set(&landing) != 0) {
        ended();
        __pthread_unwind_next(&landing.buf);
    }
    __pthread_register_cancel(&landing.buf);
    if (b.c11)
        result = (void *)(intptr_t)((int (*)(void *))(void (*)(void))b.start)(b.arg);
    else
        result = b.start(b.arg);
    __pthread_unregister_cancel(&landing.buf);
    ended();
    return result;
}
