/*
 * Few descriptors: RLIMIT_NOFILE 16 from the start (the program runs itself again) or lowered while it runs; the same
 * number can be opened as ever, then EMFILE, and threads go on.
 * usage: fd_rlimit start|later|below THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static pthread_barrier_t all_here;

struct talk {
    int in, out;
};

static void *echo(void *arg)
{
    struct talk *t = arg;
    char c;
    for (int i = 0; i < 20; i++) {
        CHECK(read(t->in, &c, 1) == 1);
        usleep(500);
        CHECK(write(t->out, &c, 1) == 1);
    }
    return NULL;
}

/* Threads that block, with two socketpairs between them (four descriptors). */
static void work(int threads)
{
    int a[2], b[2];
    char c;
    pthread_t t;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, a) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, b) == 0);
    struct talk one = {a[1], b[1]};
    if (threads)
        CHECK(pthread_create(&t, NULL, echo, &one) == 0);
    for (int i = 0; i < 20; i++) {
        struct pollfd p = {b[0], POLLIN, 0};
        CHECK(write(a[0], "x", 1) == 1);
        if (threads)
            CHECK(poll(&p, 1, -1) == 1 && read(b[0], &c, 1) == 1);
        else
            CHECK(read(a[1], &c, 1) == 1);
    }
    if (threads)
        CHECK(pthread_join(t, NULL) == 0);
    close(a[0]);
    close(a[1]);
    close(b[0]);
    close(b[1]);
    usleep(1000);
}

static void limit(int n)
{
    struct rlimit r;
    CHECK(getrlimit(RLIMIT_NOFILE, &r) == 0);
    r.rlim_cur = n;
    CHECK(setrlimit(RLIMIT_NOFILE, &r) == 0);
}

static void fill_up(int most)
{
    int n = 0, fd, p[2];
    while ((fd = open("/dev/null", O_RDONLY)) >= 0) {
        CHECK(fd < most);
        n++;
    }
    CHECK(errno == EMFILE);
    CHECK(socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == EMFILE);
    CHECK(pipe(p) == -1 && errno == EMFILE);
    CHECK(pipe2(p, O_CLOEXEC) == -1 && errno == EMFILE);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == -1 && errno == EMFILE);
    CHECK(dup(0) == -1 && errno == EMFILE);
    CHECK(fcntl(0, F_DUPFD, 3) == -1 && errno == EMFILE);
    CHECK(dup2(0, most) == -1 && errno == EBADF);
    CHECK(fcntl(0, F_DUPFD, most) == -1 && errno == EINVAL);
    printf("%d opened of %d\n", n, most);
    usleep(1000);
    struct pollfd f[64];
    for (int i = 0; i < most; i++)
        f[i] = (struct pollfd){i, 0, 0};
    CHECK(poll(f, most, 0) >= 0);
    CHECK(poll(f, most + 1, 0) == -1 && errno == EINVAL);
    for (fd = most - 1; n > 0; fd--, n--)
        CHECK(close(fd) == 0);
}

int main(int argc, char **argv)
{
    CHECK(argc >= 3);
    int threads = atoi(argv[2]);
    if (!strcmp(argv[1], "start") && argc == 3) {
        char *again[] = {argv[0], argv[1], argv[2], "again", NULL};
        closefrom(3);
        limit(16);
        execv("/proc/self/exe", again);
        CHECK(!"exec");
    }
    if (strcmp(argv[1], "start")) {
        closefrom(3);
        work(threads);
        limit(16);
    }
    work(threads);
    fill_up(16);
    work(threads);
    if (!strcmp(argv[1], "below")) { /* lower than the number of a descriptor that stays in use */
        int p[2];
        char c;
        CHECK(pipe(p) == 0);
        limit(p[0]);
        CHECK(write(p[1], "x", 1) == 1 && read(p[0], &c, 1) == 1);
        CHECK(open("/dev/null", O_RDONLY) == -1 && errno == EMFILE);
        limit(16);
        CHECK(close(p[0]) == 0 && close(p[1]) == 0);
        work(threads);
        limit(4096);
        work(threads);
    }
    puts("few descriptors ok");
    return 0;
}
