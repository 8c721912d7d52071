/*
 * The program's own epoll sets: edge-triggered, one-shot, exclusive, one set in another, changed while a thread waits,
 * shared by waiting threads.
 * usage: poll_epoll THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
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

static int ctl(int set, int op, int fd, unsigned events)
{
    struct epoll_event e = {events, {.fd = fd}};
    return epoll_ctl(set, op, fd, &e);
}

static int wait_one(int set, int ms, int fd)
{
    struct epoll_event e = {0};
    int n = epoll_wait(set, &e, 1, ms);
    if (n == 1)
        CHECK(e.data.fd == fd);
    return n;
}

static void edge(void)
{
    int fd[2], set = epoll_create1(0);
    char c[8];
    CHECK(pipe(fd) == 0 && ctl(set, EPOLL_CTL_ADD, fd[0], EPOLLIN | EPOLLET) == 0);
    CHECK(wait_one(set, 0, fd[0]) == 0);
    CHECK(write(fd[1], "ab", 2) == 2);
    CHECK(wait_one(set, -1, fd[0]) == 1);
    CHECK(wait_one(set, 0, fd[0]) == 0); /* told once */
    CHECK(read(fd[0], c, 1) == 1);
    CHECK(wait_one(set, 0, fd[0]) == 0); /* what is left is no new edge */
    CHECK(write(fd[1], "c", 1) == 1);
    CHECK(wait_one(set, -1, fd[0]) == 1);
    CHECK(read(fd[0], c, 8) == 2);
    CHECK(ctl(set, EPOLL_CTL_MOD, fd[0], EPOLLIN | EPOLLET) == 0);
    CHECK(wait_one(set, 0, fd[0]) == 0);
    CHECK(close(fd[1]) == 0);
    CHECK(wait_one(set, -1, fd[0]) == 1);
    close(fd[0]);
    close(set);
}

