/*
 * What each kind of descriptor is ready for, by poll, select and epoll; prints it all.
 * usage: poll_kinds 0|1 (1: in a second thread)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static void show(const char *what, int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0};
    struct epoll_event e = {EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP, {0}};
    struct timeval zero = {0, 0};
    fd_set r, w, x;
    int n = poll(&p, 1, 0);
    printf("%-28s poll %d %#x", what, n, p.revents);
    if (fd >= 0 && fd < FD_SETSIZE) {
        FD_ZERO(&r);
        FD_ZERO(&w);
        FD_ZERO(&x);
        FD_SET(fd, &r);
        FD_SET(fd, &w);
        FD_SET(fd, &x);
        errno = 0;
        n = select(fd + 1, &r, &w, &x, &zero);
        if (n < 0)
            printf(" select %s", strerrorname_np(errno));
        else
            printf(" select %d %d%d%d", n, !!FD_ISSET(fd, &r), !!FD_ISSET(fd, &w), !!FD_ISSET(fd, &x));
    }
    int set = epoll_create1(0);
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) != 0)
        printf(" epoll %s", strerrorname_np(errno));
    else {
        e.events = 0;
        n = epoll_wait(set, &e, 1, 0);
        printf(" epoll %d %#x", n, e.events);
    }
    close(set);
    printf("\n");
}

static void fill(int fd)
{
    static char block[65536];
    CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
    while (write(fd, block, sizeof block) > 0)
        ;
    while (write(fd, block, 1) > 0)
        ;
    CHECK(errno == EAGAIN);
}

static void tcp(int fd[2], int *listener)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof where;
    CHECK((*listener = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    show("tcp socket, fresh", *listener);
    CHECK(bind(*listener, (void *)&where, n) == 0 && listen(*listener, 5) == 0);
    CHECK(getsockname(*listener, (void *)&where, &n) == 0);
    show("listener", *listener);
    CHECK((fd[1] = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && connect(fd[1], (void *)&where, n) == 0);
    show("listener with a caller", *listener);
    CHECK((fd[0] = accept(*listener, NULL, NULL)) >= 0);
}

static void *scenario(void *unused)
{
    int fd[2], a, b;
    char name[64];
    struct itimerspec soon = {.it_value.tv_nsec = 1};
    sigset_t usr1;
    uint64_t most = 0xfffffffffffffffeull;

    CHECK(pipe(fd) == 0);
    show("pipe, empty", fd[0]);
    show("pipe, writing end", fd[1]);
    CHECK(write(fd[1], "x", 1) == 1);
    show("pipe with data", fd[0]);
    fill(fd[1]);
    show("full pipe, writing end", fd[1]);
    close(fd[1]);
    show("pipe, data and no writer", fd[0]);
    close(fd[0]);
    CHECK(pipe(fd) == 0);
    close(fd[1]);
    show("pipe, no writer", fd[0]);
    close(fd[0]);
    CHECK(pipe(fd) == 0);
    close(fd[0]);
    show("pipe, no reader", fd[1]);
    close(fd[1]);

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    show("stream", fd[0]);
    CHECK(write(fd[1], "x", 1) == 1);
    show("stream with data", fd[0]);
    CHECK(shutdown(fd[1], SHUT_WR) == 0);
    show("stream, half shut", fd[0]);
    show("stream, shut itself", fd[1]);
    close(fd[1]);
    show("stream, alone", fd[0]);
    close(fd[0]);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    fill(fd[1]);
    show("stream, full", fd[1]);
    close(fd[0]);
    close(fd[1]);
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) == 0);
    show("dgram", fd[0]);
    close(fd[0]);
    close(fd[1]);

    tcp(fd, &a);
    show("tcp", fd[0]);
    CHECK(send(fd[1], "x", 1, MSG_OOB) == 1);
    struct pollfd p = {fd[0], POLLPRI, 0};
    CHECK(poll(&p, 1, 30000) == 1);
    show("tcp, urgent", fd[0]);
    close(fd[1]);
    p.events = POLLRDHUP;
    CHECK(poll(&p, 1, 30000) == 1);
    show("tcp, other end gone", fd[0]);
    close(fd[0]);
    close(a);
    CHECK((a = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
    show("udp", a);
    close(a);

    CHECK((a = eventfd(0, 0)) >= 0);
    show("eventfd 0", a);
    CHECK(eventfd_write(a, 1) == 0);
    show("eventfd 1", a);
    CHECK(eventfd_write(a, most - 1) == 0);
    show("eventfd, full", a);
    close(a);
    CHECK((a = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0);
    show("timerfd, off", a);
    CHECK(timerfd_settime(a, 0, &soon, NULL) == 0);
    usleep(2000);
    show("timerfd, expired", a);
    close(a);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &usr1, NULL) == 0);
    CHECK((a = signalfd(-1, &usr1, 0)) >= 0);
    show("signalfd", a);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    show("signalfd, pending", a);
    struct signalfd_siginfo info;
    CHECK(read(a, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR1);
    close(a);

    CHECK((a = posix_openpt(O_RDWR | O_NOCTTY)) >= 0 && grantpt(a) == 0 && unlockpt(a) == 0);
    CHECK(ptsname_r(a, name, sizeof name) == 0 && (b = open(name, O_RDWR | O_NOCTTY)) >= 0);
    show("pty master", a);
    show("pty slave", b);
    CHECK(write(a, "x", 1) == 1);
    p = (struct pollfd){a, POLLIN, 0};
    CHECK(poll(&p, 1, 30000) == 1);
    show("pty master, echo", a);
    show("pty slave, half a line", b);
    close(b);
    p.events = 0;
    CHECK(poll(&p, 1, 30000) == 1);
    show("pty master, no slave", a);
    close(a);

    CHECK((a = memfd_create("m", 0)) >= 0);
    show("memory file", a);
    close(a);
    CHECK((a = open("/dev/null", O_RDWR)) >= 0);
    show("/dev/null", a);
    close(a);
    CHECK((a = open("/dev/zero", O_RDWR)) >= 0);
    show("/dev/zero", a);
    close(a);
    CHECK((a = open("/proc/self/exe", O_RDONLY)) >= 0);
    show("regular file", a);
    close(a);
    CHECK((a = open("/", O_RDONLY)) >= 0);
    show("directory", a);
    close(a);
    CHECK((a = open("/", O_PATH)) >= 0);
    show("O_PATH", a);
    close(a);

    CHECK((a = epoll_create1(0)) >= 0 && pipe(fd) == 0);
    struct epoll_event e = {EPOLLIN, {0}};
    show("epoll, empty", a);
    CHECK(epoll_ctl(a, EPOLL_CTL_ADD, fd[0], &e) == 0);
    show("epoll, nothing ready", a);
    CHECK(write(fd[1], "x", 1) == 1);
    show("epoll, something ready", a);
    close(a);
    close(fd[0]);
    close(fd[1]);

    show("closed", fd[0]);
    show("61", 61);
    show("-1", -1);
    show("-5", -5);
    return NULL;
}

int main(int argc, char **argv)
{
    sigset_t all_block_it;
    sigemptyset(&all_block_it);
    sigaddset(&all_block_it, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &all_block_it, NULL);
    pthread_t t;
    closefrom(3); /* whatever was inherited */
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && atoi(argv[1]))
        CHECK(pthread_create(&t, NULL, scenario, NULL) == 0 && pthread_join(t, NULL) == 0);
    else
        scenario(NULL);
    return 0;
}
