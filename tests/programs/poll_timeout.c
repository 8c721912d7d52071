/*
 * Every call that waits for readiness: no time, some time, no end (until another writes); also under its fortified and
 * inner names.
 * usage: poll_timeout THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern int __poll(struct pollfd *, nfds_t, int);
extern int __poll_chk(struct pollfd *, nfds_t, int, size_t);
extern int __ppoll_chk(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);
extern int __select(int, fd_set *, fd_set *, fd_set *, struct timeval *);

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

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

enum { CALLS = 11 };

/* The number of ready descriptors; ms -1: no end. */
static int ready(int how, int fd, int ms)
{
    struct pollfd p = {fd, POLLIN, 77};
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000}, *tsp = ms < 0 ? NULL : &ts;
    struct timeval tv = {ms / 1000, ms % 1000 * 1000}, *tvp = ms < 0 ? NULL : &tv;
    struct epoll_event want = {EPOLLIN, {.u64 = 0x123456789abcdef}}, got = {0};
    fd_set in, out, bad;
    int n, e;
    FD_ZERO(&in);
    FD_SET(fd, &in);
    switch (how) {
    case 0:
        n = poll(&p, 1, ms);
        break;
    case 1:
        n = __poll(&p, 1, ms);
        break;
    case 2:
        n = __poll_chk(&p, 1, ms, sizeof p);
        break;
    case 3:
        n = ppoll(&p, 1, tsp, NULL);
        break;
    case 4:
        n = __ppoll_chk(&p, 1, tsp, NULL, sizeof p);
        break;
    case 5:
        n = select(fd + 1, &in, NULL, NULL, tvp);
        CHECK(!!FD_ISSET(fd, &in) == n);
        if (tvp && n == 0)
            CHECK(tv.tv_sec == 0 && tv.tv_usec == 0); /* Linux tells what is left */
        return n;
    case 6:
        FD_ZERO(&out);
        FD_ZERO(&bad);
        FD_SET(fd, &bad);
        n = __select(fd + 1, &in, &out, &bad, tvp);
        CHECK(!!FD_ISSET(fd, &in) == n && !FD_ISSET(fd, &bad));
        return n;
    case 7:
        n = pselect(fd + 1, &in, NULL, NULL, tsp, NULL);
        CHECK(!!FD_ISSET(fd, &in) == n);
        CHECK(!tsp || ts.tv_nsec == ms % 1000 * 1000000); /* unlike select */
        return n;
    default:
        CHECK((e = epoll_create1(0)) >= 0 && epoll_ctl(e, EPOLL_CTL_ADD, fd, &want) == 0);
        if (how == 8)
            n = epoll_wait(e, &got, 1, ms);
        else if (how == 9)
            n = epoll_pwait(e, &got, 1, ms, NULL);
        else
            n = epoll_pwait2(e, &got, 1, tsp, NULL);
        if (n)
            CHECK(got.events == EPOLLIN && got.data.u64 == want.data.u64);
        close(e);
        return n;
    }
    CHECK(p.revents == (n ? POLLIN : 0));
    return n;
}

static void write_late(void *arg)
{
    usleep(20000);
    CHECK(write(*(int *)arg, "x", 1) == 1);
}

static void *scenario(void *unused)
{
    int fd[2];
    char c;
    CHECK(pipe(fd) == 0);
    for (int how = 0; how < CALLS; how++) {
        struct peer peer;
        double start = now();
        CHECK(ready(how, fd[0], 0) == 0);
        CHECK(now() - start < 10);
        start = now();
        CHECK(ready(how, fd[0], 40) == 0);
        CHECK(now() - start >= 0.04 && now() - start < 10);
        for (int i = 0; i < 2; i++) {
            peer_start(&peer, write_late, &fd[1]);
            CHECK(ready(how, fd[0], i ? -1 : 20000) == 1);
            peer_join(&peer);
            CHECK(ready(how, fd[0], 0) == 1 && ready(how, fd[0], -1) == 1); /* ready stays ready */
            CHECK(read(fd[0], &c, 1) == 1);
        }
    }
    close(fd[0]);
    close(fd[1]);
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("waits ok");
    return 0;
}
