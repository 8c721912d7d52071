/*
 * Several threads wait on the same descriptor, some by poll, some by select, some by epoll: all see it ready, and one
 * that reads does not keep the others from the next byte.
 * usage: poll_shared THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
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

static int fd[2], set;
static atomic_int awake, taken;

static void wait_ready(long how)
{
    struct pollfd p = {fd[0], POLLIN, 0};
    struct epoll_event e = {EPOLLIN, {0}};
    fd_set in;
    int own;
    switch (how % 4) {
    case 0:
        CHECK(poll(&p, 1, -1) == 1 && p.revents == POLLIN);
        break;
    case 1:
        FD_ZERO(&in);
        FD_SET(fd[0], &in);
        CHECK(select(fd[0] + 1, &in, NULL, NULL, NULL) == 1);
        break;
    case 2:
        CHECK(epoll_wait(set, &e, 1, -1) == 1); /* one set for all */
        break;
    default:
        CHECK((own = epoll_create1(0)) >= 0 && epoll_ctl(own, EPOLL_CTL_ADD, fd[0], &e) == 0);
        CHECK(epoll_wait(own, &e, 1, -1) == 1);
        close(own);
    }
}

static void *watcher(void *arg)
{
    wait_ready((long)arg);
    atomic_fetch_add(&awake, 1);
    return NULL;
}

/* Waits, tries to take one byte, and again, until all are taken. */
static void *taker(void *arg)
{
    char c;
    for (;;) {
        wait_ready((long)arg);
        ssize_t n = recv(fd[0], &c, 1, MSG_DONTWAIT);
        if (n == 0)
            return NULL;
        CHECK(n == 1 || errno == EAGAIN);
        if (n == 1)
            atomic_fetch_add(&taken, 1);
    }
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 4;
    pthread_t t[n];
    struct epoll_event e = {EPOLLIN, {0}};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    CHECK((set = epoll_create1(0)) >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, fd[0], &e) == 0);
    for (long i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, watcher, (void *)i) == 0);
    usleep(20000);
    CHECK(write(fd[1], "x", 1) == 1);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    char c;
    CHECK(awake == n && read(fd[0], &c, 1) == 1);
    for (long i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, taker, (void *)i) == 0);
    for (int i = 0; i < 300; i++) {
        CHECK(write(fd[1], "x", 1) == 1);
        if (i % 10 == 0)
            usleep(1000);
    }
    CHECK(shutdown(fd[1], SHUT_WR) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    printf("%d saw it, %d bytes taken\n", awake, taken);
    return 0;
}
