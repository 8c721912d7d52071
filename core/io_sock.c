/* Sockets: messages that are received. See io.h. */
#include "core/enter.h"
#include "core/io.h"
#include "core/mem.h"
#include "core/ready.h"
#include "core/vec.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

struct message {
    struct msghdr *msg;
    struct mmsghdr *many;
    unsigned n;
    int flags;
    bool timed; /* recvmmsg with a time, */
    uint64_t until;
    struct timespec left; /* of which so much was left after the last message */
};

static long try_recvmsg(int fd, struct fd_entry *e, void *arg, enum io_stage stage)
{
    const struct message *m = arg;
    (void)stage;
    long r = sys(SYS_recvmsg, fd, m->msg, m->flags | MSG_DONTWAIT);
    return r == -EAGAIN && io_ended(fd, e) ? sys(SYS_recvmsg, fd, m->msg, m->flags) : r;
}

/* The limit of a call that is the kernel's to make: it holds until the first byte is there. */
static long wait_first(struct fiber *self, int fd, struct fd_entry *e, const char *call)
{
    struct io_limit limit = {.counted = false};
    int refused = io_refused(fd, e, DIR_IN);
    if (refused != 0)
        return refused;
    if (rt.config.timeout[OP_READ] == 0 || fdtab_nonblocking(fd))
        return 0;
    io_limit(&limit, fd, e, DIR_IN, OP_READ);
    for (;;) {
        uint32_t seq = __atomic_load_n(&e->seq, __ATOMIC_SEQ_CST);
        struct pollfd p = {fd, POLLIN, 0};
        if (e->state == FD_ABORTED)
            return -fdtab_extra(e)->abort_errno;
        if (sys(SYS_poll, &p, 1, 0) != 0)
            return 0;
        int r = io_wait(self, fd, e, DIR_IN, seq, &limit, call);
        if (r != 0)
            return r;
    }
}

struct away {
    int fd, flags;
    struct msghdr *msg;
};

static int how_away(int fd, struct fd_entry *e)
{
    return WAIT_CANCEL | WAIT_INTR | (fdtab_timeo(fd, e, DIR_IN) == 0 ? WAIT_RESTART : 0);
}

static long recvmsg_here(void *arg)
{
    const struct away *a = arg;
    return sys(SYS_recvmsg, a->fd, a->msg, a->flags);
}

/* What no attempt can tell (MSG_WAITALL with MSG_PEEK, or with a message's ancillary data): the real call. */
static long recv_away(struct fiber *self, int fd, struct fd_entry *e, struct msghdr *msg, int flags, const char *call)
{
    long r = wait_first(self, fd, e, call);
    if (r != 0)
        return r;
    struct away a = {fd, flags, msg};
    return wait_away_now(self, CLOCK_NEVER, how_away(fd, e), call, recvmsg_here, &a);
}

enum { PARTS = 8 };

static size_t rest_of(struct iovec rest[PARTS], const struct msghdr *msg, size_t done)
{
    return (size_t)vec_rest(rest, PARTS, msg->msg_iov, (int)msg->msg_iovlen, done);
}

/* MSG_WAITALL, on a stream: a message that has an end is not waited for beyond it, and with O_NONBLOCK one attempt with
 * the flag is all. */
