/*
 * The flags of send and recv: MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL, MSG_TRUNC, MSG_NOSIGNAL, MSG_OOB, MSG_MORE,
 * MSG_ERRQUEUE, on unix and TCP sockets, with the reader waiting where it may wait.
 * usage: sock_flags THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* After a fork both processes hold both ends: each lets go of the one that is not its own. */
static void drop(int fd)
{
    if (!threaded)
        close(fd);
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

static void tcp(int fd[2])
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof where;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(listener >= 0 && bind(listener, (void *)&where, n) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (void *)&where, &n) == 0);
    CHECK((fd[1] = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    CHECK(connect(fd[1], (void *)&where, n) == 0);
    CHECK((fd[0] = accept(listener, NULL, NULL)) >= 0);
    CHECK(close(listener) == 0);
}

static void dont_wait(int in, int out)
{
    char c[64], *block = calloc(1, 1 << 20);
    struct iovec v = {c, sizeof c};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    struct mmsghdr mm = {.msg_hdr = m};
    ssize_t n;
    size_t sum = 0;
    CHECK(recv(in, c, sizeof c, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    CHECK(recvfrom(in, c, sizeof c, MSG_DONTWAIT, NULL, NULL) == -1 && errno == EAGAIN);
    CHECK(recvmsg(in, &m, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    CHECK(recvmmsg(in, &mm, 1, MSG_DONTWAIT, NULL) == -1 && errno == EAGAIN);
    CHECK(recv(in, c, sizeof c, MSG_DONTWAIT | MSG_PEEK) == -1 && errno == EAGAIN);
    CHECK(recv(in, c, sizeof c, MSG_DONTWAIT | MSG_WAITALL) == -1 && errno == EAGAIN);
    while ((n = send(out, block, 1 << 20, MSG_DONTWAIT)) > 0)
        sum += n;
    CHECK(n == -1 && errno == EAGAIN);
    CHECK(sendto(out, block, 1 << 20, MSG_DONTWAIT, NULL, 0) == -1 && errno == EAGAIN);
    while (sum > 0) {
        n = recv(in, block, 1 << 20, 0);
        CHECK(n > 0);
        sum -= n;
    }
    free(block);
}

static void send_hello(void *arg)
{
    usleep(20000);
    CHECK(send(*(int *)arg, "hello", 5, MSG_NOSIGNAL) == 5);
}

static void peek(int in, int out)
{
    char c[16];
    struct peer peer;
    peer_start(&peer, send_hello, &out);
    CHECK(recv(in, c, sizeof c, MSG_PEEK) == 5 && !memcmp(c, "hello", 5)); /* waits */
    CHECK(recv(in, c, 2, MSG_PEEK) == 2);
    CHECK(recv(in, c, sizeof c, 0) == 5);
    CHECK(recv(in, c, sizeof c, MSG_PEEK | MSG_DONTWAIT) == -1 && errno == EAGAIN);
    peer_join(&peer);
}

struct ends {
    int mine, other;
};

static void send_in_parts(void *arg)
{
    struct ends *e = arg;
    drop(e->other);
    for (int i = 0; i < 5; i++) {
        usleep(5000);
        CHECK(send(e->mine, "abcd", 4, 0) == 4);
    }
    usleep(5000);
    CHECK(send(e->mine, "end", 3, 0) == 3);
    CHECK(shutdown(e->mine, SHUT_WR) == 0);
}

static void wait_all(int in, int out)
{
    char c[64];
    struct iovec v[2] = {{c, 5}, {c + 5, 3}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    struct ends e = {out, in};
    struct peer peer;
    peer_start(&peer, send_in_parts, &e);
    CHECK(recv(in, c, 12, MSG_WAITALL) == 12 && !memcmp(c, "abcdabcdabcd", 12));
    CHECK(recvmsg(in, &m, MSG_WAITALL) == 8 && !memcmp(c, "abcdabcd", 8));
    CHECK(recv(in, c, 64, MSG_WAITALL) == 3 && !memcmp(c, "end", 3)); /* the end cuts it short */
    CHECK(recv(in, c, 64, MSG_WAITALL) == 0);
    peer_join(&peer);
}

static void no_signal(int fd)
{
    struct iovec v = {"x", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    struct mmsghdr mm = {.msg_hdr = m};
    CHECK(send(fd, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
    CHECK(sendto(fd, "x", 1, MSG_NOSIGNAL, NULL, 0) == -1 && errno == EPIPE);
    CHECK(sendmsg(fd, &m, MSG_NOSIGNAL) == -1 && errno == EPIPE);
    CHECK(sendmmsg(fd, &mm, 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
}

static void send_urgent(void *arg)
{
    CHECK(send(*(int *)arg, "abc", 3, 0) == 3);
    CHECK(send(*(int *)arg, "X", 1, MSG_OOB) == 1);
    CHECK(send(*(int *)arg, "def", 3, 0) == 3);
}

static void urgent(void)
{
    int fd[2], on = 1;
    char c[16];
    struct peer peer;
    tcp(fd);
    CHECK(recv(fd[0], c, 1, MSG_OOB) == -1 && errno == EINVAL);
    CHECK(recv(fd[0], c, 1, MSG_ERRQUEUE) == -1 && errno == EAGAIN); /* never waits */
    peer_start(&peer, send_urgent, &fd[1]);
    peer_join(&peer);
    while (recv(fd[0], c, 1, MSG_OOB) != 1)
        CHECK(errno == EAGAIN || errno == EINVAL);
    CHECK(c[0] == 'X');
    CHECK(recv(fd[0], c, 16, 0) == 3 && !memcmp(c, "abc", 3)); /* up to the mark */
    CHECK(sockatmark(fd[0]) == 1);
    CHECK(recv(fd[0], c, 3, MSG_WAITALL) == 3 && !memcmp(c, "def", 3));
    CHECK(setsockopt(fd[0], SOL_SOCKET, SO_OOBINLINE, &on, sizeof on) == 0);
    CHECK(send(fd[1], "Y", 1, MSG_OOB) == 1);
    CHECK(recv(fd[0], c, 16, 0) == 1 && c[0] == 'Y');
    close(fd[0]);
    close(fd[1]);
}

static void more(void)
{
    int fd[2];
    char c[16];
    tcp(fd);
    CHECK(send(fd[1], "one", 3, MSG_MORE) == 3);
    CHECK(send(fd[1], "two", 3, 0) == 3);
    CHECK(recv(fd[0], c, 6, MSG_WAITALL) == 6 && !memcmp(c, "onetwo", 6));
    /* What was received is thrown away, and counted, with MSG_TRUNC on TCP. */
    CHECK(send(fd[1], "gone", 4, 0) == 4);
    c[0] = '-';
    CHECK(recv(fd[0], c, 16, MSG_TRUNC) == 4 && c[0] == '-');
    close(fd[0]);
    close(fd[1]);
}

static void *scenario(void *unused)
{
    for (int kind = 0; kind < 2; kind++) {
        int fd[2];
        if (kind)
            tcp(fd);
        else
            CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
        dont_wait(fd[0], fd[1]);
        peek(fd[0], fd[1]);
        wait_all(fd[0], fd[1]);
        no_signal(fd[1]);
        close(fd[0]);
        close(fd[1]);
    }
    urgent();
    more();
    CHECK(send(-1, "x", 1, 0) == -1 && errno == EBADF);
    CHECK(send(0x7fffffff, "x", 1, MSG_DONTWAIT) == -1 && errno == EBADF);
    int p[2];
    char c;
    CHECK(pipe(p) == 0);
    CHECK(send(p[1], "x", 1, 0) == -1 && errno == ENOTSOCK);
    CHECK(recv(p[0], &c, 1, 0) == -1 && errno == ENOTSOCK);
    CHECK(accept(p[0], NULL, NULL) == -1 && errno == ENOTSOCK);
    close(p[0]);
    close(p[1]);
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("flags ok");
    return 0;
}
