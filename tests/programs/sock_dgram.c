/*
 * Datagrams: addresses, connected and not, truncation, several messages a call, a receiver that waits for each, a
 * sender that waits for room (unix), a refusal that comes back (UDP).
 * usage: sock_dgram THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static int udp(struct sockaddr_in *me)
{
    socklen_t n = sizeof *me;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    *me = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(fd >= 0 && bind(fd, (void *)me, n) == 0 && getsockname(fd, (void *)me, &n) == 0);
    return fd;
}

struct talk {
    int fd, other;
    struct sockaddr_in me, you;
};

/* Answers each datagram to where it came from, with one more byte. */
static void answer(void *arg)
{
    struct talk *t = arg;
    char c[2000];
    for (int i = 0; i < 50; i++) {
        struct sockaddr_in from;
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(t->other, c, sizeof c, 0, (void *)&from, &len);
        CHECK(n >= 0 && len == sizeof from && from.sin_port == t->me.sin_port);
        c[n] = '!';
        CHECK(sendto(t->other, c, n + 1, 0, (void *)&from, len) == n + 1);
    }
}

static void ask(struct talk *t)
{
    struct peer peer;
    char c[2000], back[2000];
    peer_start(&peer, answer, t);
    for (int i = 0; i < 50; i++) {
        struct sockaddr_in from = {0};
        struct iovec v = {back, sizeof back};
        struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &v, .msg_iovlen = 1};
        int n = i * 31 % 1500;
        memset(c, 'a' + i % 26, n);
        CHECK(sendto(t->fd, c, n, 0, (void *)&t->you, sizeof t->you) == n);
        if (i % 2)
            CHECK(recvmsg(t->fd, &m, 0) == n + 1 && m.msg_namelen == sizeof from);
        else {
            socklen_t len = sizeof from;
            CHECK(recvfrom(t->fd, back, sizeof back, 0, (void *)&from, &len) == n + 1);
        }
        CHECK(from.sin_port == t->you.sin_port && !memcmp(c, back, n) && back[n] == '!');
    }
    peer_join(&peer);
}

static void truncation(struct talk *t)
{
    char c[4];
    struct iovec v = {c, 4};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    for (int i = 0; i < 3; i++)
        CHECK(sendto(t->other, "0123456789", 10, 0, (void *)&t->me, sizeof t->me) == 10);
    CHECK(recv(t->fd, c, 4, 0) == 4);
    CHECK(recv(t->fd, c, 4, MSG_TRUNC) == 10);
    CHECK(recvmsg(t->fd, &m, 0) == 4 && (m.msg_flags & MSG_TRUNC));
    CHECK(recv(t->fd, c, 4, MSG_DONTWAIT) == -1 && errno == EAGAIN);
}

static void send_three(void *arg)
{
    struct talk *t = arg;
    for (int i = 0; i < 3; i++) {
        usleep(10000);
        CHECK(sendto(t->other, "abc", i + 1, 0, (void *)&t->me, sizeof t->me) == i + 1);
    }
}

static void several_in_time(struct talk *t, struct mmsghdr m[4])
{
    struct timespec bad = {.tv_nsec = 2000000000}, past = {-1, 0}, none = {0, 0};
    struct peer peer;
    CHECK(recvmmsg(t->fd, m, 3, 0, &bad) == -1 && errno == EINVAL);
    CHECK(recvmmsg(t->fd, m, 3, 0, &past) == -1 && errno == EINVAL);
    CHECK(recvmmsg(-1, m, 3, 0, &past) == -1 && errno == EINVAL);
    CHECK(recvmmsg(-1, m, 3, 0, &none) == -1 && errno == EBADF);
    peer_start(&peer, send_three, t);
    for (int i = 0; i < 3; i++) { /* over after one, although more may be there */
        CHECK(recvmmsg(t->fd, m, 3, 0, &none) == 1 && m[0].msg_len == (unsigned)i + 1);
        CHECK(none.tv_sec == 0 && none.tv_nsec == 0);
    }
    peer_join(&peer);
}

