/* pthread_create and what is done with a thread's handle. */
#include "shim/hook.h"
#include "core/foreign.h"
#include "core/identity.h"
#include "core/schedule.h"
#include "shim/stdio.h"
#include "shim/vfork.h"

#include <string.h>

/* ---- attributes ---- */

static int resolve_attr(const pthread_attr_t *attr, struct fiber_attr *out, sigset_t *mask)
{
    void *stack;
    int state;
    size_t size;
    real.pthread_attr_getdetachstate(attr, &state);
    real.pthread_attr_getguardsize(attr, &out->guard_size);
    real.pthread_attr_getschedpolicy(attr, &out->policy);
    real.pthread_attr_getschedparam(attr, &out->param);
    out->detached = state == PTHREAD_CREATE_DETACHED;
    if (real.pthread_attr_getstacksize(attr, &out->stack_size) != 0)
        return EINVAL;
    if (real.pthread_attr_getstack(attr, &stack, &size) == 0 && identity_own_stack(stack, size))
        out->stack = stack;
    if (real.pthread_attr_getsigmask_np(attr, mask) == 0)
        out->sigmask = mask;
    return 0;
}

static bool default_attr_changed;

EXPORT int pthread_setattr_default_np(const pthread_attr_t *attr)
{
    hook_enter();
    int e = real.pthread_setattr_default_np(attr);
    default_attr_changed |= e == 0;
    return e;
}

/* What only a kernel thread can have. */
static bool needs_kernel_thread(const pthread_attr_t *attr)
{
    int inherit, policy;
    struct sched_param param;
    cpu_set_t cpus;
    real.pthread_attr_getschedparam(attr, &param);
    real.pthread_attr_getinheritsched(attr, &inherit);
    real.pthread_attr_getschedpolicy(attr, &policy);
    return (inherit == PTHREAD_EXPLICIT_SCHED && (policy != SCHED_OTHER || param.sched_priority != 0)) ||
           (real.pthread_attr_getaffinity_np(attr, sizeof cpus, &cpus) == 0 && identity_narrow(&cpus));
}

/* Who creates; NULL: the new thread must be a kernel thread. A promoted thread's kernel state is for its threads, too,
 * unless it has none that they would inherit. */
static struct fiber *creator(void)
{
    struct fiber *promoted = promote_record();
    if (promoted == NULL)
        return fiber_self != NULL && !fiber_self->kt->in_core ? fiber_self : NULL;
    if (promoted->tainted)
        return NULL;
    (void)sys(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &promoted->sig.mask, 8);
    return promoted;
}

/* By the first thread: another one that comes before it (a helper, SIGEV_THREAD) is none that could be fiber number
 * one. */
bool hook_start_fibers(void)
{
    if (rt.coop || rt.no_fibers || sys_gettid() != sys_getpid())
        return false;
    real_bind_all();
    if (!identity_start_fibers())
        return false;
    stdio_start();
    vfork_target = fork; /* its child would change our tables in the parent's memory */
    return true;
}

static bool fibers_possible(void)
{
    return rt.coop ? creator() != NULL : hook_start_fibers();
}

static int create(pthread_t *handle, const pthread_attr_t *attr, void *(*start)(void *), void *arg, bool c11,
                  bool *done)
{
    struct fiber_attr a = {.c11 = c11};
    sigset_t mask;
    *done = false;
    hook_enter();
    if (!fibers_possible() || (attr != NULL && needs_kernel_thread(attr)))
        return 0;
    *done = true;
    if (attr == NULL && !default_attr_changed) {
        a.stack_size = identity_default_stack(&a.guard_size);
    } else {
        pthread_attr_t standard;
        if (attr == NULL)
            real.pthread_getattr_default_np(&standard);
        int e = resolve_attr(attr == NULL ? &standard : attr, &a, &mask);
        if (attr == NULL)
            real.pthread_attr_destroy(&standard);
        if (e != 0)
            return e;
        if (a.stack_size == 0)
            a.stack_size = identity_default_stack(NULL);
    }
    if (rt.config.stack_size != 0 && a.stack == NULL)
        a.stack_size = rt.config.stack_size;
    return fiber_create(creator(), handle, &a, start, arg);
}

