/*
 * A send that makes its connection (MSG_FASTOPEN, TCP_FASTOPEN_CONNECT) waits until it is there, and sends all; where
 * nobody listens it says so, and the socket can be used again.
 * usage: sock_fastopen THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static int listen_tcp(struct sockaddr_in *where)
{
    socklen_t n = sizeof *where;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    *where = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(fd >= 0 && bind(fd, (void *)where, n) == 0 && listen(fd, 5) == 0);
    CHECK(getsockname(fd, (void *)where, &n) == 0);
    return fd;
}

static void arrives(int listener, int fd)
{
    char c[8];
    int conn = accept(listener, NULL, NULL);
    CHECK(conn >= 0 && recv(conn, c, 5, MSG_WAITALL) == 5 && memcmp(c, "hello", 5) == 0);
    CHECK(close(conn) == 0 && close(fd) == 0);
}

static int later_connected(const struct sockaddr_in *where)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on) == 0);
    CHECK(connect(fd, (void *)where, sizeof *where) == 0);
    return fd;
}

static void *scenario(void *unused)
{
    struct sockaddr_in where, gone;
    int listener = listen_tcp(&where), other = listen_tcp(&gone), fd;
    close(other);

    CHECK((fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    CHECK(sendto(fd, "hello", 5, MSG_FASTOPEN, (void *)&where, sizeof where) == 5);
    CHECK(connect(fd, (void *)&where, sizeof where) == -1 && errno == EISCONN);
    arrives(listener, fd);

    CHECK((fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    CHECK(sendto(fd, "hello", 5, MSG_FASTOPEN, (void *)&gone, sizeof gone) == -1 && errno == ECONNREFUSED);
    CHECK(sendto(fd, "hello", 5, MSG_FASTOPEN, (void *)&where, sizeof where) == 5);
    arrives(listener, fd);

    fd = later_connected(&where);
    CHECK(write(fd, "hello", 5) == 5);
    arrives(listener, fd);
    fd = later_connected(&where);
    CHECK(send(fd, "hello", 5, 0) == 5);
    CHECK(connect(fd, (void *)&where, sizeof where) == -1 && errno == EISCONN);
    arrives(listener, fd);
    close(listener);
    return NULL;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 0;
    pthread_t t[n + 1];
    if (n == 0)
        scenario(NULL);
    for (int i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, scenario, NULL) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    puts("fast open ok");
    return 0;
}
