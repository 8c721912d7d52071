/* Each call that waits for a descriptor is a cancellation point, while it blocks and, with the request already there,
   when it would not block; it moves no data then. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t ready, go;
static int in[2], full[2], sock[2], fullsock[2], epoll, listener, backlogged;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_size;
static int cleaned;
static char buf[10];
static struct iovec vec = {buf, sizeof buf};
static struct msghdr msg = {.msg_iov = &vec, .msg_iovlen = 1};

static void do_read(void)
{
    read(in[0], buf, 1);
}
static void do_readv(void)
{
    readv(in[0], &vec, 1);
}
static void do_write(void)
{
    write(full[1], buf, 10);
}
static void do_writev(void)
{
    writev(full[1], &vec, 1);
}
static void do_recv(void)
{
    recv(sock[0], buf, 1, 0);
}
static void do_recvfrom(void)
{
    recvfrom(sock[0], buf, 1, 0, NULL, NULL);
}
static void do_recvmsg(void)
{
    recvmsg(sock[0], &msg, 0);
}
static void do_recvmmsg(void)
{
    struct mmsghdr m = {.msg_hdr = msg};
    recvmmsg(sock[0], &m, 1, 0, NULL);
}
static void do_send(void)
{
    send(fullsock[0], buf, 10, 0);
}
static void do_sendto(void)
{
    sendto(fullsock[0], buf, 10, 0, NULL, 0);
}
static void do_sendmsg(void)
{
    sendmsg(fullsock[0], &msg, 0);
}
static void do_sendmmsg(void)
{
    struct mmsghdr m = {.msg_hdr = msg};
    sendmmsg(fullsock[0], &m, 1, 0);
}
static void do_accept(void)
{
    accept(listener, NULL, NULL);
}
static void do_accept4(void)
{
    accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}
static void do_connect(void)
{
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    pthread_cleanup_push((void (*)(void *))close, (void *)(long)s);
    connect(s, (struct sockaddr *)&address, address_size);
    pthread_cleanup_pop(1);
}
static void do_poll(void)
{
    struct pollfd p = {.fd = in[0], .events = POLLIN};
    poll(&p, 1, -1);
}
static void do_ppoll(void)
{
    struct pollfd p = {.fd = in[0], .events = POLLIN};
    ppoll(&p, 1, NULL, NULL);
}
static void do_select(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(in[0], &set);
    select(in[0] + 1, &set, NULL, NULL, NULL);
}
static void do_pselect(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(in[0], &set);
    pselect(in[0] + 1, &set, NULL, NULL, NULL, NULL);
}
static void do_epoll_wait(void)
{
    struct epoll_event e;
    epoll_wait(epoll, &e, 1, -1);
}
static void do_epoll_pwait(void)
{
    struct epoll_event e;
    epoll_pwait(epoll, &e, 1, -1, NULL);
}

#define POINT(name)                                                                                                    \
    {                                                                                                                  \
#name, do_##name                                                                                               \
    }
static const struct point {
    const char *name;
    void (*call)(void);
} points[] = {
    POINT(read),    POINT(readv),      POINT(write),       POINT(writev), POINT(recv),    POINT(recvfrom),
    POINT(recvmsg), POINT(recvmmsg),   POINT(send),        POINT(sendto), POINT(sendmsg), POINT(sendmmsg),
    POINT(accept),  POINT(accept4),    POINT(connect),     POINT(poll),   POINT(ppoll),   POINT(select),
    POINT(pselect), POINT(epoll_wait), POINT(epoll_pwait),
};
enum { POINTS = sizeof points / sizeof *points };

static void cleanup(void *arg)
{
    cleaned++;
}

static void *blocks(void *arg)
{
    pthread_cleanup_push(cleanup, NULL);
    sem_post(&ready);
    ((const struct point *)arg)->call();
    pthread_cleanup_pop(0);
    return NULL;
}

static void *pending(void *arg)
{
    int old;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    sem_post(&ready);
    sem_wait(&go);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
    return blocks(arg);
}

static void run(const struct point *p, void *(*start)(void *))
{
    pthread_t t;
    void *r;
    cleaned = 0;
    CHECK(pthread_create(&t, NULL, start, (void *)p) == 0);
    sem_wait(&ready);
    if (start == blocks)
        usleep(4000);
    CHECK(pthread_cancel(t) == 0);
    if (start == pending) {
        sem_post(&go);
        sem_wait(&ready);
    }
    CHECK(pthread_join(t, &r) == 0);
    CHECK(r == PTHREAD_CANCELED);
    CHECK(cleaned == 1);
}

static long fill(int fd)
{
    static char zero[4096];
    long n = 0, r;
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    while ((r = write(fd, zero, sizeof zero)) > 0)
        n += r;
    CHECK(fcntl(fd, F_SETFL, 0) == 0);
    return n;
}

static long drain(int fd)
{
    char text[4096];
    long n = 0, r;
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    while ((r = read(fd, text, sizeof text)) > 0)
        n += r;
    CHECK(fcntl(fd, F_SETFL, 0) == 0);
    return n;
}

int main(void)
{
    struct epoll_event e = {.events = EPOLLIN};
    sem_init(&ready, 0, 0);
    sem_init(&go, 0, 0);
    CHECK(pipe(in) == 0);
    CHECK(pipe(full) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sock) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fullsock) == 0);
    long in_pipe = fill(full[1]), in_socket = fill(fullsock[0]);
    epoll = epoll_create1(0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, in[0], &e) == 0);

    /* Abstract names; the second listener has a full backlog, so that connect blocks. */
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
    CHECK(listen(listener, 5) == 0);
    backlogged = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(backlogged, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
    CHECK(listen(backlogged, 0) == 0);
    address_size = sizeof address;
    CHECK(getsockname(backlogged, (struct sockaddr *)&address, &address_size) == 0);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(connect(s, (struct sockaddr *)&address, address_size) == 0);

    for (int i = 0; i < POINTS; i++)
        run(&points[i], blocks);

    /* Now none would block. */
    CHECK(write(in[1], "abc", 3) == 3);
    CHECK(write(sock[1], "abc", 3) == 3);
    CHECK(drain(full[0]) == in_pipe);
    CHECK(drain(fullsock[1]) == in_socket);
    close(accept(backlogged, NULL, NULL));
    struct sockaddr_un own;
    socklen_t own_size = sizeof own;
    CHECK(getsockname(listener, (struct sockaddr *)&own, &own_size) == 0);
    s = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(connect(s, (struct sockaddr *)&own, own_size) == 0);
    for (int i = 0; i < POINTS; i++) {
        run(&points[i], pending);
        puts(points[i].name);
    }
    CHECK(read(in[0], buf, 10) == 3 && memcmp(buf, "abc", 3) == 0);
    CHECK(read(sock[0], buf, 10) == 3 && memcmp(buf, "abc", 3) == 0);
    CHECK(drain(full[0]) == 0);
    CHECK(drain(fullsock[1]) == 0);
    struct pollfd p[2] = {{.fd = listener, .events = POLLIN}, {.fd = backlogged, .events = POLLIN}};
    CHECK(poll(p, 2, 0) == 1 && p[0].revents == POLLIN);
    return 0;
}