EXPORT int pthread_create(pthread_t *restrict handle, const pthread_attr_t *restrict attr, void *(*start)(void *),
                          void *restrict arg)
{
    bool done;
    int e = create(handle, attr, start, arg, false, &done);
    if (done)
        return e;
    if (!rt.coop)
        return real.pthread_create(handle, attr, start, arg);
    void *born = foreign_born(start, arg, false);
    e = born == NULL ? EAGAIN : real.pthread_create(handle, attr, foreign_start, born);
    if (e != 0 && born != NULL)
        foreign_lost(born);
    return e;
}

EXPORT int thrd_create(thrd_t *handle, thrd_start_t start, void *arg)
{
    bool done;
    void *(*as_pthread)(void *) = (void *(*)(void *))(void (*)(void))start;
    int e = create((pthread_t *)handle, NULL, as_pthread, arg, true, &done);
    if (!done && !rt.coop)
        return real.thrd_create(handle, start, arg);
    if (!done) {
        void *born = foreign_born(as_pthread, arg, true);
        e = born == NULL ? EAGAIN : real.pthread_create((pthread_t *)handle, NULL, foreign_start, born);
        if (e != 0 && born != NULL)
            foreign_lost(born);
    }
    return e == 0 ? thrd_success : e == EAGAIN || e == ENOMEM ? thrd_nomem : thrd_error;
}

/* ---- join and the end ---- */

/* NULL: libc's own. The threads of a parent are known to its child, which has none yet. */
static struct fiber *joinable(pthread_t thread)
{
    return rt.coop || rt.fibers.created != 0 ? fiber_of(thread) : NULL;
}

/* A cancellation point only where it has to wait. */
static int join(pthread_t thread, void **result, uint64_t at, const char *call)
{
    struct fiber *self = hook_enter(), *target = joinable(thread);
    (void)call;
    if (target == NULL)
        return -1;
    struct ending end;
    int e = self != NULL ? fiber_join(self, target, &end, at) : fiber_join_foreign(target, &end, at);
    if (e == 0 && result != NULL)
        *result = end.result;
    return hook_error(e);
}

/* A kernel thread's end is the kernel's to report: on a kernel thread of our own. */
#define JOIN_KERNEL(expression)                                                                                        \
    __extension__({                                                                                                    \
        struct fiber *me_ = rt.coop && fiber_self != NULL && !fiber_self->kt->in_core ? fiber_self : NULL;             \
        if (me_ != NULL)                                                                                               \
            baton_away(me_, "pthread_join");                                                                           \
        int e_ = (expression);                                                                                         \
        if (me_ != NULL)                                                                                               \
            baton_back(me_);                                                                                           \
        e_;                                                                                                            \
    })

EXPORT int pthread_join(pthread_t thread, void **result)
{
    int e = join(thread, result, CLOCK_NEVER, "pthread_join");
    return e >= 0 ? e : JOIN_KERNEL(real.pthread_join(thread, result));
}

EXPORT int thrd_join(thrd_t thread, int *result)
{
    void *value = NULL;
    int e = pthread_join((pthread_t)thread, &value);
    if (e == 0 && result != NULL)
        *result = (int)(intptr_t)value;
    return e == 0 ? thrd_success : thrd_error;
}

EXPORT int pthread_tryjoin_np(pthread_t thread, void **result)
{
    struct fiber *target = joinable(thread);
    if (target == NULL)
        return real.pthread_tryjoin_np(thread, result);
    if (!__atomic_load_n(&target->done, __ATOMIC_ACQUIRE)) {
        hook_enter();
        return target == fiber_record ? EDEADLK : EBUSY;
    }
    return join(thread, result, 0, "pthread_tryjoin_np");
}

