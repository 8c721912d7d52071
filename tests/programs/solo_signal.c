/*
 * An alarm during each blocking call of a program with one thread: EINTR without SA_RESTART; with it the calls that
 * restart go on and give what the handler made ready, the others give EINTR even so. Prints the results.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static int p[2], s[2], full[2], listener, caller, event, set;
static struct sockaddr_in where;
static pid_t child;
static volatile int calls, release;

/* The first alarm interrupts; the second one makes ready whatever is waited for, so that a restarted call ends. */
static void on_alarm(int sig)
{
    int saved = errno;
    char block[65536];
    if (++calls >= 2 && release) {
        write(p[1], "r", 1);
        send(s[1], "r", 1, 0);
        eventfd_write(event, 1);
        recv(full[0], block, sizeof block, MSG_DONTWAIT);
        recv(full[0], block, sizeof block, MSG_DONTWAIT);
        if (caller >= 0)
            connect(caller, (void *)&where, sizeof where);
        if (child > 0)
            kill(child, SIGKILL);
    }
    errno = saved;
}

static void alarms(int on)
{
    struct itimerval t = {{0, on ? 30000 : 0}, {0, on ? 30000 : 0}};
    CHECK(setitimer(ITIMER_REAL, &t, NULL) == 0);
}

static void drain(void)
{
    char c[65536];
    struct pollfd f = {p[0], POLLIN, 0};
    uint64_t n;
    while (poll(&f, 1, 0) == 1)
        read(p[0], c, sizeof c);
    while (recv(s[0], c, sizeof c, MSG_DONTWAIT) > 0)
        ;
    f.fd = event;
    while (poll(&f, 1, 0) == 1)
        read(event, &n, 8);
    while (send(full[1], c, sizeof c, MSG_DONTWAIT) > 0)
        ;
}

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        drain();                                                                                                       \
        calls = 0;                                                                                                     \
        alarms(1);                                                                                                     \
        errno = 0;                                                                                                     \
        long result_ = (long)(call);                                                                                   \
        int error_ = errno;                                                                                            \
        alarms(0);                                                                                                     \
        printf("%s: %ld %s, %s\n", #call, result_, result_ < 0 ? strerrorname_np(error_) : "",                         \
               calls ? "alarm" : "no alarm");                                                                          \
    } while (0)

static void every_call(void)
{
    static char c[1 << 18];
    struct iovec v = {c, 8};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    struct pollfd f = {p[0], POLLIN, 0};
    struct epoll_event e;
    struct timespec ten = {10, 0};
    fd_set in;
    int status, fd;

    TRY(read(p[0], c, 8));
    TRY(readv(p[0], &v, 1));
    TRY(preadv2(p[0], &v, 1, -1, 0));
    TRY(read(s[0], c, 8));
    TRY(recv(s[0], c, 8, 0));
    TRY(recvfrom(s[0], c, 8, 0, NULL, NULL));
    TRY(recvmsg(s[0], &m, 0));
    TRY(recv(s[0], c, 8, MSG_WAITALL) == 1 ? 1 : -1);
    TRY(read(event, c, 8));
    TRY(send(full[1], c, 8, 0));
    TRY(write(full[1], c, 8));
    TRY(sendmsg(full[1], &m, 0));
    CHECK((caller = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    TRY((fd = accept(listener, NULL, NULL)) < 0 ? -1 : 0);
    close(caller);
    CHECK((caller = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    TRY((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0 ? -1 : 0);
    close(caller);
    caller = -1;
    fflush(stdout);
    CHECK((child = fork()) >= 0);
    if (child == 0) {
        alarms(0);
        for (;;)
            pause();
    }
    TRY(waitpid(child, &status, 0) > 0 ? 1 : -1);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    child = 0;
    /* Never restarted. */
    TRY(poll(&f, 1, 10000));
    TRY(ppoll(&f, 1, &ten, NULL));
    FD_ZERO(&in);
    FD_SET(p[0], &in);
    TRY(select(p[0] + 1, &in, NULL, NULL, NULL));
    TRY(pselect(p[0] + 1, &in, NULL, NULL, &ten, NULL));
    TRY(epoll_wait(set, &e, 1, 10000));
    TRY(epoll_pwait(set, &e, 1, -1, NULL));
    TRY(nanosleep(&ten, NULL));
    TRY(-clock_nanosleep(CLOCK_MONOTONIC, 0, &ten, NULL));
    TRY(usleep(900000));
    TRY(sleep(10) >= 9 ? -1 : 0);
    TRY(pause());
}

int main(void)
{
    struct sigaction act = {.sa_handler = on_alarm};
    struct epoll_event e = {EPOLLIN, {0}};
    socklen_t n = sizeof where;
    int small = 4096;
    CHECK(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 &&
          socketpair(AF_UNIX, SOCK_STREAM, 0, full) == 0);
    CHECK(setsockopt(full[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    CHECK((listener = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && (event = eventfd(0, 0)) >= 0);
    where = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(bind(listener, (void *)&where, n) == 0 && listen(listener, 5) == 0);
    CHECK(getsockname(listener, (void *)&where, &n) == 0);
    CHECK((set = epoll_create1(0)) >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, p[0], &e) == 0);
    caller = -1;
    puts("without SA_RESTART");
    CHECK(sigaction(SIGALRM, &act, NULL) == 0);
    every_call();
    puts("with SA_RESTART");
    act.sa_flags = SA_RESTART;
    release = 1;
    CHECK(sigaction(SIGALRM, &act, NULL) == 0);
    every_call();
    return 0;
}
