/*
 * What a read or write limit leaves alone: terminals, eventfd and timerfd, sleeps, waits with an earlier end of their
 * own, the program's own SO_RCVTIMEO when it is the shorter. To be run with limits of 0.4 s.
 * usage: timeout_exempt THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
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

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void late(void *arg)
{
    usleep(900000);
    CHECK(write(*(int *)arg, "12345678\n", 8 + isatty(*(int *)arg)) >= 8);
}

static void *scenario(void *unused)
{
    int master, slave, e, t, s[2];
    char name[64], c[16];
    struct peer peer;
    struct itimerspec then = {.it_value.tv_nsec = 900000000};
    struct timeval tenth = {0, 100000};
    CHECK((master = posix_openpt(O_RDWR | O_NOCTTY)) >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    CHECK(ptsname_r(master, name, sizeof name) == 0 && (slave = open(name, O_RDWR | O_NOCTTY)) >= 0);
    peer_start(&peer, late, &master);
    CHECK(read(slave, c, sizeof c) == 9);
    peer_join(&peer);
    close(master);
    close(slave);
    CHECK((e = eventfd(0, 0)) >= 0);
    peer_start(&peer, late, &e);
    CHECK(read(e, c, 8) == 8);
    peer_join(&peer);
    close(e);
    CHECK((t = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0 && timerfd_settime(t, 0, &then, NULL) == 0);
    CHECK(read(t, c, 8) == 8);
    close(t);
    double start = now();
    CHECK(usleep(900000) == 0 && now() - start >= 0.9);

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    struct pollfd f = {s[0], POLLIN, 0};
    start = now();
    CHECK(poll(&f, 1, 100) == 0 && f.revents == 0 && now() - start >= 0.1);
    CHECK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tenth, sizeof tenth) == 0);
    CHECK(recv(s[0], c, 8, 0) == -1 && errno == EAGAIN);
    CHECK(recv(s[0], c, 8, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    close(s[0]);
    close(s[1]);
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("left alone");
    return 0;
}