EXPORT int pthread_clockjoin_np(pthread_t thread, void **result, clockid_t clock, const struct timespec *until)
{
    struct fiber *target = joinable(thread);
    if (target == NULL)
        return JOIN_KERNEL(real.pthread_clockjoin_np(thread, result, clock, until));
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
        return EINVAL;
    if (until == NULL)
        return pthread_join(thread, result);
    if (until->tv_nsec < 0 || until->tv_nsec >= 1000000000)
        return __atomic_load_n(&target->done, __ATOMIC_ACQUIRE) ? join(thread, result, 0, "pthread_clockjoin_np")
                                                                : EINVAL;
    uint64_t at = clock_deadline(clock, until);
    int e = join(thread, result, at == 0 ? 1 : at, "pthread_clockjoin_np");
    return e;
}

EXPORT int pthread_timedjoin_np(pthread_t thread, void **result, const struct timespec *until)
{
    return pthread_clockjoin_np(thread, result, CLOCK_REALTIME, until);
}

EXPORT int pthread_detach(pthread_t thread)
{
    struct fiber *self = hook_enter(), *target = joinable(thread);
    return target == NULL ? real.pthread_detach(thread) : fiber_detach(self, target);
}

EXPORT int thrd_detach(thrd_t thread)
{
    return pthread_detach((pthread_t)thread) == 0 ? thrd_success : thrd_error;
}

/* Unwinds to fiber.c's boot, or to init.c's frame below main. */
EXPORT void pthread_exit(void *value)
{
    struct fiber *self = hook_enter();
    if (self != NULL)
        wait_abandon(self, UINTPTR_MAX);
    if (rt.coop && fiber_record != NULL) {
        fiber_record->result = value;
        fiber_record->exiting = true;
    }
    real.pthread_exit(value);
    __builtin_unreachable();
}

EXPORT void thrd_exit(int value)
{
    pthread_exit((void *)(intptr_t)value);
}

/* ---- cancellation ---- */

GATED(int, pthread_setcancelstate, (int state, int *old), (state, old))
{
    hook_enter();
    struct fiber *self = rt.coop ? fiber_record : NULL;
    if (self != NULL && (state == PTHREAD_CANCEL_ENABLE || state == PTHREAD_CANCEL_DISABLE))
        self->cancel_disabled = state == PTHREAD_CANCEL_DISABLE;
    return real.pthread_setcancelstate(state, old);
}

GATED(int, pthread_setcanceltype, (int type, int *old), (type, old))
{
    hook_enter();
    return real.pthread_setcanceltype(type, old);
}

EXPORT int pthread_cancel(pthread_t thread)
{
    struct fiber *self = hook_enter(), *target = rt.coop ? fiber_of(thread) : NULL;
    if (target == NULL)
        return real.pthread_cancel(thread);
    return identity_cancel(self, target);
}

/* ---- what is known of a thread ---- */

/* The record of a thread that is not the main one, or NULL. */
static struct fiber *record_of(pthread_t thread)
{
    hook_enter();
    return rt.coop ? fiber_of(thread) : NULL;
}

EXPORT int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr)
{
    struct fiber *target = record_of(thread);
    if (target == NULL || target->slot == NULL)
        return real.pthread_getattr_np(thread, attr);
    int e = real.pthread_attr_init(attr);
    if (e != 0)
        return e;
    struct sched_param param = {.sched_priority = 0};
    int policy = SCHED_OTHER;
    cpu_set_t cpus;
    (void)schedule_get_policy(target, &policy, &param);
    real.pthread_attr_setdetachstate(attr, target->detached ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE);
    real.pthread_attr_setguardsize(attr, target->guard_size);
    real.pthread_attr_setschedpolicy(attr, policy);
    real.pthread_attr_setschedparam(attr, &param);
    if (schedule_get_affinity(target, sizeof cpus, &cpus) == 0)
        real.pthread_attr_setaffinity_np(attr, sizeof cpus, &cpus);
    return real.pthread_attr_setstack(attr, target->stack, target->stack_size);
}

