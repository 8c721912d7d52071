/*
 * Options of sockets by their kinds (yes or no, a number, an optional number, seconds, an error), and the host's name;
 * alone, or in many threads at once.
 * usage: sock_options THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static int fd_with(int level, int name, const void *value, socklen_t n)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && setsockopt(fd, level, name, value, n) == 0);
    return fd;
}

static void read_back(int fd, int level, int name, void *value, socklen_t n)
{
    socklen_t size = n;
    memset(value, 0x55, n);
    CHECK(getsockopt(fd, level, name, value, &size) == 0 && size == n);
}

static void *options(void *arg)
{
    int on = 1, number = 20000, value, fd;
    struct linger linger = {1, 7};
    struct timeval seconds = {2, 500000};
    struct sockaddr_in nobody = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(1)};
    char host[256], small[2];

    fd = fd_with(SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    read_back(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value);
    CHECK(value == 1);
    close(fd);
    fd = fd_with(SOL_SOCKET, SO_RCVBUF, &number, sizeof number);
    read_back(fd, SOL_SOCKET, SO_RCVBUF, &value, sizeof value);
    CHECK(value == 2 * number);
    close(fd);
    fd = fd_with(IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    read_back(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
    CHECK(value == 1);
    close(fd);
    fd = fd_with(SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    read_back(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    CHECK(linger.l_onoff == 1 && linger.l_linger == 7);
    close(fd);
    fd = fd_with(SOL_SOCKET, SO_RCVTIMEO, &seconds, sizeof seconds);
    read_back(fd, SOL_SOCKET, SO_RCVTIMEO, &seconds, sizeof seconds);
    CHECK(seconds.tv_sec == 2 && seconds.tv_usec == 500000);
    close(fd);

    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK(connect(fd, (struct sockaddr *)&nobody, sizeof nobody) == -1 && (errno == EINPROGRESS || errno == ECONNREFUSED));
    if (errno == EINPROGRESS) {
        struct pollfd p = {fd, POLLOUT, 0};
        CHECK(poll(&p, 1, 10000) == 1);
        read_back(fd, SOL_SOCKET, SO_ERROR, &value, sizeof value);
        CHECK(value == ECONNREFUSED);
    }
    read_back(fd, SOL_SOCKET, SO_ERROR, &value, sizeof value);
    CHECK(value == 0);
    close(fd);
    CHECK(gethostname(host, sizeof host) == 0 && host[0] != '\0');
    CHECK(strlen(host) < 2 || (gethostname(small, sizeof small) == -1 && errno == ENAMETOOLONG));
    if (arg == NULL)
        printf("%s\n", host);
    return NULL;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 0;
    pthread_t t[n + 1];

    options(NULL);
    for (int i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, options, &n) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    printf("done\n");
    return 0;
}
