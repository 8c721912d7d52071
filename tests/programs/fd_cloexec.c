/*
 * Close-on-exec: the program runs itself again and looks which descriptors are left; nothing of anybody else's either.
 * usage: fd_cloexec 0|1 (1: exec from a second thread, while others wait)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
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

static char **args;
static int many;

static int kept[64], nkept, gone[64], ngone;

static void keep(int fd)
{
    CHECK(fd >= 0);
    kept[nkept++] = fd;
}

static void lose(int fd)
{
    CHECK(fd >= 0);
    gone[ngone++] = fd;
}

static void *again(void *unused)
{
    static char text[2][512];
    for (int i = 0; i < nkept; i++)
        sprintf(text[0] + strlen(text[0]), "%d ", kept[i]);
    for (int i = 0; i < ngone; i++)
        sprintf(text[1] + strlen(text[1]), "%d ", gone[i]);
    char *list[] = {args[0], "after", text[0], text[1], many ? "1" : "0", NULL};
    execv("/proc/self/exe", list);
    CHECK(!"exec");
    return NULL;
}

static void *wait_for_ever(void *arg)
{
    char c;
    if (arg)
        read(*(int *)arg, &c, 1);
    else
        sleep(1000);
    return NULL;
}

static void before(void)
{
    static int p[2], q[2], s[2];
    pthread_t t;
    int fd;
    keep(open("/dev/null", O_RDONLY));
    lose(open("/dev/null", O_RDONLY | O_CLOEXEC));
    CHECK(pipe(p) == 0);
    keep(p[0]);
    keep(p[1]);
    CHECK(pipe2(q, O_CLOEXEC) == 0);
    lose(q[0]);
    lose(q[1]);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) == 0);
    lose(s[0]);
    lose(s[1]);
    keep(dup(q[0])); /* a copy does not inherit the flag */
    keep(fcntl(q[0], F_DUPFD, 0));
    lose(fcntl(p[0], F_DUPFD_CLOEXEC, 0));
    lose(dup3(p[0], 50, O_CLOEXEC));
    keep(dup2(q[0], 51));
    keep(fd = dup2(50, 52));
    lose(fd = dup(0));
    CHECK(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
    keep(eventfd(0, 0));
    lose(eventfd(0, EFD_CLOEXEC));
    lose(epoll_create1(EPOLL_CLOEXEC));
    lose(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    lose(60);
    lose(61);
    CHECK(dup2(p[0], 60) == 60 && dup2(p[0], 61) == 61);
    CHECK(close_range(60, 61, CLOSE_RANGE_CLOEXEC) == 0);
    CHECK(fcntl(60, F_GETFD) == FD_CLOEXEC);
    if (!many)
        again(NULL);
    CHECK(pthread_create(&t, NULL, wait_for_ever, &p[0]) == 0);
    CHECK(pthread_create(&t, NULL, wait_for_ever, &s[0]) == 0);
    CHECK(pthread_create(&t, NULL, wait_for_ever, NULL) == 0);
    usleep(20000);
    CHECK(pthread_create(&t, NULL, again, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
}

int main(int argc, char **argv)
{
    args = argv;
    CHECK(argc > 1);
    if (strcmp(argv[1], "after")) {
        many = atoi(argv[1]);
        before();
    }
    CHECK(argc == 5);
    char *end;
    for (char *at = argv[2]; *at; at = end + 1)
        CHECK(fcntl(strtol(at, &end, 10), F_GETFD) == 0);
    for (char *at = argv[3]; *at; at = end + 1)
        CHECK(fcntl(strtol(at, &end, 10), F_GETFD) == -1 && errno == EBADF);
    int open_now = 0;
    DIR *d = opendir("/proc/self/fd");
    for (struct dirent *e; (e = readdir(d));)
        open_now += e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d);
    printf("%d open after exec\n", open_now);
    return 0;
}
