/* syscall(): numbers whose calls wait behave as the hooks; all others pass through. */
#include "shim/hook.h"
#include "core/sync.h"
#include "shim/state.h"

#include <stdarg.h>

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
    if (self == NULL) {
        if (number == SYS_tgkill && rt.coop)
            return tgkill((pid_t)a[0], (pid_t)a[1], (int)a[2]);
        long r = real.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
        if (rt.coop && number == SYS_futex && r >= 0) /* a foreign thread wakes fibers, too */
            futex_foreign(a);
        return r;
    }
    switch (number) {
    case SYS_futex:
        return hook_result(sync_futex(self, a));
    case SYS_set_tid_address:
        real.syscall(number, a[0]);
        return tls_tid(self->fs);
    case SYS_gettid:
        return tls_tid(self->fs);
    case SYS_sched_yield:
        sched_yield_now(self);
        return 0;
    case SYS_close:
        return close((int)a[0]);
    case SYS_tgkill:
        return tgkill((pid_t)a[0], (pid_t)a[1], (int)a[2]);
    case SYS_flock:
        return flock((int)a[0], (int)a[1]);
    case SYS_fcntl:
        return fcntl((int)a[0], (int)a[1], a[2]);
    case SYS_msgsnd:
        return msgsnd((int)a[0], (void *)a[1], (size_t)a[2], (int)a[3]);
    case SYS_msgrcv:
        return msgrcv((int)a[0], (void *)a[1], (size_t)a[2], a[3], (int)a[4]);
    case SYS_semop:
        return semop((int)a[0], (struct sembuf *)a[1], (size_t)a[2]);
    case SYS_semtimedop:
        return semtimedop((int)a[0], (struct sembuf *)a[1], (size_t)a[2], (struct timespec *)a[3]);
    case SYS_mq_timedreceive:
        return mq_timedreceive((mqd_t)a[0], (char *)a[1], (size_t)a[2], (unsigned *)a[3], (struct timespec *)a[4]);
    case SYS_mq_timedsend:
        return mq_timedsend((mqd_t)a[0], (char *)a[1], (size_t)a[2], (unsigned)a[3], (struct timespec *)a[4]);
    default:
        return real.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
}
