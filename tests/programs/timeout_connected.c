/*
 * A non-blocking connect that succeeds: from then on its limit is over, and that of reading counts.
 * usage: timeout_connected poll|select|epoll CONNECT-LIMIT READ-LIMIT THREADS, in ms; the first is the smaller
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

static const char *how;
static double connect_limit, read_limit;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void wait_for(int fd, int in)
{
    if (!strcmp(how, "poll")) {
        struct pollfd p = {fd, in ? POLLIN : POLLOUT, 0};
        CHECK(poll(&p, 1, 60000) == 1 && (p.revents & p.events));
    } else if (!strcmp(how, "select")) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(fd, &set);
        CHECK(select(fd + 1, in ? &set : NULL, in ? NULL : &set, NULL, NULL) == 1 && FD_ISSET(fd, &set));
    } else {
        struct epoll_event e = {in ? EPOLLIN : EPOLLOUT, {0}};
        int set = epoll_create1(0);
        CHECK(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0 && epoll_wait(set, &e, 1, -1) == 1);
        close(set);
    }
}

static void *scenario(void *unused)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof where;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), peer, error;
    char c;
    CHECK(bind(listener, (void *)&where, n) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (void *)&where, &n) == 0);
    CHECK(connect(fd, (void *)&where, n) == 0 || errno == EINPROGRESS);
    wait_for(fd, 0);
    n = sizeof error;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0);
    CHECK((peer = accept(listener, NULL, NULL)) >= 0);
    double start = now();
    wait_for(fd, 1);
    errno = 0;
    CHECK(recv(fd, &c, 1, 0) == -1 && errno == ETIMEDOUT);
    CHECK(now() - start > read_limit * 0.95 && now() - start < read_limit + 10000);
    CHECK(send(peer, "x", 1, 0) == 1);
    wait_for(fd, 1);
    CHECK(recv(fd, &c, 1, 0) == 1 && c == 'x'); /* still connected */
    CHECK(send(fd, "y", 1, 0) == 1 && recv(peer, &c, 1, 0) == 1 && c == 'y');
    close(fd);
    close(peer);
    close(listener);
    return NULL;
}

int main(int argc, char **argv)
{
    int n = atoi(argv[4]);
    pthread_t t[n + 1];
    how = argv[1];
    connect_limit = atoi(argv[2]);
    read_limit = atoi(argv[3]);
    CHECK(connect_limit < read_limit);
    if (n == 0)
        scenario(NULL);
    for (int i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, scenario, NULL) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    puts("connected, then ETIMEDOUT from reading");
    return 0;
}
