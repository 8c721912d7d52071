/* What the kernel tells a send that has waited, or sent a part, it does not tell a new one:
 *  - of a unix socket its pending error comes before EPIPE, and there is no SIGPIPE;
 *  - who has sent a part gets the count, and no SIGPIPE; the error stays for the next call, but for a unix socket's,
 * which is taken. Our attempts are new sends to the kernel. See io.h. */
#include "core/io.h"

#include <errno.h>
#include <poll.h>

/* Whoever asks takes it. */
static int take_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    return sys(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : 0;
}

static bool is_unix(int fd)
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
    if (e->kind != FD_STREAM || !broken(fd) || !is_unix(fd))
        return 0;
    int error = take_error(fd);
    return error != 0 ? -error : -EPIPE;
}

/* A socketpair made here is a unix socket: it need not be asked. */
long io_send_again(int fd, const struct fd_entry *e, const struct msghdr *msg, int flags, enum io_stage stage)
{
    if (e->kind != FD_STREAM)
        return sys(SYS_sendmsg, fd, msg, flags);
    if (stage == IO_REST && e->key[DIR_OUT] == 0 && broken(fd) && !is_unix(fd))
        return -EPIPE;
    long r = sys(SYS_sendmsg, fd, msg, flags | MSG_NOSIGNAL);
    if (r != -EPIPE)
        return r;
    if (is_unix(fd)) {
        int error = take_error(fd);
        return error != 0 ? -error : -EPIPE;
    }
    return stage == IO_REST ? r : sys(SYS_sendmsg, fd, msg, flags);
}
