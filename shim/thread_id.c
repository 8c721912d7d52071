/* Calls that take the id of a thread. gettid of a fiber is a number of our own, which the kernel does not know.
 *
 * Those that name a thread to reach its process get the process instead. Those for one thread have their files: signals
 * (signal.c, below by number), scheduling (state.c), clocks and timers (clock.c, timer.c). What is left here is what
 * the kernel keeps per thread and can be told of a fiber.
 *
 * Not understood, for good reasons, is a fiber's id in:
 *   /proc/<id>, /proc/self/task/<id>   names of files, which we do not rewrite; the kernel threads are there
 *   ptrace                             nobody may trace a thread of his own process (EPERM; here ESRCH)
 *   pidfd_open                         a thread that leads no process: EINVAL, here ESRCH; with PIDFD_THREAD the kernel
 *                                      would have to tell of the end of a fiber
 *   setpgid, waitid, SCM_CREDENTIALS   take processes only; a thread's id is an error, here another one
 *   F_SETOWN_EX, perf_event_open, ioprio_set, sched_setattr, PR_SCHED_CORE, taskstats   of another fiber: the kernel
 *                                      would do it to a kernel thread, and it has none of its own. ESRCH. For itself it
 *                                      becomes one first.
 *   timers on a process's clock        clock_getcpuclockid takes processes only */
#include "shim/hook.h"
#include "core/schedule.h"
#include "shim/thread_id.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/uio.h>

enum { IOPRIO_OF_THREAD = 1 /* IOPRIO_WHO_PROCESS */, ROBUST_HEAD = 24 };

static bool fake(long id)
{
    return unlikely(id >= FAKE_TID_FIRST && id < FAKE_TID_END) && rt.coop;
}

/* The process, if the id is that of one of its fibers. */
static pid_t process_of(pid_t id)
{
    if (!fake(id))
        return id;
    struct fiber *self = hook_enter();
    return fiber_by_tid(self, id) != NULL ? sys_getpid() : id;
}

/* What the process has got itself, too, is handled before the call returns. */
static int settled(int result, int sig)
{
    struct fiber *self = hook_enter();
    int saved = errno;
    if (self != NULL && result == 0 && sig >= 1 && sig <= SIGNALS)
        signals_settle(self, signal_bit(sig));
    errno = saved;
    return result;
}

GATED(int, kill, (pid_t pid, int sig), (pid, sig))
{
    struct fiber *self = hook_enter();
    pid = process_of(pid);
    if (self != NULL && pid == sys_getpid())
        return (int)hook_result(signals_kill_process(self, sig, NULL));
    int r = real.kill(pid, sig);
    return pid > 0 ? r : settled(r, sig);
}

GATED(int, killpg, (pid_t group, int sig), (group, sig))
{
    hook_bind();
    return settled(real.killpg(group, sig), sig);
}

GATED(int, sigqueue, (pid_t pid, int sig, const union sigval value), (pid, sig, value))
{
    struct fiber *self = hook_enter();
    pid = process_of(pid);
    return self != NULL && pid == sys_getpid() ? (int)hook_result(signals_kill_process(self, sig, &value))
                                               : real.sigqueue(pid, sig, value);
}

GATED(pid_t, getpgid, (pid_t pid), (pid))
{
    hook_bind();
    return real.getpgid(process_of(pid));
}
TWIN(__getpgid, getpgid);

GATED(pid_t, getsid, (pid_t pid), (pid))
{
    hook_bind();
    return real.getsid(process_of(pid));
}

GATED(int, prlimit, (pid_t pid, enum __rlimit_resource what, const struct rlimit *set, struct rlimit *old),
      (pid, what, set, old))
{
    hook_bind();
    return real.prlimit(process_of(pid), what, set, old);
}

GATED(int, prlimit64, (pid_t pid, enum __rlimit_resource what, const struct rlimit64 *set, struct rlimit64 *old),
      (pid, what, set, old))
{
    hook_bind();
    return real.prlimit64(process_of(pid), what, set, old);
}

GATED(ssize_t, process_vm_readv,
      (pid_t pid, const struct iovec *to, unsigned long n, const struct iovec *from, unsigned long m,
       unsigned long flags),
      (pid, to, n, from, m, flags))
{
    hook_bind();
    return real.process_vm_readv(process_of(pid), to, n, from, m, flags);
}

GATED(ssize_t, process_vm_writev,
      (pid_t pid, const struct iovec *from, unsigned long n, const struct iovec *to, unsigned long m,
       unsigned long flags),
      (pid, from, n, to, m, flags))
{
    hook_bind();
    return real.process_vm_writev(process_of(pid), from, n, to, m, flags);
}

