/* Sockets: messages that are sent.
 *
 * What the kernel tells a send that has waited, or sent a part, it does not tell a new one:
 *  - of a unix socket its pending error comes before EPIPE, and there is no SIGPIPE;
 *  - who has sent a part gets the count, and no SIGPIPE; the error stays for the next call, but for a unix socket's,
 * which is taken. Our attempts are new sends to the kernel.
 * And sends for which poll does not wait. See io.h. */
#include "core/enter.h"
#include "core/handover.h"
#include "core/io.h"
#include "core/mem.h"
#include "core/ready.h"
#include "core/vec.h"

#include <errno.h>
#include <poll.h>

/* Whoever asks takes it. */
static int take_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    return sys(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : 0;
}

bool io_is_unix(int fd)
{
    int domain = 0;
    socklen_t size = sizeof domain;
    return sys(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

static bool broken(int fd)
{
    struct pollfd p = {fd, POLLOUT, 0};
    return sys(SYS_poll, &p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP)) != 0;
}

long io_broken(int fd, const struct fd_entry *e)
{
    if (e->kind != FD_STREAM || !broken(fd) || !io_is_unix(fd))
        return 0;
    int error = take_error(fd);
    return error != 0 ? -error : -EPIPE;
}

/* A socketpair made here is a unix socket: it need not be asked. */
long io_send_again(int fd, const struct fd_entry *e, const struct msghdr *msg, int flags, enum io_stage stage)
{
    if (e->kind != FD_STREAM)
        return sys(SYS_sendmsg, fd, msg, stage == IO_AWAY ? flags & ~MSG_DONTWAIT : flags);
    if (stage == IO_REST && e->key[DIR_OUT] == 0 && broken(fd) && !io_is_unix(fd))
        return -EPIPE;
    long r = sys(SYS_sendmsg, fd, msg, flags | MSG_NOSIGNAL);
    if (r != -EPIPE)
        return r;
    if (io_is_unix(fd)) {
        int error = take_error(fd);
        return error != 0 ? -error : -EPIPE;
    }
    return stage == IO_REST ? r : sys(SYS_sendmsg, fd, msg, flags);
}

struct away {
    int fd;
    struct fd_entry *e;
    io_attempt *attempt;
    void *arg;
};

static long send_here(void *arg)
{
    const struct away *a = arg;
    return a->attempt(a->fd, a->e, a->arg, IO_AWAY);
}

/* Where the call itself would not keep the limit, or not wait. */
static long ask_again(struct fiber *self, const struct away *a, const struct io_limit *limit, const char *call)
{
    const uint64_t most = 20 * NS_PER_MS;
    long r;
    for (uint64_t pause = NS_PER_MS; (r = a->attempt(a->fd, a->e, a->arg, IO_WAITED)) == -EAGAIN; pause *= 2) {
        uint64_t now = clock_now();
        if (now >= limit->at)
            return -limit->error;
        pause = pause < most ? pause : most;
        int w = io_pause(self, pause < limit->at - now ? pause : limit->at - now, call);
        bool goes_on = w == -EINTR && !limit->final && (self == NULL ? signals_all_restart() : signals_restarts(self));
        if (w != -ETIMEDOUT && !goes_on)
            return w;
    }
    return r;
}

static long wait_there(struct fiber *self, struct away *a, const struct io_limit *limit, const char *call)
{
    if (a->e->set_flag || (self == NULL && limit->at != CLOCK_NEVER))
        return ask_again(self, a, limit, call);
    int how = (limit->no_point ? WAIT_STOP : WAIT_CANCEL) | WAIT_INTR | (limit->final ? 0 : WAIT_RESTART);
    long r = wait_away_now(self, limit->at, how, call, send_here, a);
    return r == -ETIMEDOUT ? -limit->error : r;
}

long io_send_away(struct fiber *self, int fd, struct fd_entry *e, io_attempt *attempt, void *arg,
                  const struct io_limit *limit, const char *call)
{
    struct away a = {fd, e, attempt, arg};
    long r = wait_there(self, &a, limit, call);
    if (r >= 0) {
        fdtab_moved(e, DIR_OUT);
        ready_progress(self, e, DIR_OUT);
    }
    return r;
}

/* ---- messages ---- */

struct sending {
    const struct msghdr *msg;
    int flags;
};

static long try_sendmsg(int fd, struct fd_entry *e, void *arg, enum io_stage stage)
{
    const struct sending *m = arg;
    return io_try_send(fd, e, m->msg, m->flags, stage);
}

static long send_expired(struct fd_entry *e, int fd, const struct msghdr *msg, int flags)
{
    int refused = e != NULL ? io_refused(fd, e, DIR_OUT) : 0;
    if (refused != 0)
        return refused;
    long r = sys(SYS_sendmsg, fd, msg, flags);
    if (r > 0 && e != NULL)
        fdtab_moved(e, DIR_OUT);
    return r;
}

enum { PARTS = 8 };

/* A stream's blocking send sends all; ancillary data goes with the first part. */
static long send_rest(struct fiber *self, int fd, struct fd_entry *e, const struct msghdr *msg, int flags, size_t done,
                      const char *call)
{
    struct iovec rest[PARTS];
    struct msghdr part = {.msg_iov = rest};
    struct sending m = {.msg = &part, .flags = flags & ~MSG_FASTOPEN};
    for (;;) {
        part.msg_iovlen = (size_t)vec_rest(rest, PARTS, msg->msg_iov, (int)msg->msg_iovlen, done);
        if (part.msg_iovlen == 0)
            return (long)done;
        long r = io_run(self, fd, e, DIR_OUT, OP_WRITE | IO_PARTIAL, try_sendmsg, &m, call);
        if (r < 0) {
            io_defer(self, e, DIR_OUT, r);
            return (long)done;
        }
        done += (size_t)r;
    }
}

long io_sendmsg(struct fiber *self, int fd, const struct msghdr *msg, int flags, const char *call)
{
    struct fd_entry *e = fdtab_get(fd);
    struct sending m = {.msg = msg, .flags = flags};
    if (!io_may_wait(fd, e, flags))
        return send_expired(e, fd, msg, flags);
    long r = io_run(self, fd, e, DIR_OUT, OP_WRITE, try_sendmsg, &m, call);
    if (unlikely(r < 0)) {
        r = io_await_connection(self, fd, e, msg, r);
        return r == 0 ? io_sendmsg(self, fd, msg, flags & ~MSG_FASTOPEN, call) : r;
    }
    if (r == 0 || e->kind != FD_STREAM)
        return r;
    size_t all = 0;
    for (size_t i = 0; i < msg->msg_iovlen; i++)
        all += msg->msg_iov[i].iov_len;
    if ((size_t)r >= all || fdtab_nonblocking(fd))
        return r;
    return send_rest(self, fd, e, msg, flags, (size_t)r, call);
}

long io_sendto(struct fiber *self, int fd, const void *buf, size_t n, int flags, const struct sockaddr *addr,
               socklen_t len)
{
    struct fd_entry *e = fdtab_get(fd);
    if (self != NULL && addr == NULL && (flags & ~MSG_NOSIGNAL) == 0 && io_may_wait(fd, e, flags) &&
        e->kind == FD_STREAM) {
        long given = handover_write(self, fd, e, buf, n);
        if (given >= 0)
            return given;
    }
    struct iovec iov = {(void *)buf, n};
    struct msghdr msg = {
        .msg_name = (void *)addr, .msg_namelen = addr != NULL ? len : 0, .msg_iov = &iov, .msg_iovlen = 1};
    return io_sendmsg(self, fd, &msg, flags, "send");
}

long io_sendmmsg(struct fiber *self, int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
    struct fd_entry *e = fdtab_get(fd);
    if (!io_may_wait(fd, e, flags)) {
        int refused = e != NULL && n > 0 ? io_refused(fd, e, DIR_OUT) : 0;
        if (refused != 0)
            return refused;
        long r = sys(SYS_sendmmsg, fd, msgs, n, flags);
        fdtab_shared();
        if (r > 0 && e != NULL)
            fdtab_moved(e, DIR_OUT);
        return r;
    }
    if (n > 1024)
        n = 1024; /* UIO_MAXIOV, as the kernel does */
    for (unsigned i = 0; i < n; i++) {
        if (!mem_readable(&msgs[i], sizeof msgs[i]))
            return i > 0 ? (long)i : -EFAULT;
        long r = io_sendmsg(self, fd, &msgs[i].msg_hdr, flags, "sendmmsg");
        if (r < 0 && r != -ETIMEDOUT && i > 0)
            io_defer(self, e, DIR_OUT, r);
        if (r < 0)
            return i > 0 ? (long)i : r;
        msgs[i].msg_len = (unsigned)r;
        if (msgs[i].msg_hdr.msg_controllen != 0)
            fdtab_shared();
    }
    return (long)n;
}
