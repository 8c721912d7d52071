#include "core/descriptor.h"
#include "core/enter.h"
#include "core/kick.h"
#include "core/members.h"
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
    return state == FD_OPENED ? 0 : state == FD_CLOSED ? -EBADF : -fdtab_extra(fdtab_peek(fd))->abort_errno;
}

struct abortion {
    int fd, error;
    struct fd_entry *e;
};

static void look_again(struct fd_entry *e)
{
    __atomic_fetch_add(&e->seq, 1, __ATOMIC_SEQ_CST); /* for who is about to wait */
    ready_wake_all(e);
}

/* Nobody knows which of the program's epoll sets it is in: who waits on what may be one asks the kernel. */
static void look_again_at_sets(void)
{
    for (int c = 0; c < FD_CHUNKS; c++) {
        struct fd_entry *chunk = __atomic_load_n(&rt.fdtab.chunks[c], __ATOMIC_ACQUIRE);
        for (int i = 0; chunk != NULL && i < FD_CHUNK; i++)
            if (chunk[i].kind == FD_UNKNOWN || chunk[i].kind == FD_POLLED)
                look_again(&chunk[i]);
    }
}

static void abort_here(void *arg)
{
    const struct abortion *a = arg;
    fdtab_extra(a->e)->abort_errno = a->error;
    fdtab_set_state(a->e, FD_ABORTED);
    members_changed();
    look_again(a->e);
    line_drop_here(a->fd, a->error);
    look_again_at_sets();
}

int descriptor_aborted(int fd)
{
    const struct fd_entry *e = fdtab_peek(fd);
    return e != NULL && __atomic_load_n(&e->state, __ATOMIC_SEQ_CST) == FD_ABORTED ? fdtab_extra(e)->abort_errno : 0;
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
    kick_prepare();
    fiber_inside(self, abort_here, &a);
    return 0;
}

int descriptor_blocking(int fd)
{
    int r = descriptor_check(fd);
    if (r != 0)
        return r;
    const struct fd_entry *e = fdtab_peek(fd);
    if (e != NULL && e->mode != FD_MODE_BY_KIND)
        return e->mode == FD_MODE_BLOCKING;
    struct fd_entry now = {.kind = FD_UNKNOWN}; /* without fibers nobody keeps the entry up to date */
    int kind = fdtab_kind(fd, &now);
    if (kind < 0)
        return kind;
    return kind != FD_STREAM && kind != FD_DGRAM && kind != FD_PIPE && kind != FD_FIFO;
}

int descriptor_set_mode(int fd, enum fd_mode mode, bool set_flags)
{
    int r = descriptor_check(fd);
    struct fd_entry *e = r == 0 ? fdtab_get(fd) : NULL;
    if (e == NULL)
        return r == 0 ? -ENOMEM : r;
    e->mode = (uint8_t)mode;
    int blocking = descriptor_blocking(fd);
    long flags = sys(SYS_fcntl, fd, F_GETFL);
    if (blocking < 0 || !set_flags || fd <= 2 || flags < 0)
        return blocking < 0 ? blocking : 0;
    e->set_flag = blocking == 0;
    e->waits = false;
    return (int)sys(SYS_fcntl, fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

int descriptor_adopt(int fd, enum fd_mode mode, bool set_flags)
{
    if (!open_now(fd))
        return -EBADF;
    fdtab_opened(fd, FD_UNKNOWN);
    return descriptor_set_mode(fd, mode, set_flags);
}
