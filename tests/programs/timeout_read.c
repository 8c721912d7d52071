/*
 * A peer that says nothing: the read ends with ETIMEDOUT when its time is up, also where the program waited in poll,
 * select or epoll first; nothing is taken, so what comes later is read by the next call.
 * usage: timeout_read pipe|unix|tcp HOW LIMIT THREADS
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

/* Waits until it can be read, as the program that is asked for does. */
static void wait_first(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    struct epoll_event e = {EPOLLIN, {.fd = fd}}, got = {0};
    fd_set in;
    int set;
    if (strstr(how, "poll") && !strstr(how, "epoll")) {
        CHECK((strstr(how, "ppoll") ? ppoll(&p, 1, NULL, NULL) : poll(&p, 1, strstr(how, "finite") ? 60000 : -1)) == 1);
        CHECK(p.revents & (POLLIN | POLLERR | POLLHUP));
    } else if (strstr(how, "select")) {
        FD_ZERO(&in);
        FD_SET(fd, &in);
        CHECK((strstr(how, "pselect") ? pselect(fd + 1, &in, NULL, NULL, NULL, NULL)
                                      : select(fd + 1, &in, NULL, NULL, NULL)) == 1);
        CHECK(FD_ISSET(fd, &in));
    } else {
        if (strstr(how, "edge"))
            e.events |= EPOLLET;
        CHECK((set = epoll_create1(0)) >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0);
        CHECK(epoll_wait(set, &got, 1, -1) == 1 && got.data.fd == fd);
        CHECK(got.events & (EPOLLIN | EPOLLERR | EPOLLHUP));
        close(set);
    }
}

static ssize_t receive(int fd, char *c, size_t n)
{
    struct iovec v = {c, n};
    struct mmsghdr m = {.msg_hdr = {.msg_iov = &v, .msg_iovlen = 1}};
    if (!strcmp(how, "readv"))
        return readv(fd, &v, 1);
    if (!strcmp(how, "preadv2"))
        return preadv2(fd, &v, 1, -1, 0);
    if (!strcmp(how, "recv"))
        return recv(fd, c, n, 0);
    if (!strcmp(how, "peek")) {
        ssize_t got = recv(fd, c, n, MSG_PEEK);
        return got < 0 ? got : recv(fd, c, n, 0);
    }
    char control[256];
    if (!strcmp(how, "waitall"))
        return recv(fd, c, 4, MSG_WAITALL);
    if (!strcmp(how, "waitall-peek")) {
        ssize_t got = recv(fd, c, 4, MSG_WAITALL | MSG_PEEK);
        return got < 0 ? got : recv(fd, c, n, 0);
    }
    if (!strncmp(how, "waitall-msg", 11)) {
        struct iovec two[2] = {{c, 1}, {c + 1, 3}};
        m.msg_hdr.msg_iov = two;
        m.msg_hdr.msg_iovlen = 2;
        if (!strcmp(how, "waitall-msg-control")) {
            m.msg_hdr.msg_control = control;
            m.msg_hdr.msg_controllen = sizeof control;
        }
        return recvmsg(fd, &m.msg_hdr, MSG_WAITALL);
    }
    if (!strcmp(how, "recvfrom"))
        return recvfrom(fd, c, n, 0, NULL, NULL);
    if (!strcmp(how, "recvmsg"))
        return recvmsg(fd, &m.msg_hdr, 0);
    if (!strcmp(how, "recvmmsg"))
        return recvmmsg(fd, &m, 1, 0, NULL) == 1 ? (int)m.msg_len : -1;
    if (strcmp(how, "read")) { /* name-then-read, name-then-recv, with a non-blocking descriptor or not */
        wait_first(fd);
        if (strstr(how, "recvmmsg"))
            return recvmmsg(fd, &m, 1, strstr(how, "dontwait") ? MSG_DONTWAIT : 0, NULL) == 1 ? (int)m.msg_len : -1;
        if (strstr(how, "recvmsg"))
            return recvmsg(fd, &m.msg_hdr, strstr(how, "dontwait") ? MSG_DONTWAIT : 0);
        if (strstr(how, "recv"))
            return recv(fd, c, n, strstr(how, "dontwait") ? MSG_DONTWAIT : 0);
    }
    return read(fd, c, n);
}

static void answer(void *arg)
{
    usleep(300000);
    CHECK(write(*(int *)arg, "data", 4) == 4);
}

static void *scenario(void *unused)
{
    int fd[2], flags;
    char c[16];
    struct peer peer;
    make_pair(kind, fd);
    if (strstr(how, "nonblock"))
        CHECK(fcntl(fd[0], F_SETFL, O_NONBLOCK) == 0);
    flags = fcntl(fd[0], F_GETFL);
    for (int round = 0; round < 2; round++) {
        if (limit) {
            double start = now();
            errno = 0;
            CHECK(receive(fd[0], c, sizeof c) == -1 && errno == ETIMEDOUT);
            CHECK(in_time(start));
        }
        if (!limit)
            peer_start(&peer, answer, &fd[1]);
        else
            CHECK(write(fd[1], "data", 4) == 4);
        CHECK(receive(fd[0], c, sizeof c) == 4 && !memcmp(c, "data", 4));
        if (!limit)
            peer_join(&peer);
    }
    CHECK(fcntl(fd[0], F_GETFL) == flags);
    close(fd[1]);
    CHECK(receive(fd[0], c, sizeof c) == 0);
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 5);
    kind = argv[1];
    how = argv[2];
    limit = atoi(argv[3]);
    crowd(atoi(argv[4]), scenario);
    printf("%s %s: %s\n", kind, how, limit ? "ETIMEDOUT, and nothing lost" : "answered");
    return 0;
}
