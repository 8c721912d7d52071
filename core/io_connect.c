/* Sockets: accept and connect. See io.h. */
#include "core/enter.h"
#include "core/io.h"
#include "core/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>

/* One that does not is refused at once, ready or not. */
static bool listens(int fd, struct fd_entry *e)
{
    int on = 0;
    socklen_t size = sizeof on;
    if (!e->listening && sys(SYS_getsockopt, fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &size) == 0)
        e->listening = on != 0;
    return e->listening;
}

/* accept has no flag for "now": a look first. A sibling process may take the connection between the look and the call;
 * then the call waits, and the monitor lets the others go on. */
long io_try_accept(int fd, struct fd_entry *e, void *arg, enum io_stage stage)
{
    const struct io_accepting *a = arg;
    (void)stage;
    struct pollfd p = {fd, POLLIN, 0};
    if (sys(SYS_poll, &p, 1, 0) == 0 && listens(fd, e))
        return -EAGAIN;
    return sys(SYS_accept4, fd, a->addr, a->len, a->flags);
}

static bool is_socket(int fd, struct fd_entry *e)
{
    int kind = fdtab_kind(fd, e);
    return kind == FD_STREAM || kind == FD_DGRAM;
}

void io_accepted(int fd)
{
    fdtab_opened(fd, FD_UNKNOWN);
    struct fd_entry *made = fdtab_peek(fd);
    if (made != NULL)
        made->made_here = true;
}

long io_accept(struct fiber *self, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    struct fd_entry *e = fdtab_get(fd);
    struct io_accepting a = {addr, len, flags};
    long r;
    int refused = e != NULL ? io_refused(fd, e, DIR_IN) : 0;
    if (refused != 0)
        return refused;
    bool bad = (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0; /* refused at once, whoever comes */
    if (e == NULL || bad || !is_socket(fd, e) || fdtab_nonblocking(fd))
        r = sys(SYS_accept4, fd, addr, len, flags);
    else
        r = io_run(self, fd, e, DIR_IN, OP_ACCEPT, io_try_accept, &a, "accept");
    if (r >= 0)
        io_accepted((int)r);
    return r;
}

void io_undo_connect(int fd)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    (void)sys(SYS_connect, fd, &none, sizeof none);
}

/* What ends a connect that is not to go on by itself. */
static bool undone(long r)
{
    return r == -ETIMEDOUT || r == -E_CANCELLED || r == -ECANCELED || r == -E_DEADLINE;
}

struct away {
    int fd;
    const struct sockaddr *addr;
    socklen_t len;
};

static long connect_here(void *arg)
{
    const struct away *a = arg;
    return sys(SYS_connect, a->fd, a->addr, a->len);
}

static long connect_away(struct fiber *self, int fd, const struct sockaddr *addr, socklen_t len)
{
    struct away a = {fd, addr, len};
    struct fd_entry *e = fdtab_peek(fd);
    uint64_t limit = self == NULL ? 0 : rt.config.timeout[OP_CONNECT];
    int how = WAIT_CANCEL | WAIT_INTR | (e != NULL && fdtab_timeo(fd, e, DIR_OUT) == 0 ? WAIT_RESTART : 0);
    long r = wait_away_now(self, limit == 0 ? CLOCK_NEVER : clock_after(limit), how, "connect", connect_here, &a);
    if (undone(r))
        io_undo_connect(fd);
    return r;
}

bool io_connecting(int fd, struct fd_entry *e)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    if (likely(!e->connecting))
        return false;
    if (sys(SYS_getpeername, fd, &peer, &size) == 0) { /* in time after all */
        e->connecting = false;
        e->expired &= (uint8_t) ~(1u << DIR_OUT);
    }
    return e->connecting;
}

bool io_connect_expired(int fd)
{
    struct fd_entry *e = fdtab_peek(fd);
    return e != NULL && io_connecting(fd, e) && io_take_expired(fd, e, DIR_OUT);
}

static long connect_now(int fd, const struct sockaddr *addr, socklen_t len, long flags)
{
    (void)sys(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK);
    long r = sys(SYS_connect, fd, addr, len);
    (void)sys(SYS_fcntl, fd, F_SETFL, flags);
    return r;
}

long io_begin_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    long flags = sys(SYS_fcntl, fd, F_GETFL);
    if (flags < 0)
        return flags;
    if ((flags & O_NONBLOCK) != 0)
        return sys(SYS_connect, fd, addr, len);
    return connect_now(fd, addr, len, flags);
}

/* What becomes of one that has ended otherwise than connected, as far as poll tells. A socket that somebody has shut
 * down meanwhile, or whose error somebody has taken, would begin a new connection if it were asked as before. Else,
 * asked again, it says how it went, and leaves its connecting state. */
