/*
 * A read returns what is there and does not wait for more; a message that is longer than the buffer is cut (dgram,
 * seqpacket); a zero-length call does not wait; eventfd and timerfd want eight bytes; ordinary devices.
 * usage: rw_short THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

/* The other end of a conversation: a thread in a threaded run, a child process in a single-threaded one. */
static int threaded;

struct peer {
    void (*run)(void *);
    void *arg;
    pthread_t thread;
    pid_t pid;
};

static void *peer_thread(void *p)
{
    ((struct peer *)p)->run(((struct peer *)p)->arg);
    return NULL;
}

static void peer_start(struct peer *p, void (*run)(void *), void *arg)
{
    p->run = run;
    p->arg = arg;
    if (threaded) {
        CHECK(pthread_create(&p->thread, NULL, peer_thread, p) == 0);
        return;
    }
    fflush(stdout);
    CHECK((p->pid = fork()) >= 0);
    if (p->pid == 0) {
        run(arg);
        _exit(0);
    }
}

static void peer_join(struct peer *p)
{
    int status = 0;
    if (threaded)
        CHECK(pthread_join(p->thread, NULL) == 0);
    else
        CHECK(waitpid(p->pid, &status, 0) == p->pid);
    CHECK(status == 0);
}

/* The scenario in n threads at once; with n = 0 once, in the only thread there is. */
static void crowd(int n, void *(*scenario)(void *))
{
    pthread_t t[n + 1];
    threaded = n > 0;
    if (!threaded)
        scenario(NULL);
    for (long i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, scenario, (void *)i) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
}

static void send_ten(void *arg)
{
    usleep(10000);
    CHECK(write(*(int *)arg, "0123456789", 10) == 10);
}

static void partial(int in, int out, int is_message)
{
    char c[100];
    struct peer peer;
    peer_start(&peer, send_ten, &out);
    CHECK(read(in, c, sizeof c) == 10 && !memcmp(c, "0123456789", 10));
    peer_join(&peer);
    CHECK(write(out, "abcdef", 6) == 6 && write(out, "ghi", 3) == 3);
    CHECK(read(in, c, 4) == 4 && !memcmp(c, "abcd", 4));
    if (is_message)
        CHECK(read(in, c, sizeof c) == 3 && !memcmp(c, "ghi", 3));
    else
        CHECK(read(in, c, sizeof c) == 5 && !memcmp(c, "efghi", 5));
    CHECK(read(in, c, 0) == 0);
    if (!is_message)
        CHECK(write(out, c, 0) == 0);
    close(in);
    close(out);
}

static void empty_message(void)
{
    int fd[2];
    char c[4];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) == 0);
    CHECK(write(fd[1], c, 0) == 0);
    CHECK(send(fd[1], c, 0, 0) == 0);
    CHECK(send(fd[1], "x", 1, 0) == 1);
    CHECK(read(fd[0], c, 0) == 0); /* takes nothing */
    ssize_t a = read(fd[0], c, 4);
    CHECK(a == 0);
    a = read(fd[0], c, 4);
    if (a == 0)
        a = read(fd[0], c, 4);
    CHECK(a == 1 && c[0] == 'x');
    close(fd[0]);
    close(fd[1]);
}

static void add_later(void *arg)
{
    uint64_t five = 5;
    usleep(20000);
    CHECK(write(*(int *)arg, &five, 8) == 8);
}

static void take_later(void *arg)
{
    uint64_t n;
    usleep(20000);
    CHECK(read(*(int *)arg, &n, 8) == 8 && n == 0xfffffffffffffffeull);
}

