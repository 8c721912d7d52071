/*
 * Ancillary data: descriptors and credentials sent to a receiver that waits, a control buffer that is too small,
 * close-on-exec on the way in; the received descriptors work.
 * usage: sock_rights THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
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

struct pass {
    int to;
    int fd[3];
    int n;
};

static void send_descriptors(void *arg)
{
    struct pass *p = arg;
    char control[CMSG_SPACE(sizeof p->fd)] = "";
    struct iovec v = {"descriptors", 11};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(p->n * sizeof(int))};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    usleep(10000);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(p->n * sizeof(int));
    memcpy(CMSG_DATA(c), p->fd, p->n * sizeof(int));
    CHECK(sendmsg(p->to, &m, 0) == 11);
}

static int receive(int fd, int flags, size_t room, int got[3], int *out_flags)
{
    char text[32], control[CMSG_SPACE(3 * sizeof(int))];
    struct iovec v = {text, sizeof text};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
    CHECK(recvmsg(fd, &m, flags) == 11 && !memcmp(text, "descriptors", 11));
    *out_flags = m.msg_flags;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (!c)
        return 0;
    CHECK(c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS);
    int n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(got, CMSG_DATA(c), n * sizeof(int));
    return n;
}

static void send_late(void *arg)
{
    usleep(10000);
    CHECK(write(*(int *)arg, "through", 7) == 7);
}

static void descriptors(int type)
{
    int s[2], p[2], q[2], got[3], flags;
    char c[16];
    struct peer peer;
    CHECK(socketpair(AF_UNIX, type, 0, s) == 0 && pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, q) == 0);
    struct pass pass = {s[1], {p[0], p[1], q[0]}, 3};

    peer_start(&peer, send_descriptors, &pass);
    CHECK(receive(s[0], 0, CMSG_SPACE(3 * sizeof(int)), got, &flags) == 3);
    peer_join(&peer);
    for (int i = 0; i < 3; i++)
        CHECK(fcntl(got[i], F_GETFD) == 0);
    /* A wait on a received descriptor. */
    peer_start(&peer, send_late, &got[1]);
    CHECK(read(got[0], c, sizeof c) == 7);
    peer_join(&peer);
    peer_start(&peer, send_late, &q[1]);
    CHECK(recv(got[2], c, sizeof c, 0) == 7);
    peer_join(&peer);
    for (int i = 0; i < 3; i++)
        CHECK(close(got[i]) == 0);

    peer_start(&peer, send_descriptors, &pass);
    CHECK(receive(s[0], MSG_CMSG_CLOEXEC, CMSG_SPACE(3 * sizeof(int)), got, &flags) == 3);
    CHECK(flags & MSG_CMSG_CLOEXEC);
    peer_join(&peer);
    for (int i = 0; i < 3; i++)
        CHECK(fcntl(got[i], F_GETFD) == FD_CLOEXEC && close(got[i]) == 0);

    peer_start(&peer, send_descriptors, &pass);
    CHECK(receive(s[0], 0, CMSG_LEN(sizeof(int)), got, &flags) == 1);
    CHECK(flags & MSG_CTRUNC);
    peer_join(&peer);
    CHECK(close(got[0]) == 0);

    peer_start(&peer, send_descriptors, &pass);
    CHECK(receive(s[0], 0, 0, got, &flags) == 0);
    CHECK(flags & MSG_CTRUNC);
    peer_join(&peer);

    for (int i = 0; i < 2; i++) {
        close(s[i]);
        close(p[i]);
        close(q[i]);
    }
}

static void send_between(void *arg)
{
    struct pass *p = arg;
    usleep(10000);
    CHECK(write(p->to, "hello", 5) == 5);
    send_descriptors(arg);
    CHECK(write(p->to, "hello", 5) == 5);
}

/* However much is asked for, a read goes no further than a message with descriptors. */
static void no_further(void)
{
    int s[2], on = 1;
    char text[32];
    struct iovec v = {text, sizeof text};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    struct peer peer;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    struct pass pass = {s[1], {s[0]}, 1};
    peer_start(&peer, send_between, &pass);
    CHECK(recv(s[0], text, sizeof text, MSG_WAITALL) == 16 && !memcmp(text, "hellodescriptors", 16));
    CHECK(recv(s[0], text, 5, MSG_WAITALL) == 5);
    peer_join(&peer);
    peer_start(&peer, send_between, &pass);
    CHECK(recvmsg(s[0], &m, MSG_WAITALL) == 16 && (m.msg_flags & MSG_CTRUNC));
    CHECK(recv(s[0], text, 5, MSG_WAITALL) == 5);
    peer_join(&peer);
    /* Credentials of one sender do not end it. */
    CHECK(setsockopt(s[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
    CHECK(write(s[1], "through", 7) == 7 && write(s[1], "through", 7) == 7);
    CHECK(recv(s[0], text, 14, MSG_WAITALL) == 14);
    close(s[0]);
    close(s[1]);
}

static void send_credentials(void *arg)
{
    char control[CMSG_SPACE(sizeof(struct ucred))] = "";
    struct ucred me = {getpid(), getuid(), getgid()};
    struct iovec v = {"me", 2};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    usleep(10000);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_CREDENTIALS;
    c->cmsg_len = CMSG_LEN(sizeof me);
    memcpy(CMSG_DATA(c), &me, sizeof me);
    CHECK(sendmsg(*(int *)arg, &m, 0) == 2);
    CHECK(send(*(int *)arg, "again", 5, 0) == 5);
}

static void credentials(void)
{
    int s[2], on = 1;
    struct peer peer;
    struct ucred you;
    char text[8], control[CMSG_SPACE(sizeof you)];
    struct iovec v = {text, sizeof text};
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == 0);
    CHECK(setsockopt(s[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
    peer_start(&peer, send_credentials, &s[1]);
    for (int i = 0; i < 2; i++) {
        struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        CHECK(recvmsg(s[0], &m, 0) == (i ? 5 : 2));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        CHECK(c && c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof you));
        memcpy(&you, CMSG_DATA(c), sizeof you);
        CHECK(you.uid == getuid() && you.gid == getgid());
        CHECK(you.pid == (threaded ? getpid() : peer.pid));
    }
    peer_join(&peer);
    close(s[0]);
    close(s[1]);
}

static void *scenario(void *unused)
{
    descriptors(SOCK_STREAM);
    descriptors(SOCK_DGRAM);
    descriptors(SOCK_SEQPACKET);
    no_further();
    credentials();
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("ancillary data ok");
    return 0;
}
