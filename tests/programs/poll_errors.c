/*
 * What the waiting calls refuse, bad pointers included, at once and where they would have waited.
 * usage: poll_errors 0|1 (1: in a second thread)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern int __poll(struct pollfd *, nfds_t, int);
extern int __select(int, fd_set *, fd_set *, fd_set *, struct timeval *);

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

/* Pointers no call may follow: low, unmapped, without access, and (to be written to) read-only. */
static char *nobody, *readonly;
#define LOW ((void *)8)

static void make_bad(void)
{
    CHECK((nobody = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
    CHECK((readonly = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
}

#define SHOW(call)                                                                                                     \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        long result_ = (long)(call);                                                                                   \
        printf("%s: %ld %s\n", #call, result_, result_ == -1 ? strerrorname_np(errno) : "");                           \
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

static void write_late(void *arg)
{
    usleep(20000);
    CHECK(write(*(int *)arg, "x", 1) == 1);
}

static void *scenario(void *unused)
{
    int fd[2], set, empty;
    struct pollfd p = {0, POLLIN, 0}, *locked = (void *)readonly;
    struct timespec many = {0, 1000000000}, negative = {-1, 0}, zero = {0, 0}, below = {0, -1};
    struct timeval tv_many = {0, 1000000}, tv_negative = {-1, 0}, tv_zero = {0, 0};
    struct epoll_event e = {EPOLLIN, {0}}, out[4];
    struct peer peer;
    struct rlimit most;
    fd_set in;
    CHECK(pipe(fd) == 0 && (set = epoll_create1(0)) >= 0 && (empty = epoll_create1(0)) >= 0);
    CHECK(getrlimit(RLIMIT_NOFILE, &most) == 0);
    p.fd = fd[0];

    puts("poll");
    SHOW(poll(LOW, 1, 0));
    SHOW(poll((void *)nobody, 1, 0));
    SHOW(poll(locked, 1, 0));
    SHOW(__poll(LOW, 1, -1));
    SHOW(poll(LOW, 0, 0));
    SHOW(poll(NULL, 0, 1));
    SHOW(poll(&p, most.rlim_cur + 1, 0));
    SHOW(poll(&p, UINT_MAX, 0));
    SHOW(ppoll(LOW, 1, &zero, NULL));
    SHOW(ppoll(&p, 1, &many, NULL));
    SHOW(ppoll(&p, 1, &negative, NULL));
    SHOW(ppoll(&p, 1, &below, NULL));
    SHOW(ppoll(&p, 1, &zero, LOW));
    peer_start(&peer, write_late, &fd[1]);
    SHOW(poll(&p, 1, -5)); /* any negative time is no end */
    peer_join(&peer);
    SHOW(poll(locked, 1, 0));

    puts("select");
    SHOW(select(-1, NULL, NULL, NULL, &tv_zero));
    SHOW(select(1, LOW, NULL, NULL, &tv_zero));
    SHOW(select(1, NULL, (void *)nobody, NULL, &tv_zero));
    SHOW(__select(1, NULL, NULL, LOW, NULL));
    SHOW(select(0, NULL, NULL, NULL, &tv_negative));
    SHOW(select(0, NULL, NULL, NULL, &tv_many));
    SHOW(pselect(0, NULL, NULL, NULL, &many, NULL));
    SHOW(pselect(0, NULL, NULL, NULL, &negative, NULL));
    SHOW(pselect(0, NULL, NULL, NULL, &zero, LOW));
    SHOW(pselect(1, LOW, NULL, NULL, &zero, NULL));
    FD_ZERO(&in);
    FD_SET(61, &in); /* closed */
    SHOW(select(62, &in, NULL, NULL, NULL));
    FD_ZERO(&in);
    SHOW(select(62, &in, NULL, NULL, &tv_zero));
    SHOW(pselect(62, NULL, NULL, NULL, &zero, NULL));

    puts("epoll");
    SHOW(epoll_create(0));
    SHOW(epoll_create(-1));
    SHOW(epoll_create1(12345));
    SHOW(epoll_ctl(set, EPOLL_CTL_ADD, fd[0], LOW));
    SHOW(epoll_ctl(set, 99, fd[0], &e));
    SHOW(epoll_ctl(set, EPOLL_CTL_ADD, set, &e));
    SHOW(epoll_ctl(set, EPOLL_CTL_ADD, 700, &e));
    SHOW(epoll_ctl(700, EPOLL_CTL_ADD, fd[0], &e));
    SHOW(epoll_ctl(fd[0], EPOLL_CTL_ADD, fd[1], &e));
    SHOW(epoll_ctl(set, EPOLL_CTL_MOD, fd[0], &e));
    SHOW(epoll_ctl(set, EPOLL_CTL_DEL, fd[0], NULL));
    SHOW(epoll_ctl(set, EPOLL_CTL_ADD, fd[0], &e));
    SHOW(epoll_ctl(set, EPOLL_CTL_ADD, fd[0], &e));
    SHOW(epoll_wait(set, out, 0, 0));
    SHOW(epoll_wait(set, out, -1, 0));
    SHOW(epoll_wait(set, out, INT_MAX, 0));
    SHOW(epoll_wait(fd[0], out, 1, 0));
    SHOW(epoll_wait(700, out, 1, -1));
    SHOW(epoll_wait(-1, out, 1, -1));
    SHOW(epoll_wait(set, LOW, 4, 0)); /* ready, so it is written to */
    SHOW(epoll_wait(set, (void *)readonly, 4, 0));
    SHOW(epoll_wait(empty, LOW, 4, 0)); /* not ready: not looked at */
    SHOW(epoll_pwait(set, LOW, 4, 0, NULL));
    SHOW(epoll_pwait(set, out, 4, 0, LOW));
    SHOW(epoll_pwait2(set, out, 4, &many, NULL));
    SHOW(epoll_pwait2(set, out, 4, &negative, NULL));
    SHOW(epoll_pwait2(set, out, 4, LOW, NULL));
    SHOW(epoll_pwait2(set, LOW, 4, &zero, NULL));
    SHOW(epoll_wait(set, out, 4, 0));
    char c;
    CHECK(read(fd[0], &c, 1) == 1);
    peer_start(&peer, write_late, &fd[1]);
    SHOW(epoll_wait(set, LOW, 4, -1));
    peer_join(&peer);
    SHOW(epoll_wait(set, out, 4, -7));
    return NULL;
}

int main(int argc, char **argv)
{
    closefrom(3); /* whatever was inherited */
    make_bad();
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    return 0;
}