static void events(void)
{
    uint64_t n = 3;
    char c[16];
    struct peer peer;
    int e = eventfd(2, 0);
    CHECK(e >= 0);
    CHECK(read(e, c, 7) == -1 && errno == EINVAL);
    CHECK(write(e, c, 7) == -1 && errno == EINVAL);
    CHECK(write(e, &n, 8) == 8);
    CHECK(read(e, c, 16) == 8 && *(uint64_t *)c == 5);
    peer_start(&peer, add_later, &e);
    CHECK(read(e, &n, 8) == 8 && n == 5);
    peer_join(&peer);
    CHECK(eventfd_write(e, 0xfffffffffffffffeull) == 0);
    n = (uint64_t)-1;
    CHECK(write(e, &n, 8) == -1 && errno == EINVAL);
    n = 7;
    peer_start(&peer, take_later, &e);
    CHECK(write(e, &n, 8) == 8); /* waits for room */
    peer_join(&peer);
    CHECK(eventfd_read(e, &n) == 0 && n == 7);
    close(e);
    CHECK((e = eventfd(3, EFD_SEMAPHORE)) >= 0);
    for (int i = 0; i < 3; i++)
        CHECK(read(e, &n, 8) == 8 && n == 1);
    peer_start(&peer, add_later, &e);
    CHECK(eventfd_read(e, &n) == 0 && n == 1);
    peer_join(&peer);
    close(e);
}

static void timers(void)
{
    struct itimerspec once = {.it_value.tv_nsec = 30000000}, often = {{0, 1000000}, {0, 1000000}};
    struct timespec a, b;
    uint64_t n;
    char c[7];
    int t = timerfd_create(CLOCK_MONOTONIC, 0);
    CHECK(t >= 0);
    clock_gettime(CLOCK_MONOTONIC, &a);
    CHECK(timerfd_settime(t, 0, &once, NULL) == 0);
    CHECK(read(t, c, 7) == -1 && errno == EINVAL);
    CHECK(read(t, &n, 8) == 8 && n == 1);
    clock_gettime(CLOCK_MONOTONIC, &b);
    CHECK((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec >= 30000000);
    CHECK(timerfd_settime(t, 0, &often, NULL) == 0);
    usleep(20000);
    CHECK(read(t, &n, 8) == 8 && n >= 19);
    CHECK(read(t, &n, 8) == 8 && n >= 1);
    CHECK(write(t, &n, 8) == -1 && errno == EINVAL);
    close(t);
}

static void devices(void)
{
    char c[5000];
    int fd;
    CHECK((fd = open("/dev/null", O_RDWR)) >= 0);
    CHECK(write(fd, c, sizeof c) == sizeof c && read(fd, c, sizeof c) == 0);
    CHECK(close(fd) == 0);
    CHECK((fd = open("/dev/zero", O_RDWR)) >= 0);
    memset(c, 1, sizeof c);
    CHECK(write(fd, c, sizeof c) == sizeof c && read(fd, c, sizeof c) == sizeof c);
    for (size_t i = 0; i < sizeof c; i++)
        CHECK(c[i] == 0);
    CHECK(close(fd) == 0);
    CHECK((fd = open("/dev/full", O_RDWR)) >= 0);
    CHECK(write(fd, c, 1) == -1 && errno == ENOSPC);
    CHECK(read(fd, c, sizeof c) == sizeof c);
    CHECK(close(fd) == 0);
    CHECK((fd = open("/dev/urandom", O_RDONLY)) >= 0);
    CHECK(read(fd, c, 200) == 200);
    CHECK(close(fd) == 0);
    CHECK((fd = open("/proc/self/cmdline", O_RDONLY)) >= 0);
    CHECK(read(fd, c, sizeof c) > 8 && read(fd, c, sizeof c) == 0);
    CHECK(pread(fd, c, 3, 1) == 3);
    CHECK(close(fd) == 0);
}

static void *scenario(void *unused)
{
    int fd[2];
    CHECK(pipe(fd) == 0);
    partial(fd[0], fd[1], 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    partial(fd[0], fd[1], 0);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) == 0);
    partial(fd[0], fd[1], 1);
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) == 0);
    partial(fd[0], fd[1], 1);
    empty_message();
    events();
    timers();
    devices();
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("short reads, events, timers, devices ok");
    return 0;
}
