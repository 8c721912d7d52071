#include "core/io.h"
#include "core/cancel.h"
#include "core/enter.h"
#include "core/handover.h"
#include "core/identity.h"
#include "core/ready.h"
#include "core/vec.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <poll.h>
#include <termios.h>

enum { ON_STACK = 8 };

bool io_take_expired(int fd, struct fd_entry *e, int dir)
{
    if (likely((e->expired & 1u << dir) == 0))
        return false;
    e->expired &= (uint8_t) ~(1u << dir);
    fdtab_moved(e, dir);
    if (dir == DIR_OUT && e->connecting) {
        e->connecting = false;
        io_undo_connect(fd);
    }
    return true;
}

/* Which kinds the read and write limits are for: terminals and files have none. */
static bool limited(const struct fd_entry *e)
{
    return e->kind == FD_STREAM || e->kind == FD_DGRAM || e->kind == FD_PIPE || e->kind == FD_FIFO;
}

void io_limit(struct io_limit *limit, int fd, struct fd_entry *e, int dir, unsigned op)
{
    limit->first = NULL;
    limit->counted = true;
    limit->final = (op & IO_PARTIAL) != 0;
    limit->no_point = (op & IO_NO_POINT) != 0;
    op &= ~(unsigned)(IO_PARTIAL | IO_NO_POINT);
    limit->at = CLOCK_NEVER;
    limit->error = ETIMEDOUT;
    if (rt.config.timeout[op] != 0 && limited(e))
        limit->at = clock_after(rt.config.timeout[op]);
    uint64_t timeo = fdtab_timeo(fd, e, dir);
    uint64_t own = timeo == 0 ? CLOCK_NEVER : clock_after(timeo);
    limit->final |= timeo != 0;
    if (own <= limit->at && own != CLOCK_NEVER) {
        limit->at = own;
        limit->error = EAGAIN;
    }
}

/* Without fibers: the handlers are the kernel's business. A call restarts if all of the program's handlers say
 * SA_RESTART; the kernel would do the same for the one that ran. */
static int wait_native(int fd, int dir, uint64_t at, bool final)
{
    for (;;) {
        uint64_t now = at == CLOCK_NEVER ? 0 : clock_now();
        if (at != CLOCK_NEVER && now >= at)
            return -ETIMEDOUT;
        struct timespec left = clock_to_timespec(at - now);
        struct pollfd p = {fd, dir == DIR_IN ? POLLIN : POLLOUT, 0};
        long r = sys(SYS_ppoll, &p, 1, at == CLOCK_NEVER ? NULL : &left, NULL, 8);
        if (r > 0)
            return 0;
        if (r < 0 && (r != -EINTR || final || !signals_all_restart()))
            return (int)r;
    }
}

/* room: where a read wants its bytes, or NULL. What it is given there ends the wait: their count. */
static long wait_with_room(struct fiber *self, int fd, struct fd_entry *e, int dir, uint32_t seq,
                           struct io_limit *limit, const char *call, const struct iovec *room)
{
    if (self == NULL) {
        int r = wait_native(fd, dir, limit->at, limit->final);
        return r == -ETIMEDOUT ? -limit->error : r;
    }
    struct ready_wait w;
    struct ready_link link;
    struct offer offer;
    core_enter(self);
    long r = 0;
    if (__atomic_load_n(&e->seq, __ATOMIC_SEQ_CST) == seq) {
        ready_begin(&w, self, &link);
        w.wait.first = limit->first;
        if (limit->turn == 0)
            limit->turn = ++rt.fdtab.turns;
        r = ready_link(&w, fd, dir, true, limit->turn);
        if (r == 0 && room != NULL)
            handover_offer(&offer, &link, room->iov_base, room->iov_len);
        if (r == 0) {
            r = wait_park(&w.wait, limit->at, (limit->no_point ? WAIT_STOP : WAIT_CANCEL) | WAIT_INTR, call);
            if (room != NULL && r == 0)
                r = (long)handover_taken(self, &offer);
            if (r == 0 && unlikely(self->sig.due)) /* a handler first, which may block: somebody else shall look */
                ready_pass_on_here(e, dir);
        } else if (r == -EPERM)
            r = 0; /* always ready */
    }
    core_leave(self);
    if (r == -EINTR && !limit->final && signals_restarts(self))
        r = 0;
    return r == -ETIMEDOUT ? -limit->error : r;
}

