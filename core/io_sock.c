/* Sockets: messages, accept, connect. See io.h. */
#include "core/enter.h"
#include "core/io.h"
#include "core/mem.h"
#include "core/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/un.h>

struct message {
    struct msghdr *msg;
    struct mmsghdr *many;
    unsigned n;
    int flags;
};

static long try_recvmsg(int fd, struct fd_entry *e, void *arg)
{
    const struct message *m = arg;
    (void)e;
    return sys(SYS_recvmsg, fd, m->msg, m->flags | MSG_DONTWAIT);
}

static long try_sendmsg(int fd, struct fd_entry *e, void *arg)
{
    const struct message *m = arg;
    (void)e;
    return sys(SYS_sendmsg, fd, m->msg, m->flags | MSG_DONTWAIT);
}

/* Only sockets that might wait need an attempt; anything else is the kernel's to refuse. */
static bool waits(int fd, struct fd_entry *e, int flags)
{
    if (e == NULL || (flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) != 0)
        return false;
    int kind = fdtab_kind(fd, e);
    return kind == FD_STREAM || kind == FD_DGRAM;
}

/* What no attempt can tell (MSG_WAITALL with MSG_PEEK, or with a message's ancillary data): the real call. */
static long recv_away(struct fiber *self, int fd, struct msghdr *msg, int flags, const char *call)
{
    if (self != NULL)
        baton_away(self, call);
    long r = sys(SYS_recvmsg, fd, msg, flags);
    if (self != NULL)
        baton_back(self);
    return r;
}

static long recv_expired(struct fd_entry *e, int fd, struct msghdr *msg, int flags)
{
    if (e != NULL && io_take_expired(e, DIR_IN))
        return -ETIMEDOUT;
    long r = sys(SYS_recvmsg, fd, msg, flags);
    if (r > 0 && e != NULL)
        e->since[DIR_IN] = 0;
    return r;
}

long io_recvmsg(struct fiber *self, int fd, struct msghdr *msg, int flags, const char *call)
{
    struct fd_entry *e = fdtab_get(fd);
    struct message m = {.msg = msg, .flags = flags};
    if (!waits(fd, e, flags))
        return recv_expired(e, fd, msg, flags);
    if ((flags & MSG_WAITALL) != 0 && e->kind == FD_STREAM)
        return recv_away(self, fd, msg, flags, call);
    return io_run(self, fd, e, DIR_IN, OP_READ, try_recvmsg, &m, call);
}

struct receiving {
    char *buf;
    size_t n;
    int flags;
    struct sockaddr *addr;
    socklen_t *len;
};

static long try_recvfrom(int fd, struct fd_entry *e, void *arg)
{
    const struct receiving *a = arg;
    (void)e;
    return sys(SYS_recvfrom, fd, a->buf, a->n, a->flags | MSG_DONTWAIT, a->addr, a->len);
}

static long recvfrom_away(struct fiber *self, int fd, const struct receiving *a)
{
    if (self != NULL)
        baton_away(self, "recv");
    long r = sys(SYS_recvfrom, fd, a->buf, a->n, a->flags, a->addr, a->len);
    if (self != NULL)
        baton_back(self);
    return r;
}

long io_recvfrom(struct fiber *self, int fd, void *buf, size_t n, int flags, struct sockaddr *addr, socklen_t *len)
{
    struct fd_entry *e = fdtab_get(fd);
    struct receiving a = {buf, n, flags, addr, len};
    if (!waits(fd, e, flags)) {
        if (e != NULL && io_take_expired(e, DIR_IN))
            return -ETIMEDOUT;
        long r = try_recvfrom(fd, e, &a);
        if (r > 0 && e != NULL)
            e->since[DIR_IN] = 0;
        return r;
    }
    bool all = (flags & MSG_WAITALL) != 0 && e->kind == FD_STREAM;
    if (all && (flags & (MSG_PEEK | MSG_OOB)) != 0)
        return recvfrom_away(self, fd, &a);
    a.flags &= ~MSG_WAITALL;
    size_t done = 0;
    long r;
    do {
        r = io_run(self, fd, e, DIR_IN, OP_READ | (done > 0 ? IO_PARTIAL : 0), try_recvfrom, &a, "recv");
        if (r <= 0)
            break;
        done += (size_t)r;
        a.buf += r;
        a.n -= (size_t)r;
    } while (all && a.n > 0 && !fdtab_nonblocking(fd));
    if (r < 0 && done == 0)
        return r;
    if (r == -ETIMEDOUT)
        e->expired |= 1u << DIR_IN;
    return (long)done;
}

static long send_expired(struct fd_entry *e, int fd, const struct msghdr *msg, int flags)
{
    if (e != NULL && io_take_expired(e, DIR_OUT))
        return -ETIMEDOUT;
    return sys(SYS_sendmsg, fd, msg, flags);
}

