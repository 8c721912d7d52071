/* State that the kernel keeps per thread: the caller becomes a kernel thread of its own first (core/promote.h). */
#include "shim/hook.h"
#include "core/alone.h"
#include "core/child.h"
#include "core/schedule.h"
#include "core/state.h"
#include "shim/clock.h"
#include "shim/elf.h"
#include "shim/state.h"
#include "shim/thread_id.h"

#include <stdarg.h>
#include <string.h>

static void own(struct fiber *self, enum state state)
{
    if (state != STATE_PROCESS)
        promote_caller(self, state == STATE_INHERITED);
}

/* ---- namespaces, ids, capabilities ---- */

EXPORT int setns(int fd, int type)
{
    own(hook_enter(), STATE_INHERITED);
    return real.setns(fd, type);
}

/* A user namespace is for a process with one thread: when the program has one left, ours leave. */
EXPORT int unshare(int flags)
{
    struct fiber *self = hook_enter();
    int saved = errno;
    own(self, state_of_unshare(flags));
    int r = real.unshare(flags);
    if (r != 0 && errno == EINVAL && self != NULL && state_of_unshare(flags) == STATE_PROCESS && alone_wait(self)) {
        errno = saved;
        r = real.unshare(flags);
    }
    return r;
}

EXPORT int setfsuid(uid_t id)
{
    own(hook_enter(), STATE_INHERITED);
    return real.setfsuid(id);
}

EXPORT int setfsgid(gid_t id)
{
    own(hook_enter(), STATE_INHERITED);
    return real.setfsgid(id);
}

EXPORT int capset(void *header, const void *data)
{
    own(hook_enter(), STATE_INHERITED);
    return real.capset(header, data);
}

static long name_prctl(struct fiber *record, int option, char *name)
{
    if (option == PR_GET_NAME) {
        char text[FIBER_NAME];
        (void)identity_get_name(record, text); /* it has not ended */
        if (!mem_readable(name, sizeof text))
            return -EFAULT;
        memcpy(name, text, sizeof text);
        return 0;
    }
    char text[FIBER_NAME];
    for (size_t i = 0; i < sizeof text; i++) { /* the kernel cuts it, and reads no further than its end */
        if (!mem_readable(name + i, 1))
            return -EFAULT;
        text[i] = i + 1 < sizeof text ? name[i] : '\0';
        if (text[i] == '\0')
            break;
    }
    return -identity_set_name(record, text);
}

EXPORT int prctl(int option, ...)
{
    unsigned long a[4];
    va_list args;
    va_start(args, option);
    for (int i = 0; i < 4; i++)
        a[i] = va_arg(args, unsigned long);
    va_end(args);
    struct fiber *self = hook_enter();
    if (self != NULL && (option == PR_SET_NAME || option == PR_GET_NAME))
        return (int)hook_result(name_prctl(self, option, (char *)a[0]));
    own(self, state_of_prctl(option));
    return real.prctl(option, a[0], a[1], a[2], a[3]);
}

EXPORT int personality(unsigned long persona)
{
    own(hook_enter(), state_of_syscall(SYS_personality, (const long[6]){(long)persona}));
    return real.personality(persona);
}

EXPORT int arch_prctl(int code, unsigned long address)
{
    own(hook_enter(), state_of_syscall(SYS_arch_prctl, (const long[6]){code, (long)address}));
    return real.arch_prctl(code, address);
}
TWIN(__arch_prctl, arch_prctl);

/* ---- tracing: the tracer is one kernel thread, and no other may ask anything of what it traces ---- */

void state_forks(struct fiber *self)
{
    static struct elf_import import = {.name = "ptrace"};
    if (self == NULL || !promote_may(self) || !elf_imports(&import))
        return;
    child_traced();
    own(self, STATE_THREAD);
}

EXPORT long ptrace(enum __ptrace_request request, ...)
{
    va_list args;
    va_start(args, request);
    pid_t pid = va_arg(args, pid_t);
    void *address = va_arg(args, void *), *data = va_arg(args, void *);
    va_end(args);
    struct fiber *self = hook_enter();
    child_traced();
    own(self, STATE_THREAD);
    return real.ptrace(request, pid, address, data);
}