int io_wait(struct fiber *self, int fd, struct fd_entry *e, int dir, uint32_t seq, struct io_limit *limit,
            const char *call)
{
    return (int)wait_with_room(self, fd, e, dir, seq, limit, call, NULL);
}

void io_defer(struct fiber *self, struct fd_entry *e, int dir, long r)
{
    if (r == -ETIMEDOUT)
        e->expired |= (uint8_t)(1u << dir);
    else if (r == -ECANCELED && self != NULL)
        cancel_put_back(self);
    else if (r == -E_CANCELLED && tls_is_async(self->fs))
        identity_test_cancel(self); /* whatever is done: its next point may never come */
}

/* Seldom so: asked only after a wait that was for nothing. */
static bool writable_for_nothing(int fd, const struct fd_entry *e, int dir)
{
    return dir == DIR_OUT && e->kind == FD_DGRAM && io_poll_now(fd, POLLOUT) > 0;
}

static long run(struct fiber *self, int fd, struct fd_entry *e, int dir, unsigned op, io_attempt *attempt, void *arg,
                const char *call, const struct iovec *room)
{
    struct io_limit limit; /* the rest is set before the first wait */
    enum io_stage stage = unlikely((op & IO_PARTIAL) != 0) ? IO_REST : IO_FIRST;
    bool waited = false;
    int refused = io_refused(fd, e, dir);
    if (unlikely(refused != 0))
        return refused;
    for (;;) {
        if (unlikely(e->state == FD_ABORTED))
            return -fdtab_extra(e)->abort_errno;
        uint32_t seq = __atomic_load_n(&e->seq, __ATOMIC_SEQ_CST);
        uint32_t writes = room != NULL ? ready_writes(e) : 0;
        long r = attempt(fd, e, arg, stage);
        if (likely(r != -EAGAIN)) {
            if (r >= 0) {
                fdtab_moved(e, dir);
                ready_progress(self, e, dir);
            }
            if (waited)
                ready_pass_on(self, e, dir);
            return r;
        }
        if (!waited && fdtab_nonblocking(fd)) {
            if (e->empty_at == 0)
                return r;
            e->empty_at = 0; /* that was only believed */
            continue;
        }
        if (!waited) {
            limit.turn = 0;
            io_limit(&limit, fd, e, dir, op);
            stage = stage == IO_REST ? IO_REST : IO_WAITED;
        } else if (writable_for_nothing(fd, e, dir)) {
            return io_send_away(self, fd, e, attempt, arg, &limit, call);
        }
        waited = true;
        long w = wait_with_room(self, fd, e, dir, seq, &limit, call, room);
        e->empty_at = w > 0 ? writes : 0; /* what was given never was in the kernel */
        if (w > 0)
            fdtab_moved(e, dir);
        if (w != 0)
            return w;
    }
}

long io_run(struct fiber *self, int fd, struct fd_entry *e, int dir, unsigned op, io_attempt *attempt, void *arg,
            const char *call)
{
    return run(self, fd, e, dir, op, attempt, arg, call, NULL);
}

long io_run_read(struct fiber *self, int fd, struct fd_entry *e, io_attempt *attempt, void *arg, const char *call,
                 const struct iovec *room)
{
    bool offers = e->key[DIR_IN] != 0 && (e->kind == FD_PIPE || e->kind == FD_STREAM) && feature_on(FEATURE_HANDOVER);
    return run(self, fd, e, DIR_IN, OP_READ, attempt, arg, call, offers ? room : NULL);
}

/* ---- read and write ---- */

struct away {
    long number;
    int fd;
    const struct io_vec v;
};

static long call_away(void *arg)
{
    const struct away *a = arg;
    return sys(a->number, a->fd, a->v.iov, a->v.n);
}