EXPORT int pthread_setname_np(pthread_t thread, const char *name)
{
    struct fiber *target = record_of(thread);
    if (target == NULL)
        return real.pthread_setname_np(thread, name);
    return identity_set_name(target, name);
}

EXPORT int pthread_getname_np(pthread_t thread, char *name, size_t size)
{
    struct fiber *target = record_of(thread);
    if (target == NULL)
        return real.pthread_getname_np(thread, name, size);
    if (size < sizeof target->name)
        return ERANGE;
    if (!mem_writable(name, sizeof target->name))
        return errno = EFAULT;
    return identity_get_name(target, name);
}

EXPORT int pthread_getschedparam(pthread_t thread, int *policy, struct sched_param *param)
{
    struct fiber *target = record_of(thread);
    return target == NULL ? real.pthread_getschedparam(thread, policy, param)
                          : schedule_get_policy(target, policy, param);
}

EXPORT int pthread_setschedparam(pthread_t thread, int policy, const struct sched_param *param)
{
    struct fiber *self = hook_enter(), *target = rt.coop ? fiber_of(thread) : NULL;
    return target == NULL ? real.pthread_setschedparam(thread, policy, param)
                          : schedule_set_policy(self, target, policy, param);
}

EXPORT int pthread_setschedprio(pthread_t thread, int priority)
{
    struct fiber *self = hook_enter(), *target = rt.coop ? fiber_of(thread) : NULL;
    struct sched_param param;
    int policy;
    if (target == NULL)
        return real.pthread_setschedprio(thread, priority);
    int e = schedule_get_policy(target, &policy, &param);
    param.sched_priority = priority;
    return e != 0 ? e : schedule_set_policy(self, target, policy, &param);
}

EXPORT int pthread_getcpuclockid(pthread_t thread, clockid_t *clock)
{
    struct fiber *target = record_of(thread);
    if (target == NULL)
        return real.pthread_getcpuclockid(thread, clock);
    if (target->state == FIBER_DONE)
        return ESRCH;
    *clock = cpu_clock_id(target->promoted ? target->kt->tid : tls_tid(target->fs));
    return 0;
}

EXPORT int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *cpus)
{
    struct fiber *target = record_of(thread);
    return target == NULL ? real.pthread_getaffinity_np(thread, size, cpus) : schedule_get_affinity(target, size, cpus);
}

EXPORT int pthread_getaffinity_np_234(pthread_t thread, size_t size, cpu_set_t *cpus)
{
    return pthread_getaffinity_np(thread, size, cpus);
}
VERSION(pthread_getaffinity_np_234, pthread_getaffinity_np, "GLIBC_2.3.4");

/* Before glibc 2.3.4 the size was fixed. */
enum { OLD_CPUS = 128 };

EXPORT int pthread_getaffinity_np_old(pthread_t thread, cpu_set_t *cpus)
{
    return pthread_getaffinity_np(thread, OLD_CPUS, cpus);
}
VERSION(pthread_getaffinity_np_old, pthread_getaffinity_np, "GLIBC_2.3.3");

EXPORT int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *cpus)
{
    struct fiber *self = hook_enter(), *target = rt.coop ? fiber_of(thread) : NULL;
    return target == NULL ? real.pthread_setaffinity_np(thread, size, cpus)
                          : schedule_set_affinity(self, target, size, cpus);
}
EXPORT int pthread_setaffinity_np_234(pthread_t thread, size_t size, const cpu_set_t *cpus)
{
    return pthread_setaffinity_np(thread, size, cpus);
}
VERSION(pthread_setaffinity_np_234, pthread_setaffinity_np, "GLIBC_2.3.4");

EXPORT int pthread_setaffinity_np_old(pthread_t thread, const cpu_set_t *cpus)
{
    return pthread_setaffinity_np(thread, OLD_CPUS, cpus);
}
VERSION(pthread_setaffinity_np_old, pthread_setaffinity_np, "GLIBC_2.3.3");

EXPORT pid_t gettid(void)
{
    struct fiber *self = hook_enter();
    return self == NULL ? real.gettid() : tls_tid(self->fs);
}