/* ---- scheduling, by thread id ---- */

EXPORT int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *cpus)
{
    struct fiber *self = hook_enter(), *target = schedule_target(self, pid);
    return target == NULL ? real.sched_setaffinity(pid, size, cpus)
                          : (int)hook_result(-schedule_set_affinity(self, target, size, cpus));
}

EXPORT int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *cpus)
{
    struct fiber *target = schedule_target(hook_enter(), pid);
    return target == NULL ? real.sched_getaffinity(pid, size, cpus)
                          : (int)hook_result(-schedule_get_affinity(target, size, cpus));
}

/* Before glibc 2.3.4 the size was fixed. */
enum { OLD_CPUS = 128 };

EXPORT int sched_getaffinity_old(pid_t pid, cpu_set_t *cpus)
{
    return sched_getaffinity(pid, OLD_CPUS, cpus);
}
VERSION(sched_getaffinity_old, sched_getaffinity, "GLIBC_2.3.3");

EXPORT int sched_setaffinity_old(pid_t pid, const cpu_set_t *cpus)
{
    return sched_setaffinity(pid, OLD_CPUS, cpus);
}
VERSION(sched_setaffinity_old, sched_setaffinity, "GLIBC_2.3.3");

EXPORT int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param)
{
    struct fiber *self = hook_enter(), *target = schedule_target(self, pid);
    return target == NULL ? real.sched_setscheduler(pid, policy, param)
                          : (int)hook_result(-schedule_set_policy(self, target, policy, param));
}
TWIN(__sched_setscheduler, sched_setscheduler);

EXPORT int sched_getscheduler(pid_t pid)
{
    struct fiber *target = schedule_target(hook_enter(), pid);
    struct sched_param param;
    int policy;
    if (target == NULL)
        return real.sched_getscheduler(pid);
    int e = schedule_get_policy(target, &policy, &param);
    return (int)hook_result(e != 0 ? -e : policy);
}
TWIN(__sched_getscheduler, sched_getscheduler);

EXPORT int sched_setparam(pid_t pid, const struct sched_param *param)
{
    struct fiber *self = hook_enter(), *target = schedule_target(self, pid);
    struct sched_param was;
    int policy;
    if (target == NULL)
        return real.sched_setparam(pid, param);
    int e = schedule_get_policy(target, &policy, &was);
    return (int)hook_result(-(e != 0 ? e : schedule_set_policy(self, target, policy, param)));
}

EXPORT int sched_getparam(pid_t pid, struct sched_param *param)
{
    struct fiber *target = schedule_target(hook_enter(), pid);
    struct sched_param now;
    int policy;
    if (target == NULL || param == NULL)
        return real.sched_getparam(pid, param);
    int e = schedule_get_policy(target, &policy, &now);
    if (e == 0 && !mem_readable(param, 8))
        e = EFAULT;
    if (e == 0)
        *param = now;
    return (int)hook_result(-e);
}
TWIN(__sched_getparam, sched_getparam);

/* A fiber's is that of the kernel threads that carry. */
EXPORT int sched_rr_get_interval(pid_t pid, struct timespec *slice)
{
    struct fiber *self = hook_enter(), *target = schedule_target(self, pid);
    return real.sched_rr_get_interval(target == NULL ? pid : schedule_tid(self, target, false), slice);
}

EXPORT int setpriority(__priority_which_t which, id_t who, int nice)
{
    struct fiber *self = hook_enter(), *target = which == PRIO_PROCESS ? schedule_target(self, (int)who) : NULL;
    return target == NULL ? real.setpriority(which, who, nice)
                          : (int)hook_result(-schedule_set_nice(self, target, nice));
}

EXPORT int getpriority(__priority_which_t which, id_t who)
{
    struct fiber *target = which == PRIO_PROCESS ? schedule_target(hook_enter(), (int)who) : NULL;
    int nice;
    if (target == NULL)
        return real.getpriority(which, who);
    int e = schedule_get_nice(target, &nice);
    if (e == 0)
        return nice;
    return (int)hook_result(-e);
}

