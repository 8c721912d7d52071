/*
 * One thread serves many clients by an event loop, each client is a thread that blocks: poll, select or epoll, with
 * non-blocking sockets as such servers have them.
 * usage: poll_server poll|select|epoll CLIENTS
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
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

enum { MOST = 200, ROUNDS = 20 };
static struct sockaddr_in where;
static int listener, clients;
static const char *kind;

static void *client(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char out[64], in[64];
    CHECK(fd >= 0 && connect(fd, (void *)&where, sizeof where) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        int n = snprintf(out, sizeof out, "client %ld round %d", (long)arg, i);
        CHECK(send(fd, out, n, 0) == n);
        CHECK(recv(fd, in, n, MSG_WAITALL) == n && !memcmp(in, out, n));
    }
    CHECK(close(fd) == 0);
    return NULL;
}

static int served;

/* 0 when the connection is over. */
static int serve(int fd)
{
    char c[256];
    ssize_t n;
    while ((n = read(fd, c, sizeof c)) > 0)
        CHECK(write(fd, c, n) == n);
    if (n == 0) {
        CHECK(close(fd) == 0);
        served++;
        return 0;
    }
    CHECK(errno == EAGAIN);
    return 1;
}

static int accept_one(void)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    CHECK(fd >= 0 || errno == EAGAIN);
    return fd;
}

static void by_epoll(void)
{
    int set = epoll_create1(0);
    struct epoll_event e = {EPOLLIN, {.fd = listener}}, got[16];
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, listener, &e) == 0);
    while (served < clients) {
        int n = epoll_wait(set, got, 16, -1);
        CHECK(n > 0);
        for (int i = 0; i < n; i++) {
            if (got[i].data.fd != listener) {
                serve(got[i].data.fd);
                continue;
            }
            for (int fd; (fd = accept_one()) >= 0;) {
                e = (struct epoll_event){EPOLLIN | EPOLLET, {.fd = fd}};
                CHECK(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0);
                if (!serve(fd))
                    break;
            }
        }
    }
    close(set);
}

static void by_poll(void)
{
    struct pollfd p[MOST + 1] = {{listener, POLLIN, 0}};
    int n = 1;
    while (served < clients) {
        CHECK(poll(p, n, -1) > 0);
        for (int i = n - 1; i > 0; i--)
            if (p[i].revents && !serve(p[i].fd))
                p[i] = p[--n];
        if (p[0].revents)
            for (int fd; n <= MOST && (fd = accept_one()) >= 0;)
                p[n++] = (struct pollfd){fd, POLLIN, 0};
    }
}

static void by_select(void)
{
    fd_set open, ready;
    int most = listener;
    FD_ZERO(&open);
    FD_SET(listener, &open);
    while (served < clients) {
        ready = open;
        CHECK(select(most + 1, &ready, NULL, NULL, NULL) > 0);
        for (int fd = 0; fd <= most; fd++) {
            if (!FD_ISSET(fd, &ready))
                continue;
            if (fd != listener) {
                if (!serve(fd))
                    FD_CLR(fd, &open);
                continue;
            }
            for (int new; (new = accept_one()) >= 0;) {
                FD_SET(new, &open);
                most = new > most ? new : most;
            }
        }
    }
}

int main(int argc, char **argv)
{
    pthread_t t[MOST];
    socklen_t n = sizeof where;
    CHECK(argc == 3);
    kind = argv[1];
    clients = atoi(argv[2]);
    CHECK(clients <= MOST);
    CHECK((listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) >= 0);
    where = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(bind(listener, (void *)&where, n) == 0 && listen(listener, MOST) == 0);
    CHECK(getsockname(listener, (void *)&where, &n) == 0);
    for (long i = 0; i < clients; i++)
        CHECK(pthread_create(&t[i], NULL, client, (void *)i) == 0);
    if (!strcmp(kind, "poll"))
        by_poll();
    else if (!strcmp(kind, "select"))
        by_select();
    else
        by_epoll();
    for (int i = 0; i < clients; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    printf("%s: %d served\n", kind, served);
    return 0;
}
