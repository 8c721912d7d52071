/*
 * A wait for readiness without end returns 0 when its time is up; one with an end of its own keeps it.
 * usage: timeout_poll LIMIT THREADS
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

static int limit; /* ms; 0: none is set, and the peer answers in time */

/* It ended when its time was up: not before, not much later. */
static int in_time(double start)
{
    double ms = (now() - start) * 1000;
    return ms > limit * 0.95 && ms < limit + 10000;
}

static int ready(int how, int fd, int ms)
{
    struct pollfd p = {fd, POLLIN, 0};
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000}, *tsp = ms < 0 ? NULL : &ts;
    struct timeval tv = {ms / 1000, ms % 1000 * 1000}, *tvp = ms < 0 ? NULL : &tv;
    struct epoll_event e = {EPOLLIN, {0}};
    fd_set in;
    int n, set;
    FD_ZERO(&in);
    FD_SET(fd, &in);
    switch (how) {
    case 0:
        return poll(&p, 1, ms);
    case 1:
        return ppoll(&p, 1, tsp, NULL);
    case 2:
        return select(fd + 1, &in, NULL, NULL, tvp);
    case 3:
        return pselect(fd + 1, &in, NULL, NULL, tsp, NULL);
    default:
        CHECK((set = epoll_create1(0)) >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0);
        n = how == 4   ? epoll_wait(set, &e, 1, ms)
            : how == 5 ? epoll_pwait(set, &e, 1, ms, NULL)
                       : epoll_pwait2(set, &e, 1, tsp, NULL);
        close(set);
        return n;
    }
}

static void answer(void *arg)
{
    usleep(100000);
    CHECK(write(*(int *)arg, "x", 1) == 1);
}

static void *scenario(void *unused)
{
    int fd[2];
    char c;
    struct peer peer;
    CHECK(pipe(fd) == 0);
    for (int how = 0; how < 7; how++) {
        double start = now();
        if (limit)
            CHECK(ready(how, fd[0], -1) == 0 && in_time(start));
        start = now();
        CHECK(ready(how, fd[0], limit ? 2 * limit : 100) == 0);
        CHECK((now() - start) * 1000 >= (limit ? 2 * limit : 100));
        peer_start(&peer, answer, &fd[1]);
        int r;
        while ((r = ready(how, fd[0], -1)) == 0 && limit) /* the peer is late: a busy machine */
            continue;
        CHECK(r == 1);
        peer_join(&peer);
        CHECK(read(fd[0], &c, 1) == 1);
    }
    close(fd[0]);
    close(fd[1]);
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    limit = atoi(argv[1]);
    crowd(atoi(argv[2]), scenario);
    puts(limit ? "waits without end returned 0" : "waits");
    return 0;
}
