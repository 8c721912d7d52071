/*
 * Descriptor numbers: every call gives the lowest free one, and the list of open ones is what the program opened.
 * Prints them all. With threads: in a second thread, while others wait in reads and sleeps.
 * usage: fd_numbers 0|1
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

extern int __pipe(int[2]);
extern int __dup2(int, int);
extern int __close(int);
extern int __fcntl(int, int, ...);
extern int fcntl64(int, int, ...);

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static int waiting_on[2];

/* What the program and its shell opened; the shim's own, if any, sit above and are closed on exec. */
static void list(void)
{
    int limit = 200;
    printf("open:");
    for (int i = 0; i < limit; i++)
        if (fcntl(i, F_GETFD) >= 0)
            printf(" %d", i);
    printf("\n");
}

static void one(const char *what, int fd)
{
    printf("%s %d%s\n", what, fd, fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC ? " cloexec" : "");
}

static void two(const char *what, int result, int fd[2])
{
    CHECK(result == 0);
    printf("%s %d %d%s\n", what, fd[0], fd[1], fcntl(fd[0], F_GETFD) == FD_CLOEXEC ? " cloexec" : "");
}

static void *scenario(void *unused)
{
    int p[2], first, second, listener, conn;
    sigset_t none;
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof where;
    sigemptyset(&none);
    list();
    one("open", first = open("/dev/null", O_RDONLY));
    one("open cloexec", second = open("/dev/null", O_RDONLY | O_CLOEXEC));
    one("openat", openat(AT_FDCWD, "/dev/null", O_RDONLY));
    CHECK(close(first) == 0);
    one("socket", socket(AF_UNIX, SOCK_STREAM, 0));
    one("socket cloexec", socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    two("pipe", pipe(p), p);
    CHECK(close(p[0]) == 0);
    two("pipe2", pipe2(p, O_CLOEXEC), p);
    two("__pipe", __pipe(p), p);
    two("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, p), p);
    two("socketpair cloexec", socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p), p);
    CHECK(__close(second) == 0);
    one("dup", dup(p[0]));
    one("dup", dup(p[0]));
    one("dup2", dup2(p[0], 60));
    one("__dup2", __dup2(p[0], 61));
    one("dup2 itself", dup2(60, 60));
    one("dup3", dup3(p[0], 62, O_CLOEXEC));
    one("F_DUPFD", fcntl(p[0], F_DUPFD, 60));
    one("F_DUPFD low", fcntl(p[0], F_DUPFD, 0));
    one("F_DUPFD_CLOEXEC", fcntl(p[0], F_DUPFD_CLOEXEC, 60));
    one("__fcntl F_DUPFD", __fcntl(p[0], F_DUPFD, 60));
    one("fcntl64 F_DUPFD", fcntl64(p[0], F_DUPFD, 60));
    one("eventfd", eventfd(0, 0));
    one("timerfd", timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    one("signalfd", signalfd(-1, &none, 0));
    one("epoll", epoll_create1(0));
    one("epoll cloexec", epoll_create1(EPOLL_CLOEXEC));
    one("memfd", memfd_create("x", 0));
    one("pty", posix_openpt(O_RDWR | O_NOCTTY));
    one("listener", listener = socket(AF_INET, SOCK_STREAM, 0));
    CHECK(bind(listener, (void *)&where, n) == 0 && listen(listener, 5) == 0);
    CHECK(getsockname(listener, (void *)&where, &n) == 0);
    one("client", first = socket(AF_INET, SOCK_STREAM, 0));
    CHECK(connect(first, (void *)&where, n) == 0);
    one("accept", conn = accept(listener, NULL, NULL));
    CHECK(close(conn) == 0 && close(first) == 0);
    one("client", first = socket(AF_INET, SOCK_STREAM, 0));
    CHECK(connect(first, (void *)&where, n) == 0);
    one("accept4", accept4(listener, NULL, NULL, SOCK_CLOEXEC));
    list();
    printf("close_range %d\n", close_range(10, 60, 0));
    list();
    one("after it", dup(0));
    printf("close_range of nothing %d\n", close_range(150, 160, 0));
    printf("close_range backwards %d\n", close_range(10, 5, 0));
    CHECK(errno == EINVAL);
    printf("close_range cloexec %d\n", close_range(61, 61, CLOSE_RANGE_CLOEXEC));
    one("61 is", dup2(61, 61));
    closefrom(61);
    list();
    CHECK(close(10) == 0);
    CHECK(close(60) == -1 && errno == EBADF);
    CHECK(__close(-1) == -1 && errno == EBADF);
    CHECK(dup(60) == -1 && errno == EBADF);
    CHECK(dup2(60, 61) == -1 && errno == EBADF);
    CHECK(dup2(0, -1) == -1 && errno == EBADF);
    CHECK(dup3(0, 0, 0) == -1 && errno == EINVAL);
    CHECK(dup3(0, 61, 0x123) == -1 && errno == EINVAL);
    CHECK(fcntl(60, F_GETFL) == -1 && errno == EBADF);
    CHECK(fcntl(0, F_DUPFD, -1) == -1 && errno == EINVAL);
    CHECK(fcntl(0, F_DUPFD, 100000000) == -1 && errno == EINVAL);
    CHECK(fcntl(0, 12345) == -1 && errno == EINVAL);
    list();
    return NULL;
}

static void *wait_for_read(void *unused)
{
    char c;
    CHECK(read(waiting_on[0], &c, 1) == 1);
    return NULL;
}

static void *sleeper(void *unused)
{
    usleep(50000);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t[3];
    closefrom(3); /* whatever was inherited */
    if (argc > 1 && atoi(argv[1])) {
        CHECK(pipe(waiting_on) == 0);
        CHECK(fcntl(waiting_on[0], F_DUPFD, 8) == 8 && fcntl(waiting_on[1], F_DUPFD, 9) == 9);
        CHECK(close(waiting_on[0]) == 0 && close(waiting_on[1]) == 0);
        waiting_on[0] = 8;
        waiting_on[1] = 9;
        CHECK(pthread_create(&t[0], NULL, wait_for_read, NULL) == 0);
        CHECK(pthread_create(&t[1], NULL, sleeper, NULL) == 0);
        usleep(10000);
        CHECK(pthread_create(&t[2], NULL, scenario, NULL) == 0);
        CHECK(pthread_join(t[2], NULL) == 0);
        CHECK(pthread_join(t[1], NULL) == 0);
        CHECK(write(waiting_on[1], "x", 1) == 1);
        CHECK(pthread_join(t[0], NULL) == 0);
    } else
        scenario(NULL);
    return 0;
}
