#include "core/descriptor.h"
#include "core/enter.h"
#include "core/ready.h"

#include <errno.h>
#include <fcntl.h>

static bool open_now(int fd)
{
    return fd >= 0 && !fdtab_is_own(fd) && sys(SYS_fcntl, fd, F_GETFD) >= 0;
}

/* A number that was closed behind our back is closed. */
enum fd_state descriptor_state(int fd)
{
    const struct fd_entry *e = fdtab_peek(fd);
    if (!open_now(fd))
        return FD_CLOSED;
    return e != NULL && __atomic_load_n(&e->state, __ATOMIC_SEQ_CST) == FD_ABORTED ? FD_ABORTED : FD_OPENED;
}

int descriptor_check(int fd)
{
    enum fd_state state = descriptor_state(fd);
    return state == FD_OPENED ? 0 : state == FD_CLOSED ? -EBADF : -fdtab_peek(fd)->abort_errno;
}

struct abortion {
    int fd, error;
    struct fd_entry *e;
};

static void abort_here(void *arg)
{
    const struct abortion *a = arg;
    struct fd_entry *set = a->e->epoll_set != 0 ? fdtab_peek(a->e->epoll_set - 1) : NULL;
    a->e->abort_errno = a->error;
    __atomic_store_n(&a->e->state, FD_ABORTED, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&a->e->seq, 1, __ATOMIC_SEQ_CST); /* for who is about to wait */
    ready_wake_all(a->e);
    if (set != NULL) {
        __atomic_fetch_add(&set->seq, 1, __ATOMIC_SEQ_CST);
        ready_wake_all(set);
    }
}

int descriptor_abort(struct fiber *self, int fd, int error)
{
    struct abortion a = {fd, error, NULL};
    if (error <= 0 || error > 4095)
        return -EINVAL;
    if (!open_now(fd))
        return -EBADF;
    a.e = fdtab_get(fd);
    if (a.e == NULL)
        return -ENOMEM;
    __atomic_store_n(&rt.fdtab.aborted, true, __ATOMIC_SEQ_CST);
    fiber_inside(self, abort_here, &a);
    return 0;
}
