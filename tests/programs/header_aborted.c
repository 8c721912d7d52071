/* Calls that never wait: on an open descriptor as always, on an aborted one its errno, on a closed one EBADF. And what
 * epoll says of sets with an aborted member. "received": descriptors that come with a message begin anew. */
#define _GNU_SOURCE
#include <coax.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int wrong;

static void check(int good, const char *what)
{
    if (!good) {
        printf("wrong: %s (%s)\n", what, strerror(errno));
        wrong = 1;
    }
}

/* ---- calls ---- */

int isfdtype(int fd, int type);
int __ttyname_r_chk(int fd, char *buf, size_t size, size_t room);

static char name[256];
static struct sockaddr_storage address;
static socklen_t size;
static int value;
static int some[2]; /* descriptors of which nothing is wanted */

static int failed(int error)
{
    errno = error != 0 ? error : errno;
    return error != 0 ? -1 : 0;
}

static int c_bind(int fd)
{
    struct sockaddr_in at;
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return bind(fd, (struct sockaddr *)&at, sizeof at);
}
static int c_listen(int fd) { return listen(fd, 1); }
static int c_shutdown(int fd) { return shutdown(fd, SHUT_WR); }
static int c_getsockname(int fd) { size = sizeof address; return getsockname(fd, (struct sockaddr *)&address, &size); }
static int c_getpeername(int fd) { size = sizeof address; return getpeername(fd, (struct sockaddr *)&address, &size); }
static int c_getsockopt(int fd) { size = sizeof value; return getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &size); }
static int c_setsockopt(int fd) { return setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value); }
static int c_sockatmark(int fd) { return sockatmark(fd); }
static int c_isfdtype(int fd) { errno = EBADF; return isfdtype(fd, S_IFSOCK) == 1 ? 0 : -1; } /* libc leaves errno alone */
static int c_dup(int fd) { int r = dup(fd); return r < 0 ? r : close(r); }
static int c_dup2(int fd) { return dup2(fd, some[1]) < 0 ? -1 : 0; }
static int c_dup3(int fd) { return dup3(fd, some[1], O_CLOEXEC) < 0 ? -1 : 0; }
static int c_getfd(int fd) { return fcntl(fd, F_GETFD); }
static int c_setfd(int fd) { return fcntl(fd, F_SETFD, 0); }
static int c_getfl(int fd) { return fcntl(fd, F_GETFL) < 0 ? -1 : 0; }
static int c_dupfd(int fd) { int r = fcntl(fd, F_DUPFD, 100); return r < 0 ? r : close(r); }
static int c_ioctl(int fd) { return ioctl(fd, FIONREAD, &value); }
static int c_isatty(int fd) { return isatty(fd) == 1 ? 0 : -1; }
static int c_ttyname(int fd) { return ttyname(fd) != NULL ? 0 : -1; }
static int c_ttyname_r(int fd) { return failed(ttyname_r(fd, name, sizeof name)); }
static int c_ttyname_r_chk(int fd) { return failed(__ttyname_r_chk(fd, name, sizeof name, sizeof name)); }
static int c_epoll_ctl(int fd)
{
    struct epoll_event e;
    memset(&e, 0, sizeof e);
    return epoll_ctl(fd, EPOLL_CTL_ADD, some[0], &e) == 0 ? epoll_ctl(fd, EPOLL_CTL_DEL, some[0], NULL) : -1;
}
static int c_epoll_wait(int fd) { struct epoll_event e; return epoll_wait(fd, &e, 1, 0); }

static int c_timerfd_settime(int fd)
{
    struct itimerspec t;
    memset(&t, 0, sizeof t);
    return timerfd_settime(fd, 0, &t, NULL);
}
static int c_timerfd_gettime(int fd) { struct itimerspec t; return timerfd_gettime(fd, &t); }
static int c_signalfd(int fd)
{
    sigset_t none;
    sigemptyset(&none);
    return signalfd(fd, &none, 0) == fd ? 0 : -1;
}
static int c_inotify(int fd)
{
    int watch = inotify_add_watch(fd, "/", IN_DELETE);
    return watch < 0 ? -1 : inotify_rm_watch(fd, watch);
}
static int c_inotify_rm(int fd) { return inotify_rm_watch(fd, 77) == -1 && errno == EINVAL ? 0 : -1; }