static void one_shot(void)
{
    int fd[2], set = epoll_create1(0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    CHECK(ctl(set, EPOLL_CTL_ADD, fd[0], EPOLLIN | EPOLLONESHOT) == 0);
    CHECK(write(fd[1], "a", 1) == 1);
    CHECK(wait_one(set, -1, fd[0]) == 1);
    CHECK(wait_one(set, 10, fd[0]) == 0);
    CHECK(ctl(set, EPOLL_CTL_MOD, fd[0], EPOLLIN | EPOLLONESHOT) == 0);
    CHECK(wait_one(set, -1, fd[0]) == 1);
    CHECK(ctl(set, EPOLL_CTL_DEL, fd[0], 0) == 0);
    CHECK(ctl(set, EPOLL_CTL_DEL, fd[0], 0) == -1 && errno == ENOENT);
    CHECK(ctl(set, EPOLL_CTL_ADD, fd[0], EPOLLIN | EPOLLEXCLUSIVE) == 0);
    CHECK(wait_one(set, -1, fd[0]) == 1);
    close(fd[0]);
    close(fd[1]);
    close(set);
}

struct change {
    int set, fd, write_to;
};

static void add_late(void *arg)
{
    struct change *c = arg;
    usleep(20000);
    CHECK(ctl(c->set, EPOLL_CTL_ADD, c->fd, EPOLLIN) == 0);
    usleep(10000);
    CHECK(write(c->write_to, "12345678", 8) == 8);
}

static void modify_late(void *arg)
{
    struct change *c = arg;
    usleep(20000);
    CHECK(ctl(c->set, EPOLL_CTL_MOD, c->fd, EPOLLIN | EPOLLOUT) == 0);
}

/* Changed by another thread, or by a child that shares the set. */
static void changed(void)
{
    int fd[2], set = epoll_create1(0);
    char c[8];
    struct peer peer;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    struct change change = {set, fd[0], fd[1]};
    peer_start(&peer, add_late, &change);
    CHECK(wait_one(set, -1, fd[0]) == 1);
    peer_join(&peer);
    CHECK(read(fd[0], c, 8) == 8);
    peer_start(&peer, modify_late, &change);
    CHECK(wait_one(set, -1, fd[0]) == 1);
    peer_join(&peer);
    close(fd[0]);
    close(fd[1]);
    close(set);
}

static void write_late(void *arg)
{
    usleep(20000);
    CHECK(write(*(int *)arg, "12345678", 8) == 8);
}

static void nested(void)
{
    int fd[2], inner = epoll_create1(0), outer = epoll_create1(0);
    struct peer peer;
    char c[8];
    CHECK(pipe(fd) == 0 && ctl(inner, EPOLL_CTL_ADD, fd[0], EPOLLIN) == 0);
    CHECK(ctl(outer, EPOLL_CTL_ADD, inner, EPOLLIN) == 0);
    CHECK(ctl(inner, EPOLL_CTL_ADD, outer, EPOLLIN) == -1 && errno == ELOOP);
    CHECK(wait_one(outer, 0, inner) == 0);
    peer_start(&peer, write_late, &fd[1]);
    CHECK(wait_one(outer, -1, inner) == 1);
    CHECK(wait_one(inner, 0, fd[0]) == 1);
    peer_join(&peer);
    CHECK(read(fd[0], c, 8) == 8);
    struct pollfd p = {outer, POLLIN, 0};
    CHECK(poll(&p, 1, 0) == 0);
    peer_start(&peer, write_late, &fd[1]);
    CHECK(poll(&p, 1, -1) == 1 && p.revents == POLLIN);
    peer_join(&peer);
    close(inner);
    CHECK(wait_one(outer, 0, inner) == 0);
    close(outer);
    close(fd[0]);
    close(fd[1]);
}

/* Several waiters on one set: with one-shot each readiness goes to one of them. */
enum { JOBS = 60, WORKERS = 4 };

struct shared {
    int set, in[JOBS], out[JOBS], stop;
    int done[JOBS];
};

static void work(void *arg)
{
    struct shared *s = arg;
    for (;;) {
        struct epoll_event e;
        CHECK(epoll_wait(s->set, &e, 1, -1) == 1);
        if ((int)e.data.u32 == JOBS)
            return;
        char c;
        CHECK(read(s->in[e.data.u32], &c, 1) == 1);
        CHECK(write(s->out[e.data.u32], &c, 1) == 1);
    }
}

static void workers(void)
{
    struct shared s = {.set = epoll_create1(0), .stop = eventfd(0, 0)};
    struct peer peer[WORKERS];
    int far[JOBS];
    char c;
    for (int i = 0; i < JOBS; i++) {
        int fd[2];
        struct epoll_event e = {EPOLLIN | EPOLLONESHOT, {.u32 = i}};
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
        s.in[i] = s.out[i] = fd[0];
        far[i] = fd[1];
        CHECK(epoll_ctl(s.set, EPOLL_CTL_ADD, fd[0], &e) == 0);
    }
    struct epoll_event stop = {EPOLLIN, {.u32 = JOBS}};
    CHECK(epoll_ctl(s.set, EPOLL_CTL_ADD, s.stop, &stop) == 0);
    for (int i = 0; i < WORKERS; i++)
        peer_start(&peer[i], work, &s);
    for (int i = 0; i < JOBS; i++)
        CHECK(write(far[i], "j", 1) == 1);
    for (int i = 0; i < JOBS; i++)
        CHECK(read(far[i], &c, 1) == 1);
    CHECK(eventfd_write(s.stop, 1) == 0);
    for (int i = 0; i < WORKERS; i++)
        peer_join(&peer[i]);
    for (int i = 0; i < JOBS; i++) {
        close(far[i]);
        close(s.in[i]);
    }
    close(s.set);
    close(s.stop);
}

static void *scenario(void *unused)
{
    edge();
    one_shot();
    changed();
    nested();
    workers();
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("epoll sets ok");
    return 0;
}
