/* Sockets. */
#include "shim/hook.h"
#include "core/io.h"
#include "core/ready.h"

static bool tracked(const struct fiber *self)
{
    return self != NULL || hook_limited();
}

GATED(int, socket, (int domain, int type, int protocol), (domain, type, protocol))
{
    struct fiber *self = hook_enter();
    int fd = real.socket(domain, type, protocol);
    if (fd >= 0 && tracked(self)) {
        fdtab_opened(fd, FD_UNKNOWN);
        struct fd_entry *e = fdtab_peek(fd);
        if (e != NULL)
            e->made_here = true;
    }
    return fd;
}

GATED(int, socketpair, (int domain, int type, int protocol, int fds[2]), (domain, type, protocol, fds))
{
    struct fiber *self = hook_enter();
    int r = real.socketpair(domain, type, protocol, fds);
    int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (r == 0 && tracked(self))
        fdtab_paired(fds, kind == SOCK_STREAM || kind == SOCK_SEQPACKET ? FD_STREAM : FD_DGRAM);
    return r;
}

GATED(int, bind, (int fd, __CONST_SOCKADDR_ARG addr, socklen_t len), (fd, addr, len))
{
    return hook_refused(hook_enter(), fd) ? -1 : real.bind(fd, addr, len);
}

GATED(int, getsockname, (int fd, __SOCKADDR_ARG addr, socklen_t *restrict len), (fd, addr, len))
{
    return hook_refused(hook_enter(), fd) ? -1 : real.getsockname(fd, addr, len);
}

GATED(int, getpeername, (int fd, __SOCKADDR_ARG addr, socklen_t *restrict len), (fd, addr, len))
{
    return hook_refused(hook_enter(), fd) ? -1 : real.getpeername(fd, addr, len);
}

GATED(int, sockatmark, (int fd), (fd))
{
    return hook_refused(hook_enter(), fd) ? -1 : real.sockatmark(fd);
}

GATED(int, isfdtype, (int fd, int type), (fd, type))
{
    return hook_refused(hook_enter(), fd) ? -1 : real.isfdtype(fd, type);
}

GATED(int, listen, (int fd, int backlog), (fd, backlog))
{
    struct fiber *self = hook_enter();
    if (hook_refused(self, fd))
        return -1;
    int r = real.listen(fd, backlog);
    struct fd_entry *e = r == 0 && tracked(self) ? fdtab_get(fd) : NULL;
    if (e != NULL)
        e->listening = true;
    return r;
}

GATED(int, accept4, (int fd, __SOCKADDR_ARG addr, socklen_t *restrict len, int flags), (fd, addr, len, flags))
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self))
        return real.accept4(fd, addr, len, flags);
    return (int)hook_result(io_accept(self, fd, addr.__sockaddr__, len, flags));
}

GATED(int, accept, (int fd, __SOCKADDR_ARG addr, socklen_t *restrict len), (fd, addr, len))
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self))
        return real.accept(fd, addr, len);
    return (int)hook_result(io_accept(self, fd, addr.__sockaddr__, len, 0));
}

GATED(int, connect, (int fd, __CONST_SOCKADDR_ARG addr, socklen_t len), (fd, addr, len))
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self))
        return real.connect(fd, addr, len);
    return (int)hook_result(io_connect(self, fd, addr.__sockaddr__, len));
}
TWIN(__connect, connect);

GATED(ssize_t, send, (int fd, const void *buf, size_t n, int flags), (fd, buf, n, flags))
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self))
        return real.send(fd, buf, n, flags);
    return hook_result(io_sendto(self, fd, buf, n, flags, NULL, 0));
}
TWIN(__send, send);

GATED(ssize_t, sendto, (int fd, const void *buf, size_t n, int flags, __CONST_SOCKADDR_ARG addr, socklen_t len),
      (fd, buf, n, flags, addr, len))
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self))
        return real.sendto(fd, buf, n, flags, addr, len);
    return hook_result(io_sendto(self, fd, buf, n, flags, addr.__sockaddr__, len));
}

ALWAYS(ssize_t, sendmsg, (int fd, const struct msghdr *msg, int flags), (fd, msg, flags))
{
    struct fiber *self = hook_enter_cancel();
    ssize_t r = tracked(self) ? hook_result(io_sendmsg(self, fd, msg, flags, "sendmsg")) : real.sendmsg(fd, msg, flags);
    if (r >= 0 && msg->msg_controllen != 0) /* maybe descriptors */
        fdtab_shared();
    return r;
}

