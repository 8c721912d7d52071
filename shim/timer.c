/* Timers. Those on a thread's processor time, and those that signal one thread, are ours: see core/thread_timer.h. All
 * others are the kernel's: a signal of before the call is handled before it returns. */
#include "shim/hook.h"
#include "core/thread_timer.h"
#include "shim/clock.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* What the kernel's timer is made with instead of what the program said. */
struct creation {
    clockid_t clock;
    const struct sigevent *event;
    struct sigevent ours;
    struct fiber *owner, *target; /* see thread_timer_add */
};

/* The caller is made a kernel thread if the timer is to signal it: false, it cannot be made at all. */
static bool aim(struct fiber *self, struct creation *c)
{
    const struct sigevent *event = c->event;
    if (event == NULL || !mem_readable(event, sizeof *event) || event->sigev_notify != SIGEV_THREAD_ID)
        return true;
    struct fiber *target = fiber_by_tid(self, event->_sigev_un._tid);
    if (target == NULL)
        return true;
    if (target == self)
        promote_caller(self, false);
    c->ours = *event;
    c->event = &c->ours;
    if (!target->promoted)
        c->target = target;
    c->ours._sigev_un._tid = target->promoted ? target->kt->tid : thread_timer_receiver();
    return c->ours._sigev_un._tid != 0;
}

/* Is the caller a thread of the program that the core knows? */
static bool known(struct fiber *self)
{
    return self != NULL || (rt.coop && promote_record() != NULL);
}

static bool prepare(struct creation *c)
{
    struct fiber *self = hook_enter();
    if (!known(self))
        return true;
    if (cpu_clock_of_thread(c->clock))
        c->owner = cpu_clock_owner(self, self != NULL ? self : promote_record(), c->clock);
    if (c->owner != NULL)
        c->clock = CLOCK_MONOTONIC;
    if (aim(self, c))
        return true;
    errno = EAGAIN;
    return false;
}

/* The kernel has made it, or not. */
static int finish(const struct creation *c, int made, timer_t id)
{
    if (made == 0 && (c->owner != NULL || c->target != NULL) && !thread_timer_add(id, c->owner, c->target)) {
        real.timer_delete(id);
        errno = EAGAIN;
        made = -1;
    }
    if (made != 0 && c->target != NULL)
        thread_timer_release();
    return made;
}

EXPORT int timer_create(clockid_t clock, struct sigevent *restrict event, timer_t *restrict timer)
{
    struct creation c = {.clock = clock, .event = event};
    if (!prepare(&c))
        return -1;
    int r = real.timer_create(c.clock, (struct sigevent *)c.event, timer);
    return finish(&c, r, r == 0 ? *timer : NULL);
}

static long settled(long result, uint64_t signals)
{
    struct fiber *self = hook_enter();
    int saved = errno;
    if (self != NULL)
        signals_settle(self, signals);
    errno = saved;
    return result;
}

GATED(unsigned, alarm, (unsigned seconds), (seconds))
{
    hook_bind();
    return (unsigned)settled(real.alarm(seconds), signal_bit(SIGALRM));
}

GATED(useconds_t, ualarm, (useconds_t value, useconds_t interval), (value, interval))
{
    hook_bind();
    return (useconds_t)settled(real.ualarm(value, interval), signal_bit(SIGALRM));
}

GATED(int, setitimer, (__itimer_which_t which, const struct itimerval *restrict want, struct itimerval *restrict old),
      (which, want, old))
{
    hook_bind();
    return (int)settled(real.setitimer(which, want, old),
                        signal_bit(SIGALRM) | signal_bit(SIGVTALRM) | signal_bit(SIGPROF));
}

static bool ours(timer_t timer)
{
    hook_bind();
    return unlikely(thread_timer_any(&rt.timers_of_threads)) && thread_timer_known(timer);
}

/* The time on the timer's clock; of a thread that has ended 0. */
static uint64_t now_of(timer_t timer)
{
    struct fiber *self = hook_enter(), *owner = thread_timer_owner(timer);
    uint64_t ns = 0;
    if (owner != NULL)
        (void)cpu_clock_read(self, owner, &ns);
    return ns;
}

EXPORT int timer_settime(timer_t timer, int flags, const struct itimerspec *restrict want,
                         struct itimerspec *restrict old)
{
    if (!ours(timer) || !mem_readable(want, sizeof *want) || (old != NULL && !mem_writable(old, sizeof *old)))
        return (int)settled(real.timer_settime(timer, flags, want, old), ALL_SIGNALS);
    return (int)hook_result(thread_timer_set(timer, now_of(timer), flags, want, old));
}

EXPORT int timer_gettime(timer_t timer, struct itimerspec *left)
{
    if (!ours(timer) || !mem_writable(left, sizeof *left))
        return real.timer_gettime(timer, left);
    thread_timer_get(timer, now_of(timer), left);
    return 0;
}

EXPORT int timer_delete(timer_t timer)
{
    hook_bind();
    if (unlikely(thread_timer_any(&rt.timers_of_threads)))
        thread_timer_remove(timer);
    return (int)settled(real.timer_delete(timer), ALL_SIGNALS);
}

/* The same, for programs that were linked before glibc 2.34. */
EXPORT int timer_create_234(clockid_t clock, struct sigevent *restrict event, timer_t *restrict timer)
{
    return timer_create(clock, event, timer);
}
VERSION(timer_create_234, timer_create, "GLIBC_2.3.3");

EXPORT int timer_settime_234(timer_t timer, int flags, const struct itimerspec *restrict want,
                             struct itimerspec *restrict old)
{
    return timer_settime(timer, flags, want, old);
}
VERSION(timer_settime_234, timer_settime, "GLIBC_2.3.3");

EXPORT int timer_gettime_234(timer_t timer, struct itimerspec *left)
{
    return timer_gettime(timer, left);
}
VERSION(timer_gettime_234, timer_gettime, "GLIBC_2.3.3");

EXPORT int timer_delete_234(timer_t timer)
{
    return timer_delete(timer);
}
VERSION(timer_delete_234, timer_delete, "GLIBC_2.3.3");

/* The kernel's ids are small numbers, and libc's of such a timer, too. */
static timer_t from_kernel(long id)
{
    return (timer_t)(long)(int)id;
}

long timer_syscall(long number, const long a[6])
{
    struct creation c = {.clock = (clockid_t)a[0], .event = (const struct sigevent *)a[1]};
    switch (number) {
    case SYS_timer_settime:
        return timer_settime(from_kernel(a[0]), (int)a[1], (const struct itimerspec *)a[2], (struct itimerspec *)a[3]);
    case SYS_timer_gettime:
        return timer_gettime(from_kernel(a[0]), (struct itimerspec *)a[1]);
    case SYS_timer_delete:
        return timer_delete(from_kernel(a[0]));
    default:
        if (!prepare(&c))
            return -1;
        long r = real.syscall(SYS_timer_create, c.clock, c.event, a[2]);
        return finish(&c, (int)r, r == 0 ? from_kernel(*(int *)a[2]) : NULL);
    }
}