/* A stream's blocking send sends all; ancillary data goes with the first part. */
static long send_rest(struct fiber *self, int fd, struct fd_entry *e, const struct msghdr *msg, int flags, size_t done,
                      const char *call)
{
    struct iovec rest[8];
    struct msghdr part = {.msg_iov = rest};
    struct message m = {.msg = &part, .flags = flags};
    for (;;) {
        size_t skip = done;
        part.msg_iovlen = 0;
        for (size_t i = 0; i < msg->msg_iovlen && part.msg_iovlen < countof(rest); i++) {
            struct iovec v = msg->msg_iov[i];
            size_t cut = skip < v.iov_len ? skip : v.iov_len;
            skip -= cut;
            if (v.iov_len > cut)
                rest[part.msg_iovlen++] = (struct iovec){(char *)v.iov_base + cut, v.iov_len - cut};
        }
        if (part.msg_iovlen == 0)
            return (long)done;
        long r = io_run(self, fd, e, DIR_OUT, OP_WRITE | IO_PARTIAL, try_sendmsg, &m, call);
        if (r < 0) {
            if (r == -ETIMEDOUT)
                e->expired |= 1u << DIR_OUT;
            return (long)done;
        }
        done += (size_t)r;
    }
}

long io_sendmsg(struct fiber *self, int fd, const struct msghdr *msg, int flags, const char *call)
{
    struct fd_entry *e = fdtab_get(fd);
    struct message m = {.msg = (struct msghdr *)msg, .flags = flags};
    if (!waits(fd, e, flags))
        return send_expired(e, fd, msg, flags);
    long r = io_run(self, fd, e, DIR_OUT, OP_WRITE, try_sendmsg, &m, call);
    if (r <= 0 || e->kind != FD_STREAM)
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
    struct iovec iov = {(void *)buf, n};
    struct msghdr msg = {
        .msg_name = (void *)addr, .msg_namelen = addr != NULL ? len : 0, .msg_iov = &iov, .msg_iovlen = 1};
    return io_sendmsg(self, fd, &msg, flags, "send");
}

static long try_recvmmsg(int fd, struct fd_entry *e, void *arg)
{
    const struct message *m = arg;
    (void)e;
    return sys(SYS_recvmmsg, fd, m->many, m->n, m->flags | MSG_DONTWAIT, NULL);
}

/* recvmmsg's own timeout is looked at only after a message has come (its man page, under BUGS); so it is here. */
long io_recvmmsg(struct fiber *self, int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout)
{
    struct fd_entry *e = fdtab_get(fd);
    if (timeout != NULL && !mem_readable(timeout, sizeof *timeout))
        return -EFAULT;
    if (!waits(fd, e, flags) || n == 0)
        return sys(SYS_recvmmsg, fd, msgs, n, flags, timeout);
    uint64_t until = timeout == NULL ? CLOCK_NEVER : clock_after(clock_from_timespec(timeout));
    unsigned done = 0;
    while (done < n) {
        struct message m = {.many = msgs + done, .n = n - done, .flags = flags & ~MSG_WAITFORONE};
        long r = io_run(self, fd, e, DIR_IN, OP_READ, try_recvmmsg, &m, "recvmmsg");
        if (r < 0)
            return done > 0 ? (long)done : r;
        done += (unsigned)r;
        if ((flags & MSG_WAITFORONE) != 0 || clock_now() >= until)
            break;
    }
    return (long)done;
}

long io_sendmmsg(struct fiber *self, int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
    struct fd_entry *e = fdtab_get(fd);
    if (!waits(fd, e, flags))
        return sys(SYS_sendmmsg, fd, msgs, n, flags);
    if (n > 1024)
        n = 1024; /* UIO_MAXIOV, as the kernel does */
    for (unsigned i = 0; i < n; i++) {
        if (!mem_readable(&msgs[i], sizeof msgs[i]))
            return i > 0 ? (long)i : -EFAULT;
        long r = io_sendmsg(self, fd, &msgs[i].msg_hdr, flags, "sendmmsg");
        if (r < 0)
            return i > 0 ? (long)i : r;
        msgs[i].msg_len = (unsigned)r;
    }
    return (long)n;
}

struct accepting {
    struct sockaddr *addr;
    socklen_t *len;
    int flags;
};

/* accept has no flag for "now": a look first. A sibling process may take the connection between the look and the call;
 * then the call waits, and the monitor lets the others go on. */
static long try_accept(int fd, struct fd_entry *e, void *arg)
{
    const struct accepting *a = arg;
    struct pollfd p = {fd, POLLIN, 0};
    (void)e;
    if (sys(SYS_poll, &p, 1, 0) == 0)
        return -EAGAIN;
    return sys(SYS_accept4, fd, a->addr, a->len, a->flags);
}

long io_accept(struct fiber *self, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    struct fd_entry *e = fdtab_get(fd);
    struct accepting a = {addr, len, flags};
    long r;
    if (!waits(fd, e, 0) || fdtab_nonblocking(fd))
        r = sys(SYS_accept4, fd, addr, len, flags);
    else
        r = io_run(self, fd, e, DIR_IN, OP_ACCEPT, try_accept, &a, "accept");
    if (r >= 0) {
        fdtab_opened((int)r, FD_UNKNOWN);
        struct fd_entry *made = fdtab_peek((int)r);
        if (made != NULL)
            made->made_here = true;
    }
    return r;
}

