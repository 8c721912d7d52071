/* syscall(): numbers whose libc function is hooked do what that hook does; all others pass through. The arguments and
 * results are the kernel's, so where libc's function takes or gives something else it is turned here. It is no
 * cancellation point, though most of the hooks are. */
#include "shim/hook.h"
#include "core/fdtab.h"
#include "core/child.h"
#include "core/sync.h"
#include "shim/state.h"

#include <stdarg.h>
#include <string.h>

enum { MASK_SIZE = 8 /* of the kernel's sets of signals */ };

/* What a function returns that is called with six longs, whatever it takes: on x86-64 that is the same call. */
enum result { IS_LONG, IS_INT, IS_ERROR /* 0 or an error number */ };

/* Hooks that take what the kernel does. */
static const struct same {
    void *hook;
    enum result result;
} same[] = {
    [SYS_read] = {read, IS_LONG},
    [SYS_write] = {write, IS_LONG},
    [SYS_readv] = {readv, IS_LONG},
    [SYS_writev] = {writev, IS_LONG},
    [SYS_pread64] = {pread64, IS_LONG},
    [SYS_pwrite64] = {pwrite64, IS_LONG},
    [SYS_preadv] = {preadv64, IS_LONG},
    [SYS_pwritev] = {pwritev64, IS_LONG},
    [SYS_socket] = {socket, IS_INT},
    [SYS_socketpair] = {socketpair, IS_INT},
    [SYS_bind] = {bind, IS_INT},
    [SYS_getsockname] = {getsockname, IS_INT},
    [SYS_getpeername] = {getpeername, IS_INT},
    [SYS_listen] = {listen, IS_INT},
    [SYS_accept] = {accept, IS_INT},
    [SYS_accept4] = {accept4, IS_INT},
    [SYS_connect] = {connect, IS_INT},
    [SYS_sendto] = {sendto, IS_LONG},
    [SYS_sendmsg] = {sendmsg, IS_LONG},
    [SYS_sendmmsg] = {sendmmsg, IS_INT},
    [SYS_recvfrom] = {recvfrom, IS_LONG},
    [SYS_recvmsg] = {recvmsg, IS_LONG},
    [SYS_recvmmsg] = {recvmmsg, IS_INT},
    [SYS_shutdown] = {shutdown, IS_INT},
    [SYS_setsockopt] = {setsockopt, IS_INT},
    [SYS_getsockopt] = {getsockopt, IS_INT},
    [SYS_pipe] = {pipe, IS_INT},
    [SYS_pipe2] = {pipe2, IS_INT},
    [SYS_dup] = {dup, IS_INT},
    [SYS_dup2] = {dup2, IS_INT},
    [SYS_dup3] = {dup3, IS_INT},
    [SYS_close] = {close, IS_INT},
#ifdef SYS_close_range
    [SYS_close_range] = {close_range, IS_INT},
#endif
    [SYS_fcntl] = {fcntl, IS_INT},
    [SYS_ioctl] = {ioctl, IS_INT},
    [SYS_flock] = {flock, IS_INT},
    [SYS_msgsnd] = {msgsnd, IS_INT},
    [SYS_msgrcv] = {msgrcv, IS_LONG},
    [SYS_semop] = {semop, IS_INT},
    [SYS_semtimedop] = {semtimedop, IS_INT},
    [SYS_mq_timedreceive] = {mq_timedreceive, IS_LONG},
    [SYS_mq_timedsend] = {mq_timedsend, IS_INT},
    [SYS_nanosleep] = {nanosleep, IS_INT},
    [SYS_clock_nanosleep] = {clock_nanosleep, IS_ERROR},
    [SYS_sched_yield] = {sched_yield, IS_INT},
    [SYS_pause] = {pause, IS_INT},
    [SYS_poll] = {poll, IS_INT},
    [SYS_select] = {select, IS_INT},
    [SYS_epoll_wait] = {epoll_wait, IS_INT},
    [SYS_epoll_ctl] = {epoll_ctl, IS_INT},
    [SYS_wait4] = {wait4, IS_INT},
    [SYS_execve] = {execve, IS_INT},
    [SYS_execveat] = {execveat, IS_INT},
    [SYS_kill] = {kill, IS_INT},
    [SYS_tgkill] = {tgkill, IS_INT},
    [SYS_alarm] = {alarm, IS_INT},
    [SYS_setitimer] = {setitimer, IS_INT},
};