/* A wait that this process cannot make its own: the real call on this kernel thread, the others go on elsewhere. */
static long away(struct fiber *self, long number, int fd, const struct iovec *iov, int n, const char *call)
{
    if (fd < 0 || n <= 0 || n > 1024) /* refused at once, whatever handler is due */
        return sys(number, fd, iov, n);
    struct away a = {number, fd, {iov, n}};
    return wait_away_now(self, CLOCK_NEVER, WAIT_CANCEL | WAIT_INTR | WAIT_RESTART, call, call_away, &a);
}

/* A terminal in raw mode ends a read by its own count and time (VMIN, VTIME): the kernel's to keep. */
static bool timed_tty(int fd)
{
    struct termios t;
    return sys(SYS_ioctl, fd, TCGETS, &t) == 0 && (t.c_lflag & ICANON) == 0;
}

/* A background job does not wait for its terminal: the read stops it, or says EIO. A pty's master has the foreground of
 * the other side, and waits. */
static bool background(int fd)
{
    int group, number;
    return sys(SYS_ioctl, fd, TIOCGPGRP, &group) == 0 && group != sys(SYS_getpgid, 0) &&
           sys(SYS_ioctl, fd, TIOCGPTN, &number) != 0;
}

long io_readv(struct fiber *self, int fd, const struct iovec *iov, int n, const char *call)
{
    struct fd_entry *e = fdtab_get(fd);
    struct io_vec v = {iov, n};
    if (unlikely(e == NULL || n <= 0 || n > 1024))
        return away(self, SYS_readv, fd, iov, n, call);
    if (vec_length(iov, n) == 0)
        return sys(SYS_readv, fd, iov, n);
    int kind = fdtab_kind(fd, e);
    if (unlikely(kind < 0))
        return kind;
    if (kind == FD_TTY && io_poll_now(fd, POLLIN) == 0 && (timed_tty(fd) || background(fd)))
        return away(self, SYS_readv, fd, iov, n, call);
    if (unlikely(e->low)) { /* the number may have been reused behind our back */
        struct msghdr m = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n};
        long r = io_recvmsg(self, fd, &m, 0, call);
        if (r != -ENOTSOCK)
            return r;
        e->low = false;
    }
    return io_run_read(self, fd, e, io_try_read, &v, call, n == 1 ? iov : NULL);
}

/* A blocking write writes all. What has been written before an error counts: the error comes with the next call. */
long io_writev(struct fiber *self, int fd, const struct iovec *iov, int n, const char *call)
{
    struct fd_entry *e = fdtab_get(fd);
    struct io_vec v = {iov, n};
    if (unlikely(e == NULL || n <= 0 || n > 1024))
        return away(self, SYS_writev, fd, iov, n, call);
    int kind = fdtab_kind(fd, e);
    if (unlikely(kind < 0))
        return kind;
    if (n == 1 && self != NULL && (kind == FD_PIPE || kind == FD_STREAM)) {
        long given = handover_write(self, fd, e, iov->iov_base, iov->iov_len);
        if (given >= 0)
            return given;
    }
    if (kind == FD_NOWAIT && io_poll_now(fd, POLLOUT) == 0) /* the kernel looks at the value before it waits */
        return away(self, SYS_writev, fd, iov, n, call);
    long r = io_run(self, fd, e, DIR_OUT, OP_WRITE, io_try_write, &v, call);
    if (unlikely(r < 0)) {
        r = io_await_connection(self, fd, e, &(struct msghdr){0}, r);
        return r == 0 ? io_writev(self, fd, iov, n, call) : r;
    }
    if (kind == FD_FILE || kind == FD_MEMORY || kind == FD_DGRAM)
        return r;
    size_t done = (size_t)r, all = vec_length(iov, n);
    if (likely(done == all) || fdtab_nonblocking(fd))
        return r;
    struct iovec rest[ON_STACK];
    while (done < all) {
        v.iov = rest;
        v.n = vec_rest(rest, ON_STACK, iov, n, done);
        r = io_run(self, fd, e, DIR_OUT, OP_WRITE | IO_PARTIAL, io_try_write, &v, call);
        if (r < 0) {
            io_defer(self, e, DIR_OUT, r);
            break;
        }
        done += (size_t)r;
    }
    return (long)done;
}