static const struct call {
    const char *name;
    int (*call)(int fd);
    char kind;
} calls[] = {{"bind", c_bind, 's'}, {"listen", c_listen, 's'}, {"shutdown", c_shutdown, 'c'}, {"getsockname", c_getsockname, 's'},
             {"getpeername", c_getpeername, 'c'}, {"getsockopt", c_getsockopt, 's'}, {"setsockopt", c_setsockopt, 's'},
             {"sockatmark", c_sockatmark, 's'}, {"isfdtype", c_isfdtype, 'c'}, {"dup", c_dup, 'c'}, {"dup2", c_dup2, 'c'},
             {"dup3", c_dup3, 'c'}, {"F_GETFD", c_getfd, 'c'}, {"F_SETFD", c_setfd, 'c'}, {"F_GETFL", c_getfl, 'c'},
             {"F_DUPFD", c_dupfd, 'c'}, {"ioctl", c_ioctl, 'c'}, {"isatty", c_isatty, 't'}, {"ttyname", c_ttyname, 't'},
             {"ttyname_r", c_ttyname_r, 't'}, {"__ttyname_r_chk", c_ttyname_r_chk, 't'}, {"epoll_ctl", c_epoll_ctl, 'e'},
             {"epoll_wait", c_epoll_wait, 'e'}, {"timerfd_settime", c_timerfd_settime, 'T'},
             {"timerfd_gettime", c_timerfd_gettime, 'T'}, {"signalfd", c_signalfd, 'S'}, {"inotify_add_watch", c_inotify, 'I'},
             {"inotify_rm_watch", c_inotify_rm, 'I'}};

static int make(char kind)
{
    int fds[2] = {-1, -1};
    if (kind == 'e')
        return epoll_create1(0);
    if (kind == 'T')
        return timerfd_create(CLOCK_MONOTONIC, 0);
    if (kind == 'I')
        return inotify_init();
    if (kind == 'S') {
        sigset_t none;
        sigemptyset(&none);
        return signalfd(-1, &none, 0);
    }
    if (kind == 's')
        return socket(AF_INET, SOCK_STREAM, 0);
    if (kind == 't') {
        int fd = posix_openpt(O_RDWR | O_NOCTTY), tty;
        check(fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0, "a terminal");
        tty = open(ptsname(fd), O_RDWR | O_NOCTTY); /* the other side stays open */
        check(tty >= 0, "its name");
        return tty;
    }
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "a pair");
    return fds[0]; /* so does the other end */
}

static void states(const struct call *c, int with_abort)
{
    int fd = make(c->kind), copy;
    copy = dup(fd);
    check(c->call(fd) == 0, c->name);
    if (with_abort) {
        check(coax_fd_abort(fd, EHOSTDOWN) == 0 && c->call(fd) == -1 && errno == EHOSTDOWN, c->name);
        check(coax_fd_abort(fd, EL3HLT) == 0 && c->call(fd) == -1 && errno == EL3HLT, c->name);
        check(c->kind == 'c' || c->kind == 's' || c->call(copy) == 0, "a copy");
    }
    check(close(fd) == 0 && c->call(fd) == -1 && errno == EBADF, c->name);
    close(copy);
    printf("%s\n", c->name);
}

/* ---- epoll ---- */

static int set;

static void *waits(void *arg)
{
    struct epoll_event e;
    int r;
    memset(&e, 0, sizeof e);
    (void)arg;
    r = epoll_wait(set, &e, 1, 20000);
    return (void *)(long)(r == 1 && (e.events & (EPOLLIN | EPOLLERR)) == (EPOLLIN | EPOLLERR) ? (long)e.data.fd : -2L - r);
}

static int add(int fd, unsigned events)
{
    struct epoll_event e;
    memset(&e, 0, sizeof e);
    e.events = events;
    e.data.fd = fd;
    return epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
}

