/* One attempt to read or to write, without waiting, by the kind of the descriptor. */
#include "core/enter.h"
#include "core/io.h"
#include "core/ready.h"
#include "core/vec.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <stdbool.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif

enum { PIPE_CHUNK = 4096, TTY_CHUNK = 2048, ON_STACK = 8 };

int io_poll_now(int fd, short events)
{
    struct pollfd p = {fd, events, 0};
    return (int)sys(SYS_poll, &p, 1, 0);
}

static long nowait(long number, int fd, const struct io_vec *v)
{
    if (!feature_on(FEATURE_RWF_NOWAIT))
        return -EOPNOTSUPP;
    long r = sys(number, fd, v->iov, v->n, -1L, -1L, RWF_NOWAIT);
    if (r == -ENOSYS || r == -EPERM)
        feature_off(FEATURE_RWF_NOWAIT);
    return r == -ENOSYS || r == -EPERM ? -EOPNOTSUPP : r;
}

/* The descriptor is not ready. What the kernel refuses it refuses at once even so (a wrong end, a bad vector), and
 * nothing is done at once: with a flag that it does not know it looks at all that, and stops there. */
static long not_ready(long number, int fd, const struct io_vec *v)
{
    const int unknown = 1 << 30;
    long r = sys(number, fd, v->iov, v->n, -1L, -1L, unknown);
    return r == -EOPNOTSUPP || r == -ENOSYS || r == -EPERM ? -EAGAIN : r;
}

/* The number was reused behind our back: look again what it is. */
static bool stale(int fd, struct fd_entry *e)
{
    int had = e->kind;
    e->kind = FD_UNKNOWN;
    return fdtab_kind(fd, e) != had;
}

/* Others are refused at once. */
static bool lengths_good(const struct io_vec *v)
{
    bool good = true;
    for (int i = 0; i < v->n; i++)
        good &= v->iov[i].iov_len <= SSIZE_MAX;
    return good;
}

bool io_knows_empty(const struct fd_entry *e)
{
    return e->empty_at != 0 && e->empty_at == ready_writes(e);
}

/* A pipe that hooks alone write and read is empty when they have read as much as they have written, and stays so until
 * they write: then the attempt that would fail is saved. It is a guess: who waits by it is looked at by the kernel
 * before the loop sleeps (ready_link). */
static long read_pipe(int fd, struct fd_entry *e, const struct io_vec *v)
{
    uint32_t writes = ready_writes(e);
    uint32_t arrivals = __atomic_load_n(&e->arrivals, __ATOMIC_SEQ_CST);
    if (e->empty_at != 0 && e->empty_at == writes && lengths_good(v))
        return -EAGAIN;
    long r = nowait(SYS_preadv2, fd, v);
    if (r == -EAGAIN)
        e->empty_since = arrivals;
    e->empty_at = r > 0 && ready_account(e, -r) == 0 ? writes : 0;
    return r;
}

/* Of a socketpair that is known only after a read whose bytes never were in it. */
static long read_socket(int fd, struct fd_entry *e, const struct io_vec *v)
{
    struct msghdr m = {.msg_iov = (struct iovec *)v->iov, .msg_iovlen = (size_t)v->n};
    uint32_t arrivals = __atomic_load_n(&e->arrivals, __ATOMIC_SEQ_CST);
    if (io_knows_empty(e) && lengths_good(v))
        return -EAGAIN;
    long r = sys(SYS_recvmsg, fd, &m, MSG_DONTWAIT);
    if (r == -EAGAIN && io_ended(fd, e))
        return sys(SYS_recvmsg, fd, &m, 0);
    if (r == -EAGAIN)
        e->empty_since = arrivals;
    return r;
}

static long write_pipe(int fd, const struct fd_entry *e, const struct io_vec *v)
{
    long r = nowait(SYS_pwritev2, fd, v);
    if (r > 0)
        (void)ready_account(e, r);
    return r;
}

bool io_ended(int fd, const struct fd_entry *e)
{
    return e != NULL && e->kind == FD_DGRAM && io_poll_now(fd, POLLRDHUP) > 0;
}

/* A FIFO without a writer is at its end, but poll does not say so before the first one has been there. The real read
 * says it, and where that could wait, vmsplice, which reads a FIFO, too, and waits only if told to. To an end that can
 * write it would be a write, but that end is its own writer. */
static long read_fifo(int fd, const struct io_vec *v)
{
    long flags = sys(SYS_fcntl, fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) != O_RDONLY)
        return not_ready(SYS_preadv2, fd, v);
    if ((flags & O_NONBLOCK) != 0)
        return sys(SYS_readv, fd, v->iov, v->n);
    long r = sys(SYS_vmsplice, fd, v->iov, v->n, SPLICE_F_NONBLOCK);
    return r >= 0 ? r : not_ready(SYS_preadv2, fd, v);
}