static long connect_away(struct fiber *self, int fd, const struct sockaddr *addr, socklen_t len)
{
    if (self != NULL)
        baton_away(self, "connect");
    long r = sys(SYS_connect, fd, addr, len);
    if (self != NULL)
        baton_back(self);
    return r;
}

/* The socket is as after a failed connect. */
static void undo_connect(int fd)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    (void)sys(SYS_connect, fd, &none, sizeof none);
}

bool io_connect_expired(int fd)
{
    struct fd_entry *e = fdtab_peek(fd);
    if (e == NULL || !e->connecting || !io_take_expired(e, DIR_OUT))
        return false;
    e->connecting = false;
    undo_connect(fd);
    return true;
}

static long finish_connect(struct fiber *self, int fd, struct fd_entry *e, const struct sockaddr *addr, socklen_t len)
{
    struct io_limit limit = {.at = CLOCK_NEVER, .error = ETIMEDOUT, .counted = true};
    if (rt.config.timeout[OP_CONNECT] != 0)
        limit.at = clock_after(rt.config.timeout[OP_CONNECT]);
    uint64_t timeo = fdtab_timeo(fd, e, DIR_OUT);
    if (timeo != 0 && clock_after(timeo) < limit.at)
        limit = (struct io_limit){.at = clock_after(timeo), .error = EINPROGRESS, .counted = true};
    struct pollfd p = {fd, POLLOUT, 0};
    for (;;) {
        uint32_t seq = __atomic_load_n(&e->seq, __ATOMIC_SEQ_CST);
        if (sys(SYS_poll, &p, 1, 0) != 0)
            break;
        int r = io_wait(self, fd, e, DIR_OUT, seq, &limit, "connect");
        if (r == 0)
            continue;
        if (r == -ETIMEDOUT || r == -E_CANCELLED)
            undo_connect(fd);
        return r;
    }
    /* Asked again, it says how it went, and the socket leaves its connecting state. */
    return sys(SYS_connect, fd, addr, len);
}

static long connect_now(int fd, const struct sockaddr *addr, socklen_t len, long flags)
{
    (void)sys(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK);
    long r = sys(SYS_connect, fd, addr, len);
    (void)sys(SYS_fcntl, fd, F_SETFL, flags);
    return r;
}

/* AF_UNIX with a full queue and a limit: nothing tells when there is room, so it is asked again and again. */
static long connect_retry(struct fiber *self, int fd, const struct sockaddr *addr, socklen_t len, long flags)
{
    uint64_t at = clock_after(rt.config.timeout[OP_CONNECT]), pause = NS_PER_MS;
    long r;
    while ((r = connect_now(fd, addr, len, flags)) == -EAGAIN && clock_now() < at) {
        int w = -ETIMEDOUT;
        struct timespec t = clock_to_timespec(pause);
        if (self != NULL) {
            struct wait wait;
            wait_init(&wait, self, NULL);
            core_enter(self);
            w = wait_park(&wait, clock_after(pause), WAIT_CANCEL | WAIT_INTR, "connect");
            core_leave(self);
        } else if (sys(SYS_nanosleep, &t, NULL) == -EINTR) {
            w = -EINTR;
        }
        if (w != -ETIMEDOUT)
            return w;
        pause = pause < 20 * NS_PER_MS ? pause * 2 : pause;
    }
    return r == -EAGAIN ? -ETIMEDOUT : r;
}

/* Non-blocking for the moment of the call, if nobody else can see the flag: made here, shared with no process. */
long io_connect(struct fiber *self, int fd, const struct sockaddr *addr, socklen_t len)
{
    struct fd_entry *e = fdtab_get(fd);
    if (e == NULL || fdtab_kind(fd, e) != FD_STREAM)
        return sys(SYS_connect, fd, addr, len);
    if (e->state == FD_ABORTED)
        return -e->abort_errno;
    long flags = sys(SYS_fcntl, fd, F_GETFL);
    if (flags < 0 || (flags & O_NONBLOCK) != 0) {
        long r = sys(SYS_connect, fd, addr, len);
        if (r == -EINPROGRESS && rt.config.timeout[OP_CONNECT] != 0) {
            e->connecting = true;
            e->connect_since = clock_now();
        }
        return r;
    }
    if (!fdtab_private(e))
        return connect_away(self, fd, addr, len);
    long r = connect_now(fd, addr, len, flags);
    if (r == -EAGAIN && rt.config.timeout[OP_CONNECT] != 0)
        return connect_retry(self, fd, addr, len, flags);
    if (r == -EAGAIN) /* AF_UNIX: the queue is full, and poll does not tell when it is not */
        return connect_away(self, fd, addr, len);
    return r == -EINPROGRESS ? finish_connect(self, fd, e, addr, len) : r;
}
