/*
 * A peer that reads nothing: a write tells what went out when its time is up, and only the next one says ETIMEDOUT;
 * what was told is what the peer gets when it reads at last.
 * usage: timeout_write pipe|unix|tcp write|writev|send|sendmsg|poll|nonblock LIMIT THREADS
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

/* A connected pair of its kind: read from fd[0], write to fd[1]. */
static void make_pair(const char *kind, int fd[2])
{
    struct sockaddr_in where;
    if (!strcmp(kind, "pipe"))
        CHECK(pipe(fd) == 0);
    else if (!strcmp(kind, "unix"))
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    else {
        int listener = listen_tcp(&where, 1);
        CHECK((fd[1] = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
        CHECK(connect(fd[1], (void *)&where, sizeof where) == 0);
        CHECK((fd[0] = accept(listener, NULL, NULL)) >= 0);
        close(listener);
    }
}

static const char *kind, *how;
enum { BIG = 16 << 20 };

static ssize_t deliver(int fd, char *at, size_t n)
{
    struct iovec v[2] = {{at, n / 2}, {at + n / 2, n - n / 2}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    struct pollfd p = {fd, POLLOUT, 0};
    if (!strcmp(how, "writev"))
        return writev(fd, v, 2);
    if (!strcmp(how, "send"))
        return send(fd, at, n, 0);
    if (!strcmp(how, "sendmsg"))
        return sendmsg(fd, &m, 0);
    if (!strcmp(how, "sendto"))
        return sendto(fd, at, n, 0, NULL, 0);
    if (!strcmp(how, "pwritev2"))
        return pwritev2(fd, v, 2, -1, 0);
    if (!strcmp(how, "sendmmsg")) {
        struct mmsghdr mm = {.msg_hdr = m};
        int sent = sendmmsg(fd, &mm, 1, 0);
        return sent == 1 ? (ssize_t)mm.msg_len : -1;
    }
    if (!strcmp(how, "poll") || !strcmp(how, "nonblock") || !strcmp(how, "dontwait"))
        CHECK(poll(&p, 1, -1) == 1);
    if (!strcmp(how, "dontwait"))
        return send(fd, at, n, MSG_DONTWAIT);
    if (!strcmp(how, "select")) {
        fd_set out;
        FD_ZERO(&out);
        FD_SET(fd, &out);
        CHECK(select(fd + 1, NULL, &out, NULL, NULL) == 1);
    }
    if (!strcmp(how, "epoll")) {
        struct epoll_event e = {EPOLLOUT, {0}};
        int set = epoll_create1(0);
        CHECK(set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0 && epoll_wait(set, &e, 1, -1) == 1);
        close(set);
    }
    return write(fd, at, n);
}

struct work {
    int fd;
    size_t want;
};

/* Reads all of it and checks every byte. */
static void take(void *arg)
{
    struct work *w = arg;
    char *buf = malloc(1 << 20);
    if (!limit)
        usleep(300000);
    for (size_t done = 0; done < w->want;) {
        ssize_t n = read(w->fd, buf, 1 << 20);
        CHECK(n > 0);
        for (ssize_t i = 0; i < n; i++)
            CHECK(buf[i] == (char)((done + i) * 7 >> 3));
        done += n;
    }
    free(buf);
}

static void *scenario(void *unused)
{
    int fd[2];
    struct peer peer;
    char *data = malloc(BIG);
    size_t done = 0;
    ssize_t n;
    make_pair(kind, fd);
    if (!strcmp(how, "nonblock"))
        CHECK(fcntl(fd[1], F_SETFL, O_NONBLOCK) == 0);
    for (size_t i = 0; i < BIG; i++)
        data[i] = i * 7 >> 3;
    struct work w = {fd[0], BIG};
    if (!limit) {
        peer_start(&peer, take, &w);
        while (done < BIG) {
            n = deliver(fd[1], data + done, BIG - done);
            CHECK(n > 0);
            CHECK(n == (ssize_t)(BIG - done) || !strcmp(how, "nonblock") || !strcmp(how, "dontwait"));
            done += n;
        }
        peer_join(&peer);
        return NULL;
    }
    double start = now();
    while ((n = deliver(fd[1], data + done, BIG - done)) > 0) {
        CHECK(n < (ssize_t)(BIG - done));
        CHECK(!strcmp(how, "nonblock") || !strcmp(how, "dontwait") || in_time(start)); /* the short count waited for more, in vain */
        done += n;
        start = now();
    }
    CHECK(n == -1 && errno == ETIMEDOUT); /* at once, or after its own time */
    CHECK(now() - start < limit / 1000.0 + 10);
    CHECK(done > 0 && done < BIG);
    w.want = done;
    peer_start(&peer, take, &w);
    peer_join(&peer);
    struct pollfd p = {fd[0], POLLIN, 0};
    CHECK(poll(&p, 1, 0) == 0); /* not a byte more */
    CHECK(write(fd[1], "last", 4) == 4);
    char c[8];
    CHECK(read(fd[0], c, 8) == 4 && !memcmp(c, "last", 4));
    free(data);
    close(fd[0]);
    close(fd[1]);
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 5);
    kind = argv[1];
    how = argv[2];
    limit = atoi(argv[3]);
    crowd(atoi(argv[4]), scenario);
    printf("%s %s: %s\n", kind, how, limit ? "short count, then ETIMEDOUT" : "all written");
    return 0;
}