static long outcome(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    if (sys(SYS_getpeername, fd, &peer, &size) == 0) {
        long r = io_begin_connect(fd, addr, len);
        return r == -EISCONN ? 0 : r;
    }
    int error = 0;
    size = sizeof error;
    if (sys(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error == 0)
        error = ECONNABORTED;
    io_undo_connect(fd);
    return -error;
}

/* begun: how the kernel called it that the connection is under way, -EINPROGRESS or -EALREADY: so it is called, too,
 * when the time is up that the program has set. */
static long finish_connect(struct fiber *self, int fd, struct fd_entry *e, const struct sockaddr *addr, socklen_t len,
                           long begun)
{
    struct io_limit limit = {.at = CLOCK_NEVER, .error = ETIMEDOUT, .counted = true};
    if (rt.config.timeout[OP_CONNECT] != 0)
        limit.at = clock_after(rt.config.timeout[OP_CONNECT]);
    uint64_t timeo = fdtab_timeo(fd, e, DIR_OUT);
    limit.final = timeo != 0;
    if (timeo != 0 && clock_after(timeo) < limit.at) {
        limit.at = clock_after(timeo);
        limit.error = (int)-begun;
    }
    struct pollfd p = {fd, POLLOUT, 0};
    for (;;) {
        uint32_t seq = __atomic_load_n(&e->seq, __ATOMIC_SEQ_CST);
        if (e->state == FD_ABORTED) {
            io_undo_connect(fd);
            return -fdtab_extra(e)->abort_errno;
        }
        if (sys(SYS_poll, &p, 1, 0) != 0)
            break;
        int r = io_wait(self, fd, e, DIR_OUT, seq, &limit, "connect");
        if (r == 0)
            continue;
        if (undone(r))
            io_undo_connect(fd);
        return r;
    }
    bool failed = (p.revents & (POLLERR | POLLHUP)) != 0;
    return likely(!failed) ? sys(SYS_connect, fd, addr, len) : outcome(fd, addr, len);
}

/* Who asks how it went may name any address. */
long io_await_connection(struct fiber *self, int fd, struct fd_entry *e, const struct msghdr *msg, long r)
{
    const struct sockaddr_in any = {.sin_family = AF_INET};
    if ((r != -EINPROGRESS && r != -EALREADY) || e->kind != FD_STREAM || fdtab_nonblocking(fd))
        return r;
    if (msg->msg_name != NULL)
        return finish_connect(self, fd, e, msg->msg_name, msg->msg_namelen, r);
    return finish_connect(self, fd, e, (const struct sockaddr *)&any, sizeof any, r);
}

static bool connect_limited(const struct fiber *self)
{
    return rt.config.timeout[OP_CONNECT] != 0 || (self != NULL && self->deadline != 0);
}

int io_pause(struct fiber *self, uint64_t ns, const char *call)
{
    struct timespec t = clock_to_timespec(ns);
    if (self == NULL)
        return sys(SYS_nanosleep, &t, NULL) == -EINTR ? -EINTR : -ETIMEDOUT;
    struct wait wait;
    wait_init(&wait, self, NULL);
    core_enter(self);
    int r = wait_park(&wait, clock_after(ns), WAIT_CANCEL | WAIT_INTR, call);
    core_leave(self);
    return r;
}

/* AF_UNIX with a full queue and a limit: nothing tells when there is room, so it is asked again and again. */
static long connect_retry(struct fiber *self, int fd, const struct sockaddr *addr, socklen_t len, long flags)
{
    uint64_t limit = rt.config.timeout[OP_CONNECT];
    uint64_t at = limit == 0 ? CLOCK_NEVER : clock_after(limit), pause = NS_PER_MS;
    long r;
    while ((r = connect_now(fd, addr, len, flags)) == -EAGAIN && clock_now() < at) {
        int w = io_pause(self, pause, "connect");
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
        return -fdtab_extra(e)->abort_errno;
    if (io_connect_expired(fd))
        return -ETIMEDOUT;
    long flags = sys(SYS_fcntl, fd, F_GETFL);
    if (flags < 0 || ((flags & O_NONBLOCK) != 0 && !e->set_flag)) {
        long r = sys(SYS_connect, fd, addr, len);
        if (r == -EINPROGRESS && rt.config.timeout[OP_CONNECT] != 0) {
            e->connecting = true;
            fdtab_extra(e)->connect_since = clock_now();
        }
        return r;
    }
    if (!fdtab_private(e) && !e->set_flag)
        return connect_away(self, fd, addr, len);
    long r = connect_now(fd, addr, len, flags);
    if (r == -EAGAIN && connect_limited(self))
        return connect_retry(self, fd, addr, len, flags);
    if (r == -EAGAIN) /* AF_UNIX: the queue is full, and poll does not tell when it is not */
        return connect_away(self, fd, addr, len);
    bool begun = r == -EINPROGRESS || r == -EALREADY; /* a handler has ended the wait of an earlier call */
    return begun ? finish_connect(self, fd, e, addr, len, r) : r;
}