static long call(const struct same *s, const long a[6])
{
    long r = ((long (*)(long, long, long, long, long, long))s->hook)(a[0], a[1], a[2], a[3], a[4], a[5]);
    if (s->result == IS_LONG)
        return r;
    return s->result == IS_INT ? (int)r : hook_result(-(int)r);
}

static long pass(long number, const long a[6])
{
    return real.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* ---- waits with a set of signals, and with a time that the kernel counts down ---- */

static void count_down(struct timespec *left, const struct timespec *given, uint64_t since)
{
    uint64_t gone = clock_now() - since, all = clock_from_timespec(given);
    if (left != NULL)
        *left = clock_to_timespec(all > gone ? all - gone : 0);
}

static long ppoll_call(const long a[6])
{
    struct timespec *left = (struct timespec *)a[2], given = {0, 0};
    if (a[3] != 0 && a[4] != MASK_SIZE)
        return pass(SYS_ppoll, a);
    if (left != NULL && !mem_readable(left, sizeof *left))
        return hook_result(-EFAULT);
    if (left != NULL)
        given = *left;
    uint64_t since = clock_now();
    int r = ppoll((struct pollfd *)a[0], (nfds_t)a[1], left == NULL ? NULL : &given, (const sigset_t *)a[3]);
    if (r >= 0 || errno == EINTR)
        count_down(left, &given, since);
    return r;
}

static long pselect_call(const long a[6])
{
    struct timespec *left = (struct timespec *)a[4], given = {0, 0};
    const long *mask = (const long *)a[5]; /* its address, its size */
    if ((mask != NULL && !mem_readable(mask, 2 * sizeof *mask)) || (left != NULL && !mem_readable(left, sizeof *left)))
        return hook_result(-EFAULT);
    if (mask != NULL && mask[0] != 0 && mask[1] != MASK_SIZE)
        return pass(SYS_pselect6, a);
    if (left != NULL)
        given = *left;
    uint64_t since = clock_now();
    int r = pselect((int)a[0], (fd_set *)a[1], (fd_set *)a[2], (fd_set *)a[3], left == NULL ? NULL : &given,
                    mask == NULL ? NULL : (const sigset_t *)mask[0]);
    if (r >= 0 || errno == EINTR)
        count_down(left, &given, since);
    return r;
}

static long epoll_call(long number, const long a[6])
{
    const sigset_t *mask = (const sigset_t *)a[4];
    if (mask != NULL && a[5] != MASK_SIZE)
        return pass(number, a);
    if (number == SYS_epoll_pwait)
        return epoll_pwait((int)a[0], (struct epoll_event *)a[1], (int)a[2], (int)a[3], mask);
    return epoll_pwait2((int)a[0], (struct epoll_event *)a[1], (int)a[2], (const struct timespec *)a[3], mask);
}

/* Who asks for the usage, too, waits first and takes it then. */
static long waitid_call(const long a[6])
{
    const long now[6] = {a[0], a[1], a[2], a[3] | WNOHANG, a[4]};
    if (a[4] == 0)
        return waitid((idtype_t)a[0], (id_t)a[1], (siginfo_t *)a[2], (int)a[3]);
    for (;;) {
        siginfo_t info = {.si_pid = 0};
        if ((a[3] & WNOHANG) == 0 && waitid((idtype_t)a[0], (id_t)a[1], &info, (int)a[3] | WNOWAIT) != 0)
            return -1;
        long r = pass(SYS_waitid, now);
        if (r != 0 || (a[3] & WNOHANG) != 0 || a[2] == 0 || ((siginfo_t *)a[2])->si_pid != 0)
            return r;
    }
}

/* ---- signals ---- */

static long mask_call(const long a[6])
{
    sigset_t set, old;
    if (a[3] != MASK_SIZE || (a[1] != 0 && !mem_readable((void *)a[1], MASK_SIZE)) ||
        (a[2] != 0 && !mem_readable((void *)a[2], MASK_SIZE)))
        return pass(SYS_rt_sigprocmask, a);
    sigemptyset(&set);
    if (a[1] != 0)
        memcpy(&set, (void *)a[1], MASK_SIZE);
    int r = sigprocmask((int)a[0], a[1] == 0 ? NULL : &set, &old);
    if (r == 0 && a[2] != 0)
        memcpy((void *)a[2], &old, MASK_SIZE);
    return r;
}

static long pending_call(const long a[6])
{
    sigset_t set;
    if (a[1] != MASK_SIZE || !mem_readable((void *)a[0], MASK_SIZE))
        return pass(SYS_rt_sigpending, a);
    int r = sigpending(&set);
    memcpy((void *)a[0], &set, MASK_SIZE);
    return r;
}

static long timed_wait_call(const long a[6])
{
    sigset_t set;
    if (a[3] != MASK_SIZE || !mem_readable((void *)a[0], MASK_SIZE))
        return pass(SYS_rt_sigtimedwait, a);
    sigemptyset(&set);
    memcpy(&set, (void *)a[0], MASK_SIZE);
    return sigtimedwait(&set, (siginfo_t *)a[1], (const struct timespec *)a[2]);
}

/* As the kernel has it; the way back from the handler is libc's, whatever the program says. */
struct kernel_action {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

enum { RESTORER = 0x04000000 };

static long action_call(const long a[6])
{
    const struct kernel_action *given = (const struct kernel_action *)a[1];
    struct kernel_action *was = (struct kernel_action *)a[2];
    struct sigaction act, old;
    if (a[3] != MASK_SIZE || (given != NULL && !mem_readable(given, sizeof *given)) ||
        (was != NULL && !mem_readable(was, sizeof *was)))
        return pass(SYS_rt_sigaction, a);
    sigemptyset(&act.sa_mask);
    if (given != NULL) {
        act.sa_sigaction = (void (*)(int, siginfo_t *, void *))given->handler;
        act.sa_flags = (int)given->flags & ~RESTORER;
        memcpy(&act.sa_mask, &given->mask, MASK_SIZE);
    }
    int r = sigaction((int)a[0], given == NULL ? NULL : &act, &old);
    if (r != 0 || was == NULL)
        return r;
    *was = (struct kernel_action){.handler = (void *)old.sa_sigaction, .flags = (unsigned)old.sa_flags};
    memcpy(&was->mask, &old.sa_mask, MASK_SIZE);
    return 0;
}

/* ---- threads and processes ---- */

/* The thread ends here, with nothing of what pthread_exit does for it; the process, if it is the last, with that
 * status. */
static void exit_call(struct fiber *thread, const long a[6])
{
    if (__atomic_load_n(&rt.fibers.threads, __ATOMIC_SEQ_CST) == 1)
        (void)sys(SYS_exit_group, a[0]);
    wait_abandon(thread, UINTPTR_MAX);
    fiber_quit(thread);
}

/* A child with memory of its own has the calling fiber alone. One that shares it is a thread that nobody knows: see
 * clone() in process.c. */
static long fork_call(struct fiber *self, long number, const long a[6])
{
    unsigned long flags = number == SYS_clone ? (unsigned long)a[0] : 0;
#ifdef SYS_clone3
    if (number == SYS_clone3 && mem_readable((void *)a[0], sizeof flags))
        flags = *(unsigned long *)a[0];
#endif
    if ((flags & CLONE_VM) != 0) {
        if ((flags & CLONE_VFORK) == 0)
            futex_in_kernel(self);
        return pass(number, a);
    }
    state_forks(self);
    child_fork_prepare();
    long r = pass(number == SYS_vfork ? SYS_fork : number, a);
    if (r == 0)
        child_fork_child();
    else
        child_fork_parent();
    return r;
}

/* A fiber's; or, of most, of whoever calls while a limit is set. */
static long dispatch(struct fiber *self, long number, const long a[6])
{
    switch (number) {
    case SYS_ppoll:
        return ppoll_call(a);
    case SYS_pselect6:
        return pselect_call(a);
    case SYS_epoll_pwait:
#ifdef SYS_epoll_pwait2
    case SYS_epoll_pwait2:
#endif
        return epoll_call(number, a);
    case SYS_waitid:
        return waitid_call(a);
    }
    if (number >= 0 && number < (long)(sizeof same / sizeof *same) && same[number].hook != NULL)
        return call(&same[number], a);
    if (self == NULL)
        return pass(number, a);
    switch (number) {
    case SYS_futex:
        return hook_result(sync_futex(self, a));
    case SYS_rt_sigprocmask:
        return mask_call(a);
    case SYS_rt_sigpending:
        return pending_call(a);
    case SYS_rt_sigsuspend:
        return a[1] == MASK_SIZE ? sigsuspend((const sigset_t *)a[0]) : pass(number, a);
    case SYS_rt_sigtimedwait:
        return timed_wait_call(a);
    case SYS_rt_sigaction:
        return action_call(a);
    case SYS_set_tid_address:
        pass(number, a);
        return tls_tid(self->fs);
    case SYS_gettid:
        return tls_tid(self->fs);
    case SYS_fork:
    case SYS_vfork:
    case SYS_clone:
#ifdef SYS_clone3
    case SYS_clone3:
#endif
        return fork_call(self, number, a);
    default:
        return pass(number, a);
    }
}

/* Threads of the program that are no fibers, while there are some. */
static long foreign(long number, const long a[6])
{
    if (number == SYS_tgkill)
        return tgkill((pid_t)a[0], (pid_t)a[1], (int)a[2]);
    long r = pass(number, a);
    if (number == SYS_futex && r >= 0) /* a foreign thread wakes fibers, too */
        futex_foreign(a);
    return r;
}

/* What another process may share, or get, or change, by a call that no hook sees. */
static bool concerns_descriptors(long number)
{
    switch (number) {
    case SYS_dup:
    case SYS_dup2:
    case SYS_dup3:
    case SYS_fcntl:
    case SYS_ioctl:
    case SYS_sendmsg:
    case SYS_sendmmsg:
    case SYS_recvmsg:
    case SYS_recvmmsg:
    case SYS_pidfd_getfd:
    case SYS_clone:
    case SYS_clone3:
    case SYS_fork:
    case SYS_vfork:
    case SYS_unshare:
    case SYS_close_range:
    case SYS_io_uring_setup:
        return true;
    default:
        return false;
    }
}

/* Asynchronous cancellation may come in any call, in this one, too. Before somebody has been cancelled only libc's own
 * answer tells. */
static bool cancels_at_once(const struct fiber *self)
{
    int type;
    if (rt.tls.async_bits != 0)
        return tls_is_async(self->fs);
    real.pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
    if (type == PTHREAD_CANCEL_ASYNCHRONOUS)
        real.pthread_setcanceltype(type, NULL);
    return type == PTHREAD_CANCEL_ASYNCHRONOUS;
}

EXPORT long syscall(long number, ...)
{
    long a[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    struct fiber *self = hook_enter();
    long done;
    if (concerns_descriptors(number))
        fdtab_shared();
    if (unlikely(rt.coop) && number != SYS_futex && (self != NULL || promote_record() != NULL)) {
        if (state_syscall(self, number, a, &done))
            return done;
        self = fiber_self; /* unless it has been promoted */
    }
    if (number == SYS_exit && rt.coop && fiber_record != NULL)
        exit_call(fiber_record, a);
    if (self == NULL && rt.coop)
        return foreign(number, a);
    if (self == NULL)
        return hook_limited() ? dispatch(NULL, number, a) : pass(number, a);
    if (number == SYS_futex || self->cancel_disabled || cancels_at_once(self))
        return dispatch(self, number, a);
    self->cancel_disabled = true;
    long r = dispatch(self, number, a);
    self->cancel_disabled = false;
    return r;
}
