/* The state of descriptors: aborted while somebody waits, in every kind of wait; used afterwards; closed and given out
 * anew; closed while it is aborted. "bare": what can be asked without coax. */
#define _GNU_SOURCE
#include <coax.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int wrong;

static void check(int good, const char *what)
{
    if (!good) {
        printf("wrong: %s (%s)\n", what, strerror(errno));
        wrong = 1;
    }
}

static int fd_of; /* that is waited on and aborted */
static struct sockaddr_in busy;

static int u_read(void) { char c; return (int)read(fd_of, &c, 1); }
static int u_recv(void) { char c; return (int)recv(fd_of, &c, 1, 0); }
static int u_recv_now(void) { char c; return (int)recv(fd_of, &c, 1, MSG_DONTWAIT); }
static int u_write(void) { static char block[1 << 16]; return (int)write(fd_of, block, sizeof block); }
static int u_send(void) { static char block[1 << 22]; return (int)send(fd_of, block, sizeof block, 0); }
static int u_accept(void) { return accept(fd_of, NULL, NULL); }
static int u_connect(void) { return connect(fd_of, (struct sockaddr *)&busy, sizeof busy); }
static int u_wait_read(void) { return coax_wait_read(fd_of); }
static int u_wait_write(void) { return coax_wait_write(fd_of); }
static int u_poll(void)
{
    struct pollfd p = {0, POLLIN, 0};
    int r;
    p.fd = fd_of;
    r = poll(&p, 1, -1);
    return r == 1 && (p.revents & (POLLIN | POLLERR)) == (POLLIN | POLLERR) ? u_read() : r;
}
static int u_select(void)
{
    fd_set s;
    FD_ZERO(&s);
    FD_SET(fd_of, &s);
    return select(fd_of + 1, &s, NULL, NULL, NULL) == 1 && FD_ISSET(fd_of, &s) ? u_read() : 0;
}
static int u_epoll(void)
{
    struct epoll_event e;
    int set = epoll_create1(0), r;
    memset(&e, 0, sizeof e);
    e.events = EPOLLIN;
    e.data.fd = 77;
    epoll_ctl(set, EPOLL_CTL_ADD, fd_of, &e);
    r = epoll_wait(set, &e, 1, -1);
    close(set);
    return r == 1 && e.data.fd == 77 ? u_read() : 0;
}

static const struct use {
    const char *name;
    int (*use)(void);
    char kind;
} uses[] = {{"read", u_read, 'p'}, {"recv", u_recv, 's'}, {"write", u_write, 'P'}, {"send", u_send, 's'}, {"accept", u_accept, 'l'},
            {"connect", u_connect, 'c'}, {"poll", u_poll, 'p'}, {"select", u_select, 'p'}, {"epoll_wait", u_epoll, 'p'},
            {"coax_wait_read", u_wait_read, 'p'}, {"coax_wait_write", u_wait_write, 'P'}};

static int listening(int backlog, struct sockaddr_in *at)
{
    socklen_t size = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(at, 0, sizeof *at);
    at->sin_family = AF_INET;
    at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(fd, (struct sockaddr *)at, sizeof *at);
    listen(fd, backlog);
    getsockname(fd, (struct sockaddr *)at, &size);
    return fd;
}

/* A descriptor on which the use waits; the other one that goes with it. */
static int make(char kind, int *other)
{
    int fds[2], i;
    struct sockaddr_in at;
    static char block[4096];
    *other = -1;
    if (kind == 's')
        socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    else if (kind == 'p' || kind == 'P')
        check(pipe(fds) == 0, "pipe");
    else if (kind == 'l')
        return listening(5, &at);
    else {
        *other = listening(0, &busy);
        for (i = 0; i < 2; i++)
            connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (struct sockaddr *)&busy, sizeof busy);
        return socket(AF_INET, SOCK_STREAM, 0);
    }
    *other = fds[kind != 'P'];
    while (kind == 'P' && coax_writable(fds[1]) == 1)
        check(write(fds[1], block, sizeof block) == sizeof block, "fill");
    return fds[kind == 'P'];
}

struct seen {
    const struct use *use;
    int r, error;
};

static void *uses_it(void *arg)
{
    struct seen *s = arg;
    s->r = s->use->use();
    s->error = errno;
    return NULL;
}

static void aborted(const struct use *use)
{
    struct seen s[2];
    pthread_t t[2];
    int other, i, n = use->kind == 'c' || use->use == u_epoll ? 1 : 2, expected;
    fd_of = make(use->kind, &other);
    check(coax_fd_state(fd_of) == COAX_FD_OPENED && coax_fd_check(fd_of) == 0, "opened");
    for (i = 0; i < n; i++) {
        s[i].use = use;
        pthread_create(&t[i], NULL, uses_it, &s[i]);
    }
    usleep(10000);
    check(coax_fd_abort(fd_of, EHOSTDOWN) == 0, "coax_fd_abort");
    for (i = 0; i < n; i++) {
        pthread_join(t[i], NULL);
        /* A send that has sent a part says so. */
        if (use->use == u_send ? s[i].r == 0 : s[i].r != -1 || s[i].error != EHOSTDOWN)
            printf("wrong: %s: %d, %s\n", use->name, s[i].r, strerror(s[i].error));
    }
    check(coax_fd_state(fd_of) == COAX_FD_ABORTED, "aborted");
    check(coax_fd_check(fd_of) == -1 && errno == EHOSTDOWN, "the errno");
    check(use->use() == -1 && errno == EHOSTDOWN, "a later use");
    check(coax_fd_abort(fd_of, EL3HLT) == 0 && use->use() == -1 && errno == EL3HLT, "another errno");
    if (use->kind == 's')
        check(u_recv_now() == -1 && errno == EL3HLT, "a later use that does not wait");
    expected = fd_of;
    check(close(fd_of) == 0, "close is allowed");
    check(coax_fd_state(fd_of) == COAX_FD_CLOSED && coax_fd_check(fd_of) == -1 && errno == EBADF, "closed");
    check(coax_fd_abort(fd_of, EL3HLT) == -1 && errno == EBADF, "abort of a closed one");
    i = dup(0);
    check(i == expected && coax_fd_state(i) == COAX_FD_OPENED, "the next owner");
    close(i);
    if (other >= 0)
        close(other);
    printf("%s\n", use->name);
}