EXPORT int nice(int by)
{
    struct fiber *self = hook_enter();
    if (by != 0)
        own(self, STATE_INHERITED);
    return real.nice(by);
}

/* ---- by number ---- */

/* The kernel tells how many bytes of the mask it has. */
static long get_affinity_call(struct fiber *self, const long a[6])
{
    struct fiber *target = schedule_target(self, (int)a[0]);
    if (target == NULL)
        return real.syscall(SYS_sched_getaffinity, a[0], a[1], a[2]);
    long r = sys(SYS_sched_getaffinity, schedule_tid(self, target, false), a[1], a[2]);
    int e = r < 0 ? 0 : schedule_get_affinity(target, (size_t)r, (cpu_set_t *)a[2]);
    return hook_result(e != 0 ? -e : r);
}

static long get_priority_call(const long a[6])
{
    int saved = errno;
    errno = 0;
    int r = getpriority((__priority_which_t)a[0], (id_t)a[1]);
    if (r == -1 && errno != 0)
        return -1;
    errno = saved;
    return 20 - r;
}

static long attr_call(struct fiber *self, long number, const long a[6])
{
    struct fiber *target = schedule_target(self, (int)a[0]);
    int tid = target == NULL ? 0 : schedule_tid(self, target, number == SYS_sched_setattr);
    return real.syscall(number, tid != 0 ? tid : a[0], a[1], a[2], a[3]);
}

bool state_syscall(struct fiber *self, long number, const long a[6], long *result)
{
    switch (number) {
    case SYS_sched_setaffinity:
        *result = sched_setaffinity((pid_t)a[0], (size_t)a[1], (const cpu_set_t *)a[2]);
        return true;
    case SYS_sched_getaffinity:
        *result = get_affinity_call(self, a);
        return true;
    case SYS_sched_setscheduler:
        *result = sched_setscheduler((pid_t)a[0], (int)a[1], (const struct sched_param *)a[2]);
        return true;
    case SYS_sched_getscheduler:
        *result = sched_getscheduler((pid_t)a[0]);
        return true;
    case SYS_sched_setparam:
        *result = sched_setparam((pid_t)a[0], (const struct sched_param *)a[1]);
        return true;
    case SYS_sched_getparam:
        *result = sched_getparam((pid_t)a[0], (struct sched_param *)a[1]);
        return true;
    case SYS_sched_setattr:
    case SYS_sched_getattr:
        *result = attr_call(self, number, a);
        return true;
    case SYS_sched_rr_get_interval:
        *result = sched_rr_get_interval((pid_t)a[0], (struct timespec *)a[1]);
        return true;
    case SYS_setpriority:
        *result = setpriority((__priority_which_t)a[0], (id_t)a[1], (int)a[2]);
        return true;
    case SYS_getpriority:
        *result = get_priority_call(a);
        return true;
    case SYS_timer_create:
    case SYS_timer_settime:
    case SYS_timer_gettime:
    case SYS_timer_delete:
        *result = timer_syscall(number, a);
        return true;
    case SYS_clock_gettime:
        *result = clock_gettime((clockid_t)a[0], (struct timespec *)a[1]);
        return true;
    case SYS_clock_getres:
        *result = clock_getres((clockid_t)a[0], (struct timespec *)a[1]);
        return true;
    case SYS_clock_settime:
        *result = clock_settime((clockid_t)a[0], (const struct timespec *)a[1]);
        return true;
    case SYS_getrusage:
        *result = getrusage((__rusage_who_t)a[0], (struct rusage *)a[1]);
        return true;
    case SYS_ptrace:
        child_traced();
        own(self, STATE_THREAD);
        return false;
    case SYS_prctl:
        *result = prctl((int)a[0], a[1], a[2], a[3], a[4]);
        return true;
    default:
        if (thread_id_syscall(self, number, a, result))
            return true;
        own(self, state_of_syscall(number, a));
        return false;
    }
}
