/*
 * SO_RCVTIMEO and SO_SNDTIMEO set by the program: EAGAIN after about the time (EINPROGRESS for connect), in every call,
 * and what comes in time is delivered.
 * usage: sock_timeo THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
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

/* 0.1 s; the kernel counts in ticks, hence a little less; the machine may be slow, hence much more. */
#define LATE(call)                                                                                                     \
    do {                                                                                                               \
        double start_ = now();                                                                                         \
        CHECK((call) == -1 && errno == EAGAIN);                                                                        \
        CHECK(now() - start_ > 0.09 && now() - start_ < 10);                                                           \
    } while (0)

static void limit(int fd, int what)
{
    struct timeval tenth = {0, 100000};
    CHECK(setsockopt(fd, SOL_SOCKET, what, &tenth, sizeof tenth) == 0);
}

static void send_in_time(void *arg)
{
    usleep(20000);
    CHECK(write(*(int *)arg, "in time", 7) == 7);
}

static void receiving(int in, int out)
{
    char c[16];
    ssize_t n;
    struct iovec v = {c, sizeof c};
    struct mmsghdr m = {.msg_hdr = {.msg_iov = &v, .msg_iovlen = 1}};
    struct peer peer;
    limit(in, SO_RCVTIMEO);
    LATE(read(in, c, sizeof c));
    LATE(readv(in, &v, 1));
    LATE(recv(in, c, sizeof c, 0));
    LATE(recvfrom(in, c, sizeof c, 0, NULL, NULL));
    LATE(recvmsg(in, &m.msg_hdr, 0));
    LATE(recvmmsg(in, &m, 1, 0, NULL));
    LATE(recv(in, c, sizeof c, MSG_PEEK));
    peer_start(&peer, send_in_time, &out);
    while ((n = recv(in, c, sizeof c, 0)) == -1) /* a slow machine: not in time */
        CHECK(errno == EAGAIN);
    CHECK(n == 7);
    peer_join(&peer);
    peer_start(&peer, send_in_time, &out);
    while ((n = recv(in, c, sizeof c, MSG_WAITALL)) == -1)
        CHECK(errno == EAGAIN);
    CHECK(n == 7); /* what came before the time was up */
    peer_join(&peer);
    LATE(read(in, c, sizeof c));
}

static void sending(int in, int out)
{
    char *block = calloc(1, 8 << 20);
    struct iovec v = {block, 8 << 20};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    size_t sum = 0;
    ssize_t n;
    limit(out, SO_SNDTIMEO);
    double start = now();
    while ((n = write(out, block, 8 << 20)) > 0) { /* the first time short, after the time */
        CHECK(n < 8 << 20);
        sum += n;
    }
    CHECK(n == -1 && errno == EAGAIN && now() - start > 0.09);
    LATE(send(out, block, 8 << 20, 0));
    LATE(sendmsg(out, &m, 0));
    LATE(writev(out, &v, 1));
    while (sum > 0) {
        n = read(in, block, 8 << 20);
        CHECK(n > 0);
        sum -= n;
    }
    CHECK(recv(in, block, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    free(block);
}

static void accepting(void)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof where;
    int fd = socket(AF_INET, SOCK_STREAM, 0), c, conn;
    CHECK(bind(fd, (void *)&where, n) == 0 && listen(fd, 0) == 0 && getsockname(fd, (void *)&where, &n) == 0);
    limit(fd, SO_RCVTIMEO);
    LATE(accept(fd, NULL, NULL));
    LATE(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
    c = socket(AF_INET, SOCK_STREAM, 0);
    limit(c, SO_SNDTIMEO);
    CHECK(connect(c, (void *)&where, n) == 0);
    CHECK((conn = accept(fd, NULL, NULL)) >= 0);
    close(conn);
    close(c);

    /* A queue that is full never answers. */
    int fill[8];
    for (int i = 0; i < 8; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        CHECK(connect(fill[i], (void *)&where, n) == 0 || errno == EINPROGRESS);
    }
    c = socket(AF_INET, SOCK_STREAM, 0);
    limit(c, SO_SNDTIMEO);
    double start = now();
    CHECK(connect(c, (void *)&where, n) == -1 && errno == EINPROGRESS);
    CHECK(now() - start > 0.09 && now() - start < 10);
    close(c);
    for (int i = 0; i < 8; i++)
        close(fill[i]);
    close(fd);
}

static void connecting_unix(void)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    socklen_t n = sizeof(sa_family_t);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(fd, (void *)&where, n) == 0 && listen(fd, 0) == 0);
    n = sizeof where;
    CHECK(getsockname(fd, (void *)&where, &n) == 0);
    CHECK(connect(a, (void *)&where, n) == 0);
    limit(b, SO_SNDTIMEO);
    LATE(connect(b, (void *)&where, n));
    close(a);
    close(b);
    close(fd);
}

static void *scenario(void *unused)
{
    int fd[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    receiving(fd[0], fd[1]);
    sending(fd[0], fd[1]);
    close(fd[0]);
    close(fd[1]);
    accepting();
    connecting_unix();
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("SO_RCVTIMEO and SO_SNDTIMEO ok");
    return 0;
}
