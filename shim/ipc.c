/* Locks on files, messages, System V semaphores: waits that only the kernel can make. */
#include "shim/hook.h"
#include "core/filelock.h"
#include "core/mq.h"
#include "core/sysv.h"

#include <stdarg.h>

/* ---- locks on files; fcntl is in descriptor.c ---- */

EXPORT int flock(int fd, int op)
{
    struct fiber *self = hook_enter();
    if (self == NULL || (op & LOCK_NB) != 0 || (op & LOCK_UN) != 0)
        return real.flock(fd, op);
    return (int)hook_result(filelock_flock(self, fd, op));
}

EXPORT int lockf(int fd, int cmd, off_t len)
{
    struct fiber *self = hook_enter_cancel();
    const struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = len};
    if (self == NULL || cmd != F_LOCK)
        return real.lockf(fd, cmd, len);
    return (int)hook_result(filelock_fcntl(self, fd, F_SETLKW, &l));
}
TWIN(lockf64, lockf);

/* ---- System V ---- */

EXPORT int msgsnd(int id, const void *message, size_t size, int flags)
{
    struct fiber *self = hook_enter_cancel();
    return self == NULL ? real.msgsnd(id, message, size, flags)
                        : (int)hook_result(sysv_msgsnd(self, id, message, size, flags));
}

EXPORT ssize_t msgrcv(int id, void *message, size_t size, long type, int flags)
{
    struct fiber *self = hook_enter_cancel();
    return self == NULL ? real.msgrcv(id, message, size, type, flags)
                        : hook_result(sysv_msgrcv(self, id, message, size, type, flags));
}

EXPORT int semop(int id, struct sembuf *ops, size_t n)
{
    struct fiber *self = hook_enter();
    return self == NULL ? real.semop(id, ops, n) : (int)hook_result(sysv_semop(self, id, ops, n, NULL));
}

EXPORT int semtimedop(int id, struct sembuf *ops, size_t n, const struct timespec *timeout)
{
    struct fiber *self = hook_enter();
    return self == NULL ? real.semtimedop(id, ops, n, timeout)
                        : (int)hook_result(sysv_semop(self, id, ops, n, timeout));
}

EXPORT int semctl(int id, int number, int cmd, ...)
{
    va_list args;
    va_start(args, cmd);
    void *arg = va_arg(args, void *);
    va_end(args);
    struct fiber *self = hook_enter();
    int r = real.semctl(id, number, cmd, arg);
    if (self == NULL || r < 0 || (cmd != GETNCNT && cmd != GETZCNT))
        return r;
    return r + (int)sysv_waiting(self, id, number, cmd == GETZCNT);
}

/* ---- POSIX message queues ---- */

EXPORT ssize_t mq_receive(mqd_t mq, char *message, size_t size, unsigned *priority)
{
    struct fiber *self = hook_enter_cancel();
    return self == NULL ? real.mq_receive(mq, message, size, priority)
                        : hook_result(mq_take(self, mq, message, size, priority, NULL));
}

EXPORT ssize_t mq_timedreceive(mqd_t mq, char *restrict message, size_t size, unsigned *restrict priority,
                               const struct timespec *restrict until)
{
    struct fiber *self = hook_enter_cancel();
    return self == NULL ? real.mq_timedreceive(mq, message, size, priority, until)
                        : hook_result(mq_take(self, mq, message, size, priority, until));
}

EXPORT int mq_send(mqd_t mq, const char *message, size_t size, unsigned priority)
{
    struct fiber *self = hook_enter_cancel();
    return self == NULL ? real.mq_send(mq, message, size, priority)
                        : (int)hook_result(mq_give(self, mq, message, size, priority, NULL));
}

EXPORT int mq_timedsend(mqd_t mq, const char *message, size_t size, unsigned priority, const struct timespec *until)
{
    struct fiber *self = hook_enter_cancel();
    return self == NULL ? real.mq_timedsend(mq, message, size, priority, until)
                        : (int)hook_result(mq_give(self, mq, message, size, priority, until));
}

EXPORT int mq_notify(mqd_t mq, const struct sigevent *event)
{
    struct fiber *self = hook_enter();
    if (self != NULL)
        mq_tell(self);
    return real.mq_notify(mq, event);
}

/* libc closes the number itself. */
EXPORT int mq_close(mqd_t mq)
{
    if (hook_enter() != NULL || hook_limited())
        fdtab_closing(mq);
    return real.mq_close(mq);
}
