/*
 * SO_RCVLOWAT: a read of a stream waits for so many bytes, if it has room for them, by every call; set by the only
 * thread there is, by one of several, and on the listener.
 * usage: sock_least unix | tcp
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

enum { LEAST = 5 };

static void wait_for_more(int fd)
{
    int least = LEAST;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof least) == 0);
}

static void pair(int is_tcp, int fd[2])
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof where;
    int listener;
    if (!is_tcp) {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
        wait_for_more(fd[0]);
        return;
    }
    CHECK((listener = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    CHECK(bind(listener, (void *)&where, n) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (void *)&where, &n) == 0);
    wait_for_more(listener);
    CHECK((fd[1] = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    CHECK(connect(fd[1], (void *)&where, n) == 0);
    CHECK((fd[0] = accept(listener, NULL, NULL)) >= 0);
    CHECK(close(listener) == 0);
}

static ssize_t by_read(int fd, char *buf, size_t n)
{
    return read(fd, buf, n);
}

static ssize_t by_readv(int fd, char *buf, size_t n)
{
    struct iovec v[2] = {{buf, 1}, {buf + 1, n - 1}};
    return readv(fd, v, 2);
}

static ssize_t by_recv(int fd, char *buf, size_t n)
{
    return recv(fd, buf, n, 0);
}

static ssize_t by_recvfrom(int fd, char *buf, size_t n)
{
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    return recvfrom(fd, buf, n, 0, (void *)&from, &size);
}

static ssize_t by_recvmsg(int fd, char *buf, size_t n)
{
    struct iovec v = {buf, n};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    return recvmsg(fd, &m, 0);
}

static void *send_later(void *arg)
{
    usleep(50000);
    CHECK(write(*(int *)arg, "ello!", 5) == 5);
    return NULL;
}

static void receive(int fd[2])
{
    static ssize_t (*const calls[])(int, char *, size_t) = {by_read, by_readv, by_recv, by_recvfrom, by_recvmsg};
    char c[16];
    pthread_t other;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        CHECK(write(fd[1], "h", 1) == 1);
        CHECK(pthread_create(&other, NULL, send_later, &fd[1]) == 0);
        CHECK(calls[i](fd[0], c, sizeof c) == 6 && memcmp(c, "hello!", 6) == 0);
        CHECK(pthread_join(other, NULL) == 0);
        CHECK(write(fd[1], "hello", 5) == 5);
        CHECK(calls[i](fd[0], c, 3) == 3 && calls[i](fd[0], c, 2) == 2); /* no room for more */
    }
    /* What is there, for who does not wait, and before the end. */
    CHECK(write(fd[1], "h", 1) == 1);
    while (recv(fd[0], c, sizeof c, MSG_DONTWAIT | MSG_PEEK) != 1)
        usleep(1000);
    CHECK(recv(fd[0], c, sizeof c, MSG_DONTWAIT) == 1);
    CHECK(fcntl(fd[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK(read(fd[0], c, sizeof c) == -1 && errno == EAGAIN);
    CHECK(write(fd[1], "h", 1) == 1);
    while (read(fd[0], c, sizeof c) != 1)
        usleep(1000);
    CHECK(fcntl(fd[0], F_SETFL, 0) == 0);
    CHECK(write(fd[1], "hi", 2) == 2 && shutdown(fd[1], SHUT_WR) == 0);
    CHECK(read(fd[0], c, sizeof c) == 2 && read(fd[0], c, sizeof c) == 0);
    close(fd[0]);
    close(fd[1]);
}

static void *scenario(void *fd)
{
    receive(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    int early[2], late[2], is_tcp = argc > 1 && strcmp(argv[1], "tcp") == 0;
    pthread_t other;
    pair(is_tcp, early);
    CHECK(pthread_create(&other, NULL, scenario, early) == 0);
    pair(is_tcp, late);
    receive(late);
    CHECK(pthread_join(other, NULL) == 0);
    puts("least ok");
    return 0;
}