ALWAYS(int, sendmmsg, (int fd, struct mmsghdr *msgs, unsigned n, int flags), (fd, msgs, n, flags))
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self)) {
        fdtab_shared(); /* maybe descriptors */
        return real.sendmmsg(fd, msgs, n, flags);
    }
    return (int)hook_result(io_sendmmsg(self, fd, msgs, n, flags));
}

GATED(ssize_t, recv, (int fd, void *buf, size_t n, int flags), (fd, buf, n, flags))
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self))
        return real.recv(fd, buf, n, flags);
    return hook_result(io_recvfrom(self, fd, buf, n, flags, NULL, NULL));
}

EXPORT ssize_t __recv_chk(int fd, void *buf, size_t n, size_t size, int flags)
{
    if (n > size)
        return real.__recv_chk(fd, buf, n, size, flags); /* ends the program */
    return recv(fd, buf, n, flags);
}

GATED(ssize_t, recvfrom,
      (int fd, void *restrict buf, size_t n, int flags, __SOCKADDR_ARG addr, socklen_t *restrict len),
      (fd, buf, n, flags, addr, len))
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self))
        return real.recvfrom(fd, buf, n, flags, addr, len);
    return hook_result(io_recvfrom(self, fd, buf, n, flags, addr.__sockaddr__, len));
}

EXPORT ssize_t __recvfrom_chk(int fd, void *restrict buf, size_t n, size_t size, int flags, __SOCKADDR_ARG addr,
                              socklen_t *restrict len)
{
    if (n > size)
        return real.__recvfrom_chk(fd, buf, n, size, flags, addr, len); /* ends the program */
    return recvfrom(fd, buf, n, flags, addr, len);
}

/* Maybe descriptors, with numbers that were pipes made here. */
static long received_early(long r)
{
    rt.fdtab.nearly = 0;
    return r;
}

ALWAYS(ssize_t, recvmsg, (int fd, struct msghdr *msg, int flags), (fd, msg, flags))
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self))
        return received_early(real.recvmsg(fd, msg, flags));
    return hook_result(io_recvmsg(self, fd, msg, flags, "recvmsg"));
}

ALWAYS(int, recvmmsg, (int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout),
       (fd, msgs, n, flags, timeout))
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self))
        return (int)received_early(real.recvmmsg(fd, msgs, n, flags, timeout));
    return (int)hook_result(io_recvmmsg(self, fd, msgs, n, flags, timeout));
}

GATED(int, shutdown, (int fd, int how), (fd, how))
{
    struct fiber *self = hook_enter();
    if (hook_refused(self, fd))
        return -1;
    int r = real.shutdown(fd, how);
    struct fd_entry *e = r == 0 && self != NULL ? fdtab_peek(fd) : NULL;
    if (e != NULL) {
        ready_progress(self, e, DIR_OUT);
        ready_progress(self, e, DIR_IN);
        ready_look_again(self, e);
    }
    return r;
}

/* What a read waits for, also one of a thread that is still to come; and what a look into the queue leaves: see
 * handover.h. */
static void option_set(const struct fiber *self, int fd, int name)
{
    struct fd_entry *e = fdtab_peek(fd);
    if (name == SO_RCVLOWAT)
        rt.fdtab.any_low = true;
    if (tracked(self) && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
        __atomic_fetch_add(&rt.fdtab.timeo_generation, 1, __ATOMIC_RELAXED);
    if (e != NULL && name == SO_RCVLOWAT && e->kind == FD_STREAM)
        e->low = true;
    if (e != NULL && rt.coop && (name == SO_RCVLOWAT || name == SO_PEEK_OFF))
        fdtab_changed(e);
}

SLOW int slow_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    bool plain = hook_solo() && name != SO_RCVLOWAT;
    return likely(plain) ? real.setsockopt(fd, level, name, value, size)
                         : slow_setsockopt(fd, level, name, value, size);
}
NOTED(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t size), (fd, level, name, value, size))
{
    struct fiber *self = hook_enter();
    if (hook_refused(self, fd))
        return -1;
    int r = real.setsockopt(fd, level, name, value, size);
    if (r == 0 && level == SOL_SOCKET)
        option_set(self, fd, name);
    return r;
}

/* A non-blocking connect that has run out of its limit in poll says so where programs look for it. */
GATED(int, getsockopt, (int fd, int level, int name, void *restrict value, socklen_t *restrict size),
      (fd, level, name, value, size))
{
    struct fiber *self = hook_enter();
    if (hook_refused(self, fd))
        return -1;
    int r = real.getsockopt(fd, level, name, value, size);
    if (r == 0 && tracked(self) && level == SOL_SOCKET && name == SO_ERROR && *size >= sizeof(int) &&
        io_connect_expired(fd))
        *(int *)value = ETIMEDOUT;
    return r;
}
