/* Sleeping and yielding. */
#include "shim/hook.h"
#include "shim/clock.h"

/* Sleeps until `at`: 0, -EINTR, -E_CANCELLED, -ECANCELED, -E_DEADLINE. */
static long sleep_until(struct fiber *self, uint64_t at, const char *call)
{
    struct wait w;
    wait_init(&w, self, NULL);
    core_enter(self);
    int r = wait_park(&w, at, WAIT_CANCEL | WAIT_INTR, call);
    core_leave(self);
    return r == -ETIMEDOUT ? 0 : r;
}

static bool valid(const struct timespec *t)
{
    return t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < 1000000000;
}

/* Relative; what is left goes to `left` after a handler ran, or when it was ended. */
static long sleep_for(struct fiber *self, const struct timespec *t, struct timespec *left, const char *call)
{
    if (!mem_readable(t, sizeof *t))
        return -EFAULT;
    if (!valid(t))
        return -EINVAL;
    uint64_t at = clock_after(clock_from_timespec(t));
    long r = sleep_until(self, at, call);
    if (r != 0 && r != -E_CANCELLED && left != NULL) {
        uint64_t now = clock_now();
        if (!mem_writable(left, sizeof *left))
            return -EFAULT;
        *left = clock_to_timespec(at > now ? at - now : 0);
    }
    return r;
}

GATED(int, nanosleep, (const struct timespec *t, struct timespec *left), (t, left))
{
    struct fiber *self = hook_enter_cancel();
    if (self == NULL)
        return real.nanosleep(t, left);
    return (int)hook_result(sleep_for(self, t, left, "nanosleep"));
}
TWIN(__nanosleep, nanosleep);

struct kernel_sleep {
    clockid_t clock;
    int flags;
    struct timespec t, left;
};

/* Called again, a relative one goes on with what is left. */
static long sleep_here(void *arg)
{
    struct kernel_sleep *s = arg;
    long r = sys(SYS_clock_nanosleep, s->clock, s->flags, &s->t, &s->left);
    if (r == -EINTR && (s->flags & TIMER_ABSTIME) == 0)
        s->t = s->left;
    return r;
}

/* Clocks of processor time, alarms: the kernel's, on this kernel thread. */
static int sleep_in_kernel(struct fiber *self, struct kernel_sleep s, struct timespec *left)
{
    long r = wait_away_now(self, CLOCK_NEVER, WAIT_CANCEL | WAIT_INTR, "clock_nanosleep", sleep_here, &s);
    bool early = r == -EINTR || r == -ECANCELED || r == -E_DEADLINE;
    if (early && left != NULL && (s.flags & TIMER_ABSTIME) == 0) {
        if (!mem_writable(left, sizeof *left))
            return EFAULT;
        *left = s.t;
    }
    return hook_error(-(int)r);
}

static long pause_fiber(struct fiber *self, uint64_t at)
{
    return sleep_until(self, at, "clock_nanosleep");
}

/* The same for a thread that is no fiber. */
static long pause_thread(struct fiber *self, uint64_t at)
{
    struct timespec t = clock_to_timespec(at < INT64_MAX ? at : INT64_MAX);
    (void)self;
    return -real.clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

GATED(int, clock_nanosleep, (clockid_t clock, int flags, const struct timespec *t, struct timespec *left),
      (clock, flags, t, left))
{
    struct fiber *self = hook_enter_cancel();
    long ended;
    if (rt.coop && clock_sleep(self, clock, flags, t, left, self != NULL ? pause_fiber : pause_thread, &ended))
        return hook_error(-(int)ended);
    bool known = clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME || clock == CLOCK_TAI;
    /* libc refuses the thread's own, which would never come. */
    if (self == NULL || clock == CLOCK_THREAD_CPUTIME_ID || (!known && sys(SYS_clock_getres, clock, NULL) != 0))
        return real.clock_nanosleep(clock, flags, t, left);
    if (!known && (!mem_readable(t, sizeof *t) || !valid(t)))
        return real.clock_nanosleep(clock, flags, t, left);
    if (!known)
        return sleep_in_kernel(self, (struct kernel_sleep){clock, flags, *t, *t}, left);
    if ((flags & TIMER_ABSTIME) == 0)
        return hook_error(-(int)sleep_for(self, t, left, "clock_nanosleep"));
    if (!mem_readable(t, sizeof *t))
        return EFAULT;
    if (!valid(t))
        return EINVAL;
    long r;
    do /* a clock that is set meanwhile: look again */
        r = sleep_until(self, clock_deadline(clock, t), "clock_nanosleep");
    while (r == 0 && clock_deadline(clock, t) > clock_now());
    return hook_error(-(int)r);
}

GATED(unsigned, sleep, (unsigned seconds), (seconds))
{
    struct fiber *self = hook_enter_cancel();
    if (self == NULL)
        return real.sleep(seconds);
    struct timespec t = {seconds, 0}, left = {0, 0};
    long r = sleep_for(self, &t, &left, "sleep");
    if (r != 0 && r != -EINTR)
        hook_result(r);
    return r == 0 ? 0 : (unsigned)left.tv_sec;
}

GATED(int, usleep, (useconds_t us), (us))
{
    struct fiber *self = hook_enter_cancel();
    if (self == NULL)
        return real.usleep(us);
    struct timespec t = {us / 1000000, (long)(us % 1000000) * 1000};
    return (int)hook_result(sleep_for(self, &t, NULL, "usleep"));
}

/* C11: 0, -1 when a handler ran, else another negative value. */
GATED(int, thrd_sleep, (const struct timespec *t, struct timespec *left), (t, left))
{
    struct fiber *self = hook_enter_cancel();
    if (self == NULL)
        return real.thrd_sleep(t, left);
    long r = sleep_for(self, t, left, "thrd_sleep");
    if (r == -E_CANCELLED)
        hook_result(r);
    return r == 0 ? 0 : r == -EINTR ? -1 : -2;
}

SLOW int slow_sched_yield(void)
{
    struct fiber *self = hook_enter();
    if (self == NULL)
        return real.sched_yield();
    sched_yield_now(self);
    return 0;
}

EXPORT int sched_yield(void)
{
    return hook_solo() ? real.sched_yield() : slow_sched_yield();
}
TWIN(__sched_yield, sched_yield);
/* The headers turn this old name into sched_yield before the compiler sees it. */
__asm__(".globl pthread_yield\n\t.type pthread_yield, @function\n\t.set pthread_yield, sched_yield");

EXPORT void thrd_yield(void)
{
    sched_yield();
}
