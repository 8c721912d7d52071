/*
 * Nobody connects: accept ends with ETIMEDOUT, also after a wait in poll, and the next caller is served, whether it
 * comes while it is waited for or before. usage: timeout_accept accept|accept4|poll|select|epoll|nonblock LIMIT THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
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

static int listen_tcp(struct sockaddr_in *where, int backlog)
{
    socklen_t n = sizeof *where;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    *where = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(fd >= 0 && bind(fd, (void *)where, n) == 0 && listen(fd, backlog) == 0);
    CHECK(getsockname(fd, (void *)where, &n) == 0);
    return fd;
}

static const char *how;

static int take(int listener)
{
    struct pollfd p = {listener, POLLIN, 0};
    if (!strcmp(how, "accept4"))
        return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (!strcmp(how, "poll") || !strcmp(how, "nonblock"))
        CHECK(poll(&p, 1, -1) == 1);
    if (!strcmp(how, "select")) {
        fd_set in;
        FD_ZERO(&in);
        FD_SET(listener, &in);
        CHECK(select(listener + 1, &in, NULL, NULL, NULL) == 1 && FD_ISSET(listener, &in));
    }
    if (!strcmp(how, "epoll")) {
        struct epoll_event e = {EPOLLIN, {0}};
        int set = epoll_create1(0);
        CHECK(set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, listener, &e) == 0 && epoll_wait(set, &e, 1, -1) == 1);
        close(set);
    }
    return accept(listener, NULL, NULL);
}

static void call(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    usleep(limit ? 0 : 300000);
    CHECK(connect(fd, arg, sizeof(struct sockaddr_in)) == 0);
    close(fd);
}

static void *scenario(void *unused)
{
    struct sockaddr_in where;
    struct peer peer;
    int listener = listen_tcp(&where, 5), fd;
    if (!strcmp(how, "nonblock"))
        CHECK(fcntl(listener, F_SETFL, O_NONBLOCK) == 0);
    for (int round = 0; round < 2; round++) {
        if (limit) {
            double start = now();
            CHECK(take(listener) == -1 && errno == ETIMEDOUT && in_time(start));
        }
        peer_start(&peer, call, &where);
        if (round == 1) /* it is in line when it is waited for */
            peer_join(&peer);
        fd = take(listener);
        for (int more = 50; round == 0 && limit && fd < 0 && errno == ETIMEDOUT && more > 0; more--)
            fd = take(listener); /* where the machine is loaded the caller takes its time, too */
        CHECK(fd >= 0);
        if (round == 0)
            peer_join(&peer);
        close(fd);
    }
    close(listener);
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    how = argv[1];
    limit = atoi(argv[2]);
    crowd(atoi(argv[3]), scenario);
    printf("%s: %s\n", how, limit ? "ETIMEDOUT, then a caller" : "a caller");
    return 0;
}