/* Of a fiber: those of the kernel threads that carry. The kernel may answer in the header. */
GATED(int, capget, (void *header, void *data), (header, data))
{
    struct __user_cap_header_struct *given = header, ours;
    struct fiber *self = hook_enter(), *target;
    if (!rt.coop || !mem_readable(given, sizeof *given) || !fake(given->pid))
        return real.capget(header, data);
    target = fiber_by_tid(self, given->pid);
    if (target == NULL)
        return real.capget(header, data);
    ours = (struct __user_cap_header_struct){given->version, schedule_tid(self, target, false)};
    int r = real.capget(&ours, data);
    if (ours.version != given->version && mem_writable(given, sizeof given->version))
        given->version = ours.version;
    return r;
}

int thread_id_own_signals(struct fiber *self, int fd, void *owner)
{
    struct f_owner_ex *given = owner, ours;
    struct fiber *target = NULL;
    if (mem_readable(given, sizeof *given) && given->type == F_OWNER_TID && fake(given->pid))
        target = fiber_by_tid(self, given->pid);
    if (target != NULL && target == self)
        promote_caller(self, false);
    if (target == NULL || !target->promoted)
        return real.fcntl(fd, F_SETOWN_EX, owner);
    ours = (struct f_owner_ex){F_OWNER_TID, target->kt->tid};
    return real.fcntl(fd, F_SETOWN_EX, &ours);
}

/* ---- by number ---- */

static long pass(long number, const long a[6])
{
    return real.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* Which of the arguments are ids of processes: bit n, argument n. */
static unsigned processes(long number)
{
    switch (number) {
    case SYS_rt_sigqueueinfo:
    case SYS_getpgid:
    case SYS_getsid:
    case SYS_prlimit64:
    case SYS_process_vm_readv:
    case SYS_process_vm_writev:
    case SYS_migrate_pages:
    case SYS_move_pages:
        return 1;
    case SYS_kcmp:
        return 3;
    default:
        return 0;
    }
}

static long queue_call(struct fiber *self, const long a[6])
{
    struct fiber *target = (pid_t)a[0] == sys_getpid() ? fiber_by_tid(self, (pid_t)a[1]) : NULL;
    return target == NULL ? pass(SYS_rt_tgsigqueueinfo, a)
                          : hook_result(-signals_queue(self, target, (int)a[2], (const siginfo_t *)a[3]));
}

static long robust_call(struct fiber *self, const long a[6])
{
    struct fiber *target = a[0] == 0 ? self : fiber_by_tid(self, (pid_t)a[0]);
    uintptr_t *head = (uintptr_t *)a[1];
    size_t *size = (size_t *)a[2];
    if (target == NULL || target->promoted || tls_robust_head(target->fs) == 0)
        return pass(SYS_get_robust_list, (const long[6]){target != NULL ? target->kt->tid : a[0], a[1], a[2]});
    if (!mem_writable(size, sizeof *size) || !mem_writable(head, sizeof *head))
        return hook_result(-EFAULT);
    *size = ROBUST_HEAD;
    *head = tls_robust_head(target->fs);
    return 0;
}

/* With the id of the thread in argument `at`; who changes something for itself is promoted. */
static long one_call(struct fiber *self, long number, const long a[6], int at, bool change)
{
    struct fiber *target = schedule_target(self, (int)a[at]);
    long ours[6] = {a[0], a[1], a[2], a[3], a[4], a[5]};
    int tid = target == NULL ? 0 : schedule_tid(self, target, change);
    if (tid != 0)
        ours[at] = tid;
    return pass(number, ours);
}

bool thread_id_syscall(struct fiber *self, long number, const long a[6], long *result)
{
    unsigned which = processes(number);
    if (which != 0) {
        long ours[6] = {a[0], a[1], a[2], a[3], a[4], a[5]};
        for (int i = 0; i < 2; i++)
            if ((which >> i & 1) != 0)
                ours[i] = process_of((pid_t)a[i]);
        *result = pass(number, ours);
        if (number == SYS_rt_sigqueueinfo)
            settled((int)*result, (int)a[1]);
        return true;
    }
    switch (number) {
    case SYS_tkill:
        if (a[0] <= 0 || fiber_by_tid(self, (pid_t)a[0]) == NULL) /* it may be one of another process */
            return false;
        *result = tgkill(sys_getpid(), (pid_t)a[0], (int)a[1]);
        return true;
    case SYS_rt_tgsigqueueinfo:
        *result = queue_call(self, a);
        return true;
    case SYS_get_robust_list:
        *result = robust_call(self, a);
        return true;
    case SYS_capget:
        *result = capget((void *)a[0], (void *)a[1]);
        return true;
    case SYS_ioprio_get:
    case SYS_ioprio_set:
        if (a[0] != IOPRIO_OF_THREAD)
            return false;
        *result = one_call(self, number, a, 1, number == SYS_ioprio_set);
        return true;
    case SYS_perf_event_open: /* -1: all of a processor */
        if ((int)a[1] < 0)
            return false;
        *result = one_call(self, number, a, 1, true);
        return true;
    default:
        return false;
    }
}
