/*
 * Large sets: thousands of entries, one of them ready, by poll, select and epoll, in each of several threads.
 * usage: poll_huge THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
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

enum { FDS = 60 };

static void write_late(void *arg)
{
    usleep(10000);
    CHECK(write(*(int *)arg, "x", 1) == 1);
}

static void *scenario(void *unused)
{
    int in[FDS], out[FDS], set = epoll_create1(0);
    int n = 1000; /* entries: each descriptor many times */
    struct pollfd *p = calloc(n, sizeof *p);
    struct epoll_event e = {EPOLLIN, {0}}, got[FDS];
    struct peer peer;
    char c;
    for (int i = 0; i < FDS; i++) {
        int fd[2];
        CHECK(pipe(fd) == 0);
        in[i] = fd[0];
        out[i] = fd[1];
        e.data.u32 = i;
        CHECK(epoll_ctl(set, EPOLL_CTL_ADD, in[i], &e) == 0);
    }
    for (int which = 1; which < FDS; which += 20) {
        int expect = 0;
        for (int i = 0; i < n; i++) {
            p[i] = (struct pollfd){i % 5 ? in[i % FDS] : -1 - i, POLLIN, 99};
            expect += i % 5 && i % FDS == which;
        }
        CHECK(poll(p, n, 0) == 0);
        peer_start(&peer, write_late, &out[which]);
        CHECK(expect > 0 && poll(p, n, -1) == expect);
        for (int i = 0; i < n; i++)
            CHECK(p[i].revents == (i % 5 && i % FDS == which ? POLLIN : 0));
        peer_join(&peer);
        CHECK(read(in[which], &c, 1) == 1);

        peer_start(&peer, write_late, &out[which]);
        CHECK(epoll_wait(set, got, FDS, -1) == 1 && got[0].data.u32 == (unsigned)which);
        peer_join(&peer);
        CHECK(read(in[which], &c, 1) == 1);

        fd_set r, w;
        int most = 0;
        FD_ZERO(&r);
        for (int i = 0; i < FDS; i++)
            if (in[i] < FD_SETSIZE) {
                FD_SET(in[i], &r);
                most = in[i] > most ? in[i] : most;
            }
        if (in[which] < FD_SETSIZE) {
            w = r;
            peer_start(&peer, write_late, &out[which]);
            CHECK(select(most + 1, &r, NULL, NULL, NULL) == 1 && FD_ISSET(in[which], &r));
            peer_join(&peer);
            CHECK(read(in[which], &c, 1) == 1);
            CHECK(select(most + 1, &w, NULL, NULL, &(struct timeval){0, 0}) == 0);
        }
    }
    for (int i = 0; i < FDS; i++) {
        CHECK(write(out[i], "x", 1) == 1);
        close(out[i]);
    }
    CHECK(epoll_wait(set, got, FDS, -1) == FDS);
    CHECK(epoll_wait(set, got, 7, -1) == 7);
    for (int i = 0; i < FDS; i++)
        close(in[i]);
    CHECK(epoll_wait(set, got, FDS, 0) == 0); /* closed: gone from the set */
    close(set);
    free(p);
    return NULL;
}

int main(int argc, char **argv)
{
    struct rlimit r;
    CHECK(getrlimit(RLIMIT_NOFILE, &r) == 0);
    r.rlim_cur = r.rlim_max < 4096 ? r.rlim_max : 4096;
    CHECK(setrlimit(RLIMIT_NOFILE, &r) == 0);
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("large sets ok");
    return 0;
}