/* Who waits for a terminal when its master is closed is told so; a new call finds the end. */
static long read_polled(int fd, const struct fd_entry *e, const struct io_vec *v, enum io_stage stage)
{
    /* One look, then the call: who is robbed by another process meanwhile blocks, and the monitor sees to it. */
    if (io_poll_now(fd, POLLIN) == 0)
        return e != NULL && e->kind == FD_FIFO ? read_fifo(fd, v) : not_ready(SYS_preadv2, fd, v);
    long r = sys(SYS_readv, fd, v->iov, v->n);
    struct stat st;
    bool gone = r == 0 && stage == IO_WAITED && e != NULL && e->kind == FD_TTY && sys(SYS_fstat, fd, &st) == 0 &&
                st.st_nlink == 0;
    return gone ? -EIO : r;
}

long io_try_read(int fd, struct fd_entry *e, void *arg, enum io_stage stage)
{
    struct io_vec *v = arg;
    long r;
    switch (fdtab_kind(fd, e)) {
    case FD_STREAM:
    case FD_DGRAM:
        r = read_socket(fd, e, v);
        return r == -ENOTSOCK && stale(fd, e) ? io_try_read(fd, e, arg, stage) : r;
    case FD_PIPE:
    case FD_NOWAIT:
        r = e->kind == FD_PIPE ? read_pipe(fd, e, v) : nowait(SYS_preadv2, fd, v);
        if (r != -EOPNOTSUPP)
            return r;
        if (feature_on(FEATURE_RWF_NOWAIT) && stale(fd, e))
            return io_try_read(fd, e, arg, stage);
        break;
    case FD_FILE:
    case FD_MEMORY:
        return sys(SYS_readv, fd, v->iov, v->n);
    default:
        break;
    }
    return read_polled(fd, e, v, stage);
}

/* How many of `all` bytes a pipe that is not full takes in one write without waiting: whole if PIPE_BUF at most. A
 * longer one begins with what is no whole page, which a page that is begun may still take, so that the pipe holds as
 * much as by one write; an empty pipe takes what it can hold. */
static size_t pipe_takes(int fd, size_t all)
{
    int queued = 1;
    if (sys(SYS_ioctl, fd, FIONREAD, &queued) == 0 && queued == 0) {
        long size = sys(SYS_fcntl, fd, F_GETPIPE_SZ);
        if (size >= PIPE_CHUNK)
            return (size_t)size;
    }
    return all % PIPE_CHUNK != 0 ? all % PIPE_CHUNK : PIPE_CHUNK;
}

/* Not the same for no bytes: a vector of nothing is not looked at. */
static long write_all(int fd, const struct io_vec *v)
{
    return v->n == 1 ? sys(SYS_write, fd, v->iov->iov_base, v->iov->iov_len) : sys(SYS_writev, fd, v->iov, v->n);
}

/* A part of a vector in one write that does not wait; all if the call does not wait anyway. */
static long write_some(int fd, const struct io_vec *v, int kind)
{
    size_t all = vec_length(v->iov, v->n), most = kind == FD_TTY ? TTY_CHUNK : PIPE_CHUNK;
    if (all <= most || fdtab_nonblocking(fd))
        return write_all(fd, v);
    long r = not_ready(SYS_pwritev2, fd, v); /* the whole may be refused */
    if (r != -EAGAIN)
        return r;
    if (kind != FD_TTY)
        most = pipe_takes(fd, all);
    struct iovec part[ON_STACK];
    int n = 0;
    for (int i = 0; n < ON_STACK && i < v->n && most > 0; i++) {
        size_t take = v->iov[i].iov_len < most ? v->iov[i].iov_len : most;
        if (take > 0)
            part[n++] = (struct iovec){v->iov[i].iov_base, take};
        most -= take;
    }
    return sys(SYS_writev, fd, part, n);
}

long io_try_write(int fd, struct fd_entry *e, void *arg, enum io_stage stage)
{
    struct io_vec *v = arg;
    struct msghdr m = {.msg_iov = (struct iovec *)v->iov, .msg_iovlen = (size_t)v->n};
    long r;
    int kind = fdtab_kind(fd, e);
    switch (kind) {
    case FD_STREAM:
    case FD_DGRAM:
        r = io_try_send(fd, e, &m, 0, stage);
        return r == -ENOTSOCK && stale(fd, e) ? io_try_write(fd, e, arg, stage) : r;
    case FD_PIPE:
        r = write_pipe(fd, e, v);
        if (r != -EOPNOTSUPP)
            return r;
        if (feature_on(FEATURE_RWF_NOWAIT) && stale(fd, e))
            return io_try_write(fd, e, arg, stage);
        break;
    case FD_FILE:
    case FD_MEMORY:
        return write_all(fd, v);
    default:
        break;
    }
    if (io_poll_now(fd, POLLOUT) == 0 && !fdtab_nonblocking(fd)) /* else a full pipe may find room in its last page */
        return not_ready(SYS_pwritev2, fd, v);
    bool partly = kind == FD_PIPE || kind == FD_FIFO || kind == FD_TTY;
    return partly ? write_some(fd, v, kind) : write_all(fd, v);
}