/* A copy is not aborted with it; what was there is still there. */
static void copies(void)
{
    int fds[2], copy;
    char c = 0;
    check(pipe(fds) == 0 && write(fds[1], "a", 1) == 1, "pipe");
    copy = dup(fds[0]);
    check(coax_fd_abort(fds[0], EIO) == 0 && read(fds[0], &c, 1) == -1 && errno == EIO, "the one");
    check(coax_fd_state(copy) == COAX_FD_OPENED && read(copy, &c, 1) == 1 && c == 'a', "the copy");
    check(dup2(copy, fds[0]) == fds[0] && coax_fd_state(fds[0]) == COAX_FD_OPENED, "dup2 onto an aborted one");
    close(fds[0]);
    close(fds[1]);
    close(copy);
}

static int race_fd;

static void *race_reader(void *arg)
{
    int *counts = arg;
    char c;
    ssize_t r = read(race_fd, &c, 1);
    if (r == -1 && (errno == EIO || errno == EBADF))
        counts[errno == EBADF]++;
    else
        counts[2]++;
    return NULL;
}

static void *race_abort(void *arg)
{
    if (coax_fd_abort(race_fd, EIO) != 0 && errno != EBADF)
        ++*(int *)arg;
    return NULL;
}

static void races(void)
{
    int counts[3] = {0, 0, 0}, other = 0, i;
    for (i = 0; i < 2000; i++) {
        pthread_t reader, aborter;
        int fds[2];
        check(pipe(fds) == 0, "pipe");
        race_fd = fds[0];
        pthread_create(&reader, NULL, race_reader, counts);
        pthread_create(&aborter, NULL, race_abort, &other);
        if (i % 3 != 0)
            sched_yield();
        if (i % 7 == 0)
            usleep(100);
        close(fds[0]);
        pthread_join(reader, NULL);
        pthread_join(aborter, NULL);
        close(fds[1]);
    }
    check(counts[2] == 0 && other == 0, "another error");
    check(counts[0] > 0, "none was aborted");
}

static void ask(void)
{
    int fds[2];
    check(coax_fd_state(-1) == COAX_FD_CLOSED && coax_fd_state(1 << 30) == COAX_FD_CLOSED && coax_fd_state(9999) == COAX_FD_CLOSED, "no descriptors");
    check(coax_fd_check(-1) == -1 && errno == EBADF && coax_fd_check(1 << 30) == -1 && errno == EBADF, "check of none");
    check(coax_fd_state(0) == COAX_FD_OPENED && coax_fd_check(0) == 0, "stdin");
    check(pipe(fds) == 0, "pipe");
    check(coax_readable(fds[0]) == 0 && coax_writable(fds[1]) == 1, "an empty pipe");
    check(coax_wait_write(fds[1]) == 0, "writable at once");
    check(write(fds[1], "a", 1) == 1 && coax_readable(fds[0]) == 1 && coax_wait_read(fds[0]) == 0, "a full one");
    close(fds[0]);
    check(coax_readable(fds[0]) == -1 && errno == EBADF && coax_wait_read(fds[0]) == -1 && errno == EBADF, "a closed one");
    check(coax_writable(-1) == -1 && errno == EBADF && coax_wait_write(-7) == -1 && errno == EBADF, "none");
    check(coax_writable(fds[1]) == 1, "it would fail at once");
    close(fds[1]);
}

int main(int argc, char **argv)
{
    size_t i;
    alarm(100);
    setvbuf(stdout, NULL, _IOLBF, 0);
    ask();
    if (argc > 1) {
        check(coax_fd_abort(0, EIO) == -1 && errno == atoi(argv[1]), "abort");
        printf("done\n");
        return wrong;
    }
    check(coax_fd_abort(-1, EIO) == -1 && errno == EBADF, "abort of none");
    check(coax_fd_abort(1 << 30, EIO) == -1 && errno == EBADF, "abort of none");
    check(coax_fd_abort(0, 0) == -1 && errno == EINVAL && coax_fd_abort(0, -1) == -1 && errno == EINVAL, "no errno");
    check(coax_fd_abort(0, 1 << 20) == -1 && errno == EINVAL, "no errno");
    for (i = 0; i < sizeof uses / sizeof uses[0]; i++)
        aborted(&uses[i]);
    copies();
    races();
    ask();
    printf("done\n");
    return wrong;
}
