/*
 * A peer that never answers a connect (its queue is full): ETIMEDOUT, at once from connect or by SO_ERROR after a
 * wait; the socket can then connect elsewhere.
 * usage: timeout_connect block|poll|again|select|epoll|unix LIMIT THREADS
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
#include <sys/un.h>
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
enum { FILL = 6 };

/* Blocking connect, as its caller sees it, or one that the program drives itself. */
static int attempt(int fd, struct sockaddr_in *where)
{
    struct pollfd p = {fd, POLLOUT, 0};
    struct epoll_event e = {EPOLLOUT, {0}};
    socklen_t n = sizeof(int);
    fd_set out;
    int error, set;
    if (!strcmp(how, "block"))
        return connect(fd, (void *)where, sizeof *where);
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    if (connect(fd, (void *)where, sizeof *where) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return -1;
    if (!strcmp(how, "poll") || !strcmp(how, "again"))
        CHECK(poll(&p, 1, -1) == 1);
    else if (!strcmp(how, "select")) {
        FD_ZERO(&out);
        FD_SET(fd, &out);
        CHECK(select(fd + 1, NULL, &out, NULL, NULL) == 1);
    } else {
        CHECK((set = epoll_create1(0)) >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0);
        CHECK(epoll_wait(set, &e, 1, -1) == 1);
        close(set);
    }
    if (!strcmp(how, "again")) /* some ask connect itself how it went */
        return connect(fd, (void *)where, sizeof *where) == 0 || errno == EISCONN ? 0 : -1;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0);
    errno = error;
    return error ? -1 : 0;
}

/* Makes room after a while; the kernel asks again after a second. */
static void accept_later(void *arg)
{
    usleep(300000);
    for (int i = 0; i < FILL; i++) {
        struct pollfd p = {*(int *)arg, POLLIN, 0};
        if (poll(&p, 1, 100) == 1)
            close(accept(*(int *)arg, NULL, NULL));
    }
}

static void tcp(void)
{
    struct sockaddr_in full, good;
    int listener = listen_tcp(&full, 0), other = listen_tcp(&good, 5), fill[FILL], fd;
    struct peer peer;
    for (int i = 0; i < FILL; i++) {
        CHECK((fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) >= 0);
        CHECK(connect(fill[i], (void *)&full, sizeof full) == 0 || errno == EINPROGRESS);
    }
    CHECK((fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    if (limit) {
        double start = now();
        CHECK(attempt(fd, &full) == -1 && errno == ETIMEDOUT);
        CHECK(in_time(start));
        CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0);
        CHECK(connect(fd, (void *)&good, sizeof good) == 0); /* still a good socket */
        int conn = accept(other, NULL, NULL);
        char c;
        CHECK(conn >= 0 && write(fd, "x", 1) == 1 && read(conn, &c, 1) == 1);
        close(conn);
    } else {
        peer_start(&peer, accept_later, &listener);
        CHECK(attempt(fd, &full) == 0);
        peer_join(&peer);
    }
    close(fd);
    for (int i = 0; i < FILL; i++)
        close(fill[i]);
    close(listener);
    close(other);
}

static void local(void)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    socklen_t n = sizeof(sa_family_t);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), a = socket(AF_UNIX, SOCK_STREAM, 0),
        b = socket(AF_UNIX, SOCK_STREAM, 0), conn;
    struct peer peer;
    CHECK(bind(listener, (void *)&where, n) == 0 && listen(listener, 0) == 0);
    n = sizeof where;
    CHECK(getsockname(listener, (void *)&where, &n) == 0);
    CHECK(connect(a, (void *)&where, n) == 0);
    if (limit) {
        double start = now();
        CHECK(connect(b, (void *)&where, n) == -1 && errno == ETIMEDOUT);
        CHECK(in_time(start));
        CHECK(!(fcntl(b, F_GETFL) & O_NONBLOCK));
        CHECK((conn = accept(listener, NULL, NULL)) >= 0);
        CHECK(connect(b, (void *)&where, n) == 0);
        close(conn);
    } else {
        peer_start(&peer, accept_later, &listener);
        CHECK(connect(b, (void *)&where, n) == 0);
        peer_join(&peer);
    }
    close(a);
    close(b);
    close(listener);
}

static void *scenario(void *unused)
{
    if (!strcmp(how, "unix"))
        local();
    else
        tcp();
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    how = argv[1];
    limit = atoi(argv[2]);
    crowd(atoi(argv[3]), scenario);
    printf("connect %s: %s\n", how, limit ? "ETIMEDOUT" : "done at last");
    return 0;
}