static bool wants_all(int fd, const struct fd_entry *e, int flags)
{
    int type = 0;
    socklen_t size = sizeof type;
    return (flags & MSG_WAITALL) != 0 && e->kind == FD_STREAM && !fdtab_nonblocking(fd) &&
           sys(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

static bool option(int fd, int name)
{
    int on = 0;
    socklen_t size = sizeof on;
    return sys(SYS_getsockopt, fd, SOL_SOCKET, name, &on, &size) == 0 && on != 0;
}

/* A read of a unix socket goes no further than a message with descriptors. There was no room for them, which is all
 * that is told; of credentials, too, which are with every message where they are wanted. */
static bool ends_there(int fd, const struct msghdr *msg)
{
    return unlikely((msg->msg_flags & MSG_CTRUNC) != 0) && io_is_unix(fd) && !option(fd, SO_PASSCRED) &&
           !option(fd, SO_PASSSEC) && !option(fd, SO_PASSPIDFD);
}

/* SO_RCVLOWAT of a stream; 1: nothing special. */
static size_t low_mark(int fd, struct fd_entry *e)
{
    int type = 0, low = 0;
    socklen_t size = sizeof type;
    if (fdtab_nonblocking(fd))
        return 1;
    if (sys(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM)
        (void)sys(SYS_getsockopt, fd, SOL_SOCKET, SO_RCVLOWAT, &low, &size);
    e->low = low > 1;
    return e->low ? (size_t)low : 1;
}

/* How many bytes a read waits for, if it has room for so many. */
static inline size_t least_of(int fd, struct fd_entry *e, int flags)
{
    if (likely((flags & MSG_WAITALL) == 0 && !e->low))
        return 1;
    return wants_all(fd, e, flags) ? SIZE_MAX : e->low ? low_mark(fd, e) : 1;
}

/* The first part as any message, the rest into what is left of its vector. */
static long recv_parts(struct fiber *self, int fd, struct fd_entry *e, struct msghdr *msg, int flags, size_t least,
                       const char *call)
{
    struct iovec rest[PARTS];
    struct msghdr part = {.msg_iov = rest};
    struct message m = {.msg = msg, .flags = flags & ~MSG_WAITALL};
    long r = io_run(self, fd, e, DIR_IN, OP_READ, try_recvmsg, &m, call);
    long done = r;
    while (r > 0 && (size_t)done < least && !ends_there(fd, m.msg) && !fdtab_nonblocking(fd)) {
        part.msg_iovlen = rest_of(rest, msg, (size_t)done);
        if (part.msg_iovlen == 0)
            break;
        m.msg = &part;
        r = io_run(self, fd, e, DIR_IN, OP_READ | IO_PARTIAL, try_recvmsg, &m, call);
        if (r > 0)
            done += r;
        io_defer(self, e, DIR_IN, r);
    }
    if (m.msg == &part)
        msg->msg_flags |= part.msg_flags & MSG_CTRUNC;
    return done;
}

static long recv_expired(struct fd_entry *e, int fd, struct msghdr *msg, int flags)
{
    int refused = e != NULL ? io_refused(fd, e, DIR_IN) : 0;
    if (refused != 0)
        return refused;
    long r = sys(SYS_recvmsg, fd, msg, flags);
    if (r > 0 && e != NULL)
        fdtab_moved(e, DIR_IN);
    return r;
}

/* Numbers that came with a message have a new owner. One that was closed behind our back has an entry still. */
static void received(struct msghdr *msg)
{
    if (msg->msg_control == NULL)
        return;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        const int *fds = (const int *)(const void *)CMSG_DATA(c);
        if (c->cmsg_level != SOL_SOCKET || (c->cmsg_type != SCM_RIGHTS && c->cmsg_type != SCM_PIDFD))
            continue;
        for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof *fds; i++)
            fdtab_opened(fds[i], FD_UNKNOWN);
    }
}

static long recvmsg_any(struct fiber *self, int fd, struct msghdr *msg, int flags, const char *call)
{
    struct fd_entry *e = fdtab_get(fd);
    struct message m = {.msg = msg, .flags = flags};
    if (!io_may_wait(fd, e, flags))
        return recv_expired(e, fd, msg, flags);
    size_t least = least_of(fd, e, flags);
    if (unlikely(least > 1)) {
        if ((flags & (MSG_PEEK | MSG_OOB)) != 0 || !mem_readable(msg, sizeof *msg) || msg->msg_control != NULL)
            return recv_away(self, fd, e, msg, flags, call);
        return recv_parts(self, fd, e, msg, flags, least, call);
    }
    return io_run(self, fd, e, DIR_IN, OP_READ, try_recvmsg, &m, call);
}

long io_recvmsg(struct fiber *self, int fd, struct msghdr *msg, int flags, const char *call)
{
    long r = recvmsg_any(self, fd, msg, flags, call);
    if (r >= 0)
        received(msg);
    return r;
}

struct receiving {
    char *buf;
    size_t n;
    int flags;
    struct sockaddr *addr;
    socklen_t *len;
    struct iovec room; /* of a call that is like a read */
};

static long try_recvfrom(int fd, struct fd_entry *e, void *arg, enum io_stage stage)
{
    const struct receiving *a = arg;
    (void)stage;
    bool like_read = e != NULL && e->kind == FD_STREAM && a->room.iov_len != 0;
    uint32_t arrivals = like_read ? __atomic_load_n(&e->arrivals, __ATOMIC_SEQ_CST) : 0;
    if (like_read && io_knows_empty(e))
        return -EAGAIN;
    long r = sys(SYS_recvfrom, fd, a->buf, a->n, a->flags | MSG_DONTWAIT, a->addr, a->len);
    if (r == -EAGAIN && io_ended(fd, e))
        return sys(SYS_recvfrom, fd, a->buf, a->n, a->flags, a->addr, a->len);
    if (r == -EAGAIN && like_read)
        e->empty_since = arrivals;
    return r;
}

struct from_away {
    int fd;
    const struct receiving *a;
};

static long recvfrom_here(void *arg)
{
    const struct from_away *f = arg;
    return sys(SYS_recvfrom, f->fd, f->a->buf, f->a->n, f->a->flags, f->a->addr, f->a->len);
}

static long recvfrom_away(struct fiber *self, int fd, struct fd_entry *e, const struct receiving *a)
{
    long r = wait_first(self, fd, e, "recv");
    if (r != 0)
        return r;
    struct from_away f = {fd, a};
    return wait_away_now(self, CLOCK_NEVER, how_away(fd, e), "recv", recvfrom_here, &f);
}

static bool usable(socklen_t *len)
{
    if (len == NULL || !mem_readable(len, sizeof *len))
        return false;
    socklen_t was = *len;
    bool can = mem_writable(len, sizeof *len);
    if (can)
        *len = was;
    return can;
}

/* As a message: that tells where it has to end. */
static long recvfrom_parts(struct fiber *self, int fd, struct fd_entry *e, const struct receiving *a, size_t least)
{
    if ((a->flags & (MSG_PEEK | MSG_OOB)) != 0 || (a->addr != NULL && !usable(a->len)))
        return recvfrom_away(self, fd, e, a);
    struct iovec v = {a->buf, a->n < SSIZE_MAX ? a->n : SSIZE_MAX};
    struct msghdr msg = {
        .msg_name = a->addr, .msg_namelen = a->addr != NULL ? *a->len : 0, .msg_iov = &v, .msg_iovlen = 1};
    long r = recv_parts(self, fd, e, &msg, a->flags, least, "recv");
    if (r >= 0 && a->addr != NULL)
        *a->len = msg.msg_namelen;
    return r;
}

long io_recvfrom(struct fiber *self, int fd, void *buf, size_t n, int flags, struct sockaddr *addr, socklen_t *len)
{
    struct fd_entry *e = fdtab_get(fd);
    struct receiving a = {buf, n, flags, addr, len, {buf, flags == 0 && addr == NULL && n <= SSIZE_MAX ? n : 0}};
    if (!io_may_wait(fd, e, flags)) {
        int refused = e != NULL ? io_refused(fd, e, DIR_IN) : 0;
        if (refused != 0)
            return refused;
        long r = try_recvfrom(fd, e, &a, IO_FIRST);
        if (r > 0 && e != NULL)
            fdtab_moved(e, DIR_IN);
        return r;
    }
    size_t least = least_of(fd, e, flags);
    if (unlikely(least > 1))
        return recvfrom_parts(self, fd, e, &a, least);
    if (a.room.iov_len != 0)
        return io_run_read(self, fd, e, try_recvfrom, &a, "recv", &a.room);
    return io_run(self, fd, e, DIR_IN, OP_READ, try_recvfrom, &a, "recv");
}

static long try_recvmmsg(int fd, struct fd_entry *e, void *arg, enum io_stage stage)
{
    struct message *m = arg;
    struct timespec *left = m->timed ? &m->left : NULL;
    (void)stage;
    if (m->timed) {
        uint64_t now = clock_now();
        m->left = clock_to_timespec(m->until > now ? m->until - now : 0);
    }
    long r = sys(SYS_recvmmsg, fd, m->many, m->n, m->flags | MSG_DONTWAIT, left);
    return r == -EAGAIN && io_ended(fd, e) ? sys(SYS_recvmmsg, fd, m->many, m->n, m->flags, left) : r;
}

static long recvmmsg_done(struct mmsghdr *msgs, long n)
{
    for (long i = 0; i < n; i++)
        received(&msgs[i].msg_hdr);
    return n;
}

static int check_time(const struct timespec *t)
{
    if (!mem_readable(t, sizeof *t))
        return -EFAULT;
    return t->tv_sec < 0 || t->tv_nsec < 0 || t->tv_nsec >= (long)NS_PER_S ? -EINVAL : 0;
}

/* Messages are there: how many. left: what the kernel has left of the time. */
static long recv_many(struct fiber *self, int fd, struct fd_entry *e, struct message *m, struct timespec *left)
{
    struct mmsghdr *msgs = m->many;
    bool one = (m->flags & MSG_WAITFORONE) != 0;
    unsigned n = m->n, done = 0;
    m->flags &= ~MSG_WAITFORONE;
    while (done < n) {
        m->many = msgs + done;
        m->n = n - done;
        long r = io_run(self, fd, e, DIR_IN, OP_READ, try_recvmmsg, m, "recvmmsg");
        if (r < 0 && done == 0)
            return r;
        if (r < 0) {
            if (r != -ETIMEDOUT)
                io_defer(self, e, DIR_IN, r);
            break;
        }
        done += (unsigned)r;
        *left = m->left;
        if (one || (m->timed && left->tv_sec == 0 && left->tv_nsec == 0))
            break;
    }
    return recvmmsg_done(msgs, done);
}

/* recvmmsg's own timeout is looked at only after a message has come (its man page, under BUGS); so it is here. */
long io_recvmmsg(struct fiber *self, int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout)
{
    struct fd_entry *e = fdtab_get(fd);
    int bad = timeout != NULL ? check_time(timeout) : 0;
    if (bad != 0)
        return bad;
    if (!io_may_wait(fd, e, flags) || n == 0) {
        int refused = e != NULL && n > 0 ? io_refused(fd, e, DIR_IN) : 0;
        if (refused != 0)
            return refused;
        long r = sys(SYS_recvmmsg, fd, msgs, n, flags, timeout);
        if (r > 0 && e != NULL)
            fdtab_moved(e, DIR_IN);
        return recvmmsg_done(msgs, r);
    }
    struct message m = {.many = msgs, .n = n, .flags = flags, .timed = timeout != NULL};
    struct timespec left = {0, 0};
    if (m.timed)
        m.until = clock_after(clock_from_timespec(timeout));
    long r = recv_many(self, fd, e, &m, &left);
    if (r > 0 && m.timed) {
        if (!mem_writable(timeout, sizeof *timeout))
            return -EFAULT;
        *timeout = left;
    }
    return r;
}