static void several(struct talk *t)
{
    char c[4][16];
    struct iovec v[4];
    struct mmsghdr m[4];
    struct timespec soon = {.tv_sec = 20};
    struct peer peer;
    memset(m, 0, sizeof m);
    for (int i = 0; i < 4; i++) {
        v[i] = (struct iovec){"0123456789", i + 2};
        m[i].msg_hdr =
            (struct msghdr){.msg_name = &t->you, .msg_namelen = sizeof t->you, .msg_iov = &v[i], .msg_iovlen = 1};
    }
    CHECK(sendmmsg(t->fd, m, 4, 0) == 4);
    for (int i = 0; i < 4; i++)
        CHECK(m[i].msg_len == (unsigned)i + 2);

    memset(m, 0, sizeof m);
    for (int i = 0; i < 4; i++) {
        v[i] = (struct iovec){c[i], 16};
        m[i].msg_hdr = (struct msghdr){.msg_iov = &v[i], .msg_iovlen = 1};
    }
    CHECK(recvmmsg(t->other, m, 4, 0, NULL) == 4);
    for (int i = 0; i < 4; i++)
        CHECK(m[i].msg_len == (unsigned)i + 2);
    CHECK(recvmmsg(t->other, m, 4, MSG_DONTWAIT, NULL) == -1 && errno == EAGAIN);

    /* Waits for all three; with MSG_WAITFORONE for one. */
    peer_start(&peer, send_three, t);
    CHECK(recvmmsg(t->fd, m, 3, 0, NULL) == 3);
    for (int i = 0; i < 3; i++)
        CHECK(m[i].msg_len == (unsigned)i + 1);
    peer_join(&peer);
    peer_start(&peer, send_three, t);
    int n = recvmmsg(t->fd, m, 4, MSG_WAITFORONE, NULL);
    CHECK(n >= 1 && n <= 3);
    for (; n < 3; n++)
        CHECK(recv(t->fd, c[0], 16, 0) == n + 1);
    peer_join(&peer);

    /* The time of recvmmsg is looked at after each message only. */
    peer_start(&peer, send_three, t);
    CHECK(recvmmsg(t->fd, m, 3, 0, &soon) == 3);
    CHECK(soon.tv_sec < 20 && soon.tv_nsec >= 0 && soon.tv_nsec < 1000000000); /* what is left of it */
    peer_join(&peer);
    several_in_time(t, m);
}

static void refused(void)
{
    struct sockaddr_in me, gone;
    char c;
    int fd = udp(&me), other = udp(&gone);
    CHECK(close(other) == 0);
    CHECK(connect(fd, (void *)&gone, sizeof gone) == 0);
    CHECK(send(fd, "x", 1, 0) == 1);
    CHECK(recv(fd, &c, 1, 0) == -1 && errno == ECONNREFUSED);
    close(fd);
}

static void connected(struct talk *t)
{
    char c[8];
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    CHECK(send(t->fd, "x", 1, 0) == -1 && errno == EDESTADDRREQ);
    CHECK(connect(t->fd, (void *)&t->you, sizeof t->you) == 0);
    CHECK(send(t->fd, "to", 2, 0) == 2 && write(t->fd, "you", 3) == 3);
    CHECK(recv(t->other, c, 8, 0) == 2 && read(t->other, c, 8) == 3);
    CHECK(connect(t->fd, &nowhere, sizeof nowhere) == 0);
}

static void take_slowly(void *arg)
{
    char c[64];
    for (int i = 0; i < 200; i++) {
        if (i < 3)
            usleep(10000);
        CHECK(recv(*(int *)arg, c, sizeof c, 0) == 4 && *(int *)c == i);
    }
}

/* A unix datagram socket holds few messages: the sender waits for the receiver. */
static void room(void)
{
    int fd[2];
    struct peer peer;
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) == 0);
    peer_start(&peer, take_slowly, &fd[0]);
    for (int i = 0; i < 200; i++) {
        struct iovec v = {&i, 4};
        struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
        CHECK((i % 3 ? send(fd[1], &i, 4, 0) : sendmsg(fd[1], &m, 0)) == 4);
    }
    peer_join(&peer);
    close(fd[0]);
    close(fd[1]);
}

static void *scenario(void *unused)
{
    struct talk t;
    t.fd = udp(&t.me);
    t.other = udp(&t.you);
    ask(&t);
    truncation(&t);
    several(&t);
    connected(&t);
    refused();
    room();
    close(t.fd);
    close(t.other);
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("datagrams ok");
    return 0;
}
