/* Processor time of threads, and timers on it or for one thread. What a fiber has is known to the core alone. */
#include "shim/hook.h"
#include "core/clock.h"
#include "shim/clock.h"

#include <sys/resource.h>

/* The caller's record, or NULL; *self: if it is a fiber. Who asks for the time does not yield, unlike in hook_enter: it
 * computes, and the monitor gives it a processor of its own. */
static struct fiber *caller(struct fiber **self)
{
    hook_bind();
    *self = rt.coop ? fiber_self : NULL;
    if (*self != NULL && (*self)->kt->in_core)
        *self = NULL;
    return *self != NULL ? *self : rt.coop && fiber_self == NULL ? promote_record() : NULL;
}

/* Whose clock is it? NULL: none that the core knows, which the kernel tells. */
static struct fiber *owner_of(clockid_t clock, struct fiber **self)
{
    struct fiber *record = caller(self);
    if (!cpu_clock_of_thread(clock) || !rt.coop || (record == NULL && fiber_self != NULL))
        return NULL;
    return cpu_clock_owner(*self, record, clock);
}

SLOW int slow_clock_gettime(clockid_t clock, struct timespec *t)
{
    struct fiber *self, *owner = owner_of(clock, &self);
    uint64_t ns;
    if (owner == NULL)
        return real.clock_gettime(clock, t);
    if (!cpu_clock_read(self, owner, &ns))
        return (int)hook_result(-EINVAL);
    if (!mem_writable(t, sizeof *t))
        return (int)hook_result(-EFAULT);
    *t = clock_to_timespec(ns);
    return 0;
}

/* Programs ask often for the time of day, and libc answers without a system call. */
EXPORT int clock_gettime(clockid_t clock, struct timespec *t)
{
    if (hook_solo() || (!cpu_clock_of_thread(clock) && likely((real_gate & REAL_UNBOUND) == 0)))
        return real.clock_gettime(clock, t);
    return slow_clock_gettime(clock, t);
}

/* Of any thread they say the same as of the caller. */
GATED(int, clock_getres, (clockid_t clock, struct timespec *t), (clock, t))
{
    struct fiber *self, *owner = owner_of(clock, &self);
    return real.clock_getres(owner != NULL ? CLOCK_THREAD_CPUTIME_ID : clock, t);
}

GATED(int, clock_settime, (clockid_t clock, const struct timespec *t), (clock, t))
{
    struct fiber *self, *owner = owner_of(clock, &self);
    return real.clock_settime(owner != NULL && clock != CLOCK_THREAD_CPUTIME_ID ? cpu_clock_id(0) : clock, t);
}

GATED(int, getrusage, (__rusage_who_t who, struct rusage *usage), (who, usage))
{
    struct fiber *self, *record = caller(&self);
    return record == NULL || who != RUSAGE_THREAD ? real.getrusage(who, usage)
                                                  : (int)hook_result(cpu_time_usage(self, record, usage));
}

/* ---- sleeping on another thread's clock ---- */

enum { SHORTEST = NS_PER_MS, LONGEST = 32 * NS_PER_MS };

/* A thread's clock is never faster than the wall: until it can be there at the earliest nobody looks. While it stands
 * nobody looks often. The clock of a thread that has ended stands for good. */
static long sleep_on(struct fiber *self, struct fiber *owner, uint64_t now, uint64_t until, clock_pause *pause)
{
    uint64_t last = now, least = SHORTEST;
    while (now < until) {
        uint64_t left = until - now;
        long r = pause(self, clock_after(left > least ? left : least));
        if (r != 0)
            return r;
        if (!cpu_clock_read(self, owner, &now))
            return pause(self, CLOCK_NEVER);
        least = now != last ? SHORTEST : least < LONGEST ? least * 2 : LONGEST;
        last = now;
    }
    return 0;
}

bool clock_sleep(struct fiber *self, clockid_t clock, int flags, const struct timespec *t, struct timespec *left,
                 clock_pause *pause, long *result)
{
    struct fiber *record = self != NULL ? self : fiber_self == NULL ? promote_record() : NULL;
    if (record == NULL || clock == CLOCK_THREAD_CPUTIME_ID || !cpu_clock_of_thread(clock))
        return false;
    struct fiber *owner = cpu_clock_owner(self, record, clock);
    uint64_t now;
    if (owner == NULL)
        return false;
    if (owner == record || !cpu_clock_read(self, owner, &now)) /* one's own would never come */
        *result = -EINVAL;
    else if (!mem_readable(t, sizeof *t))
        *result = -EFAULT;
    else if (t->tv_sec < 0 || t->tv_nsec < 0 || t->tv_nsec >= (long)NS_PER_S)
        *result = -EINVAL;
    else {
        bool absolute = (flags & TIMER_ABSTIME) != 0;
        uint64_t until = clock_from_timespec(t) + (absolute ? 0 : now);
        *result = sleep_on(self, owner, now, until, pause);
        if (*result != 0 && *result != -E_CANCELLED && !absolute && left != NULL) {
            (void)cpu_clock_read(self, owner, &now);
            if (!mem_writable(left, sizeof *left))
                *result = -EFAULT;
            else
                *left = clock_to_timespec(now < until ? until - now : 0);
        }
    }
    return true;
}