/* Joined before there are fibers or after; noticed by who waits and by who comes later; others are as ever. */
static void members(void)
{
    int fds[40][2], outside[2], i, random = 0;
    struct epoll_event e;
    pthread_t t;
    void *told;
    set = epoll_create1(0);
    for (i = 0; i < 40; i++)
        check(pipe(fds[i]) == 0 && add(fds[i][0], i == 7 ? EPOLLIN | EPOLLET : EPOLLIN) == 0, "a member");
    for (i = 0; i < 3000; i++) {
        int which = i % 40 == 7 ? 7 : i * 11 % 40, seen = fds[which][0];
        pthread_create(&t, NULL, waits, NULL);
        random = (random * 29 + 7) % 997;
        if (i % 3 != 0)
            usleep((unsigned)random % 300);
        check(coax_fd_abort(seen, EIO) == 0, "abort");
        pthread_join(t, &told);
        check((long)told == seen, "who waited");
        check((long)waits(NULL) == seen, "who came later");
        check(write(fds[which == 0][1], "x", 1) == 1 && epoll_wait(set, &e, 1, 0) == 1 && e.data.fd == fds[which == 0][0] && (e.events & EPOLLERR) == 0, "another first");
        check(read(fds[which == 0][0], &e, 1) == 1, "another");
        check(epoll_ctl(set, EPOLL_CTL_DEL, seen, NULL) == 0 && epoll_wait(set, &e, 1, 0) == 0, "no member");
        close(seen);
        close(fds[which][1]);
        check(pipe(fds[which]) == 0 && add(fds[which][0], EPOLLIN) == 0 && epoll_wait(set, &e, 1, 0) == 0, "anew");
    }
    check(pipe(outside) == 0 && coax_fd_abort(outside[0], EIO) == 0 && epoll_wait(set, &e, 1, 0) == 0, "no member");
    check(add(outside[0], EPOLLIN | EPOLLONESHOT) == 0 && (long)waits(NULL) == outside[0], "a member now");
    memset(&e, 0, sizeof e);
    e.events = EPOLLIN;
    e.data.fd = 4321;
    check(epoll_ctl(set, EPOLL_CTL_MOD, outside[0], &e) == 0 && (long)waits(NULL) == 4321, "as it was changed");
    check(epoll_ctl(set, EPOLL_CTL_DEL, outside[0], NULL) == 0 && epoll_wait(set, &e, 1, 0) == 0, "no member any more");
    pthread_create(&t, NULL, waits, NULL);
    usleep(2000);
    check(coax_fd_abort(set, EIO) == 0, "the set itself");
    pthread_join(t, &told);
    check((long)told == -1, "who waited on it");
    check(close(set) == 0, "its close");
    for (i = 0; i < 40; i++) {
        close(fds[i][0]);
        close(fds[i][1]);
    }
    close(outside[0]);
    close(outside[1]);
    printf("epoll sets\n");
}

/* ---- descriptors that are received ---- */

/* Closed where nobody sees it: the next owner of the number comes with a message. */
static void close_unseen(int fd)
{
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "0"((long)SYS_close), "D"((long)fd) : "rcx", "r11", "memory");
    check(r == 0, "close");
}

static void receive(int pair[2], int many)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct mmsghdr m;
    struct iovec v;
    char c = 'c';
    int fds[2], old[2], got = -1;
    check(pipe(fds) == 0 && pipe(old) == 0 && write(fds[1], "data", 4) == 4, "pipe");
    v.iov_base = &c;
    v.iov_len = 1;
    check(coax_send_msg(pair[0], &v, 1, &fds[0], 1) == 1, "send");
    check(coax_fd_set_blocking(old[0], 1, 0) == 0 && coax_fd_abort(old[0], EIO) == 0, "abort");
    close_unseen(old[0]);
    check(coax_fd_state(old[0]) == COAX_FD_CLOSED, "closed");
    memset(&m, 0, sizeof m);
    m.msg_hdr.msg_iov = &v;
    m.msg_hdr.msg_iovlen = 1;
    m.msg_hdr.msg_control = &control;
    m.msg_hdr.msg_controllen = sizeof control;
    check(many ? recvmmsg(pair[1], &m, 1, 0, NULL) == 1 : recvmsg(pair[1], &m.msg_hdr, 0) == 1, "receive");
    memcpy(&got, CMSG_DATA(&control.head), sizeof got);
    check(got == old[0], "the number");
    check(coax_fd_state(got) == COAX_FD_OPENED && coax_fd_blocking(got) == 0, "it begins anew");
    check(read(got, name, sizeof name) == 4, "what was sent can be read");
    close(got);
    close(old[1]);
    close(fds[0]);
    close(fds[1]);
}

static void *nothing(void *arg)
{
    return arg;
}

static void received(void)
{
    int pair[2], i;
    pthread_t t;
    pthread_create(&t, NULL, nothing, NULL);
    pthread_join(t, NULL);
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    for (i = 0; i < 2; i++)
        receive(pair, i);
    printf("received\n");
}

/* The flag that coax_fd_set_blocking has set is not the program's; what ioctl sets is. */
static void flags(void)
{
    int fds[2], on = 1;
    check(pipe(fds) == 0 && coax_fd_set_blocking(fds[0], 0, 1) == 0, "pipe");
    check(ioctl(fds[0], FIONBIO, &on) == 0 && read(fds[0], name, 1) == -1 && errno == EAGAIN, "FIONBIO");
    close(fds[0]);
    close(fds[1]);
    printf("flags\n");
}

int main(int argc, char **argv)
{
    size_t i;
    alarm(100);
    setvbuf(stdout, NULL, _IOLBF, 0);
    (void)argv;
    check(pipe(some) == 0, "pipe");
    for (i = 0; i < sizeof calls / sizeof calls[0]; i++)
        states(&calls[i], argc == 1);
    if (argc == 1) {
        members();
        received();
        flags();
    }
    printf("done\n");
    return wrong;
}
