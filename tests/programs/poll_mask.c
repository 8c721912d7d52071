/*
 * The signal mask that holds for the time of a wait: a blocked signal that is pending ends it at once with EINTR and
 * its handler has run; the mask is as before afterwards; a signal blocked only for the wait comes after it.
 * usage: poll_mask THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
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

static __thread volatile sig_atomic_t seen;

static void on_signal(int sig)
{
    seen++;
}

static int wait_with(int how, int fd, const struct timespec *limit, const sigset_t *mask)
{
    struct pollfd p = {fd, POLLIN, 0};
    struct epoll_event e = {EPOLLIN, {0}};
    fd_set in;
    int n, set;
    switch (how) {
    case 0:
        return ppoll(&p, 1, limit, mask);
    case 1:
        FD_ZERO(&in);
        FD_SET(fd, &in);
        return pselect(fd + 1, &in, NULL, NULL, limit, mask);
    default:
        CHECK((set = epoll_create1(0)) >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0);
        if (how == 2)
            n = epoll_pwait(set, &e, 1, limit ? limit->tv_sec * 1000 + limit->tv_nsec / 1000000 : -1, mask);
        else
            n = epoll_pwait2(set, &e, 1, limit, mask);
        int saved = errno;
        close(set);
        errno = saved;
        return n;
    }
}

struct target {
    pthread_t thread;
    pid_t pid;
};

static void send_late(void *arg)
{
    struct target *t = arg;
    usleep(20000);
    CHECK(threaded ? pthread_kill(t->thread, SIGUSR1) == 0 : kill(t->pid, SIGUSR1) == 0);
}

static void *scenario(void *unused)
{
    int fd[2];
    sigset_t none, usr1, now;
    struct timespec zero = {0, 0}, soon = {0, 100000000};
    struct target self = {pthread_self(), getpid()};
    struct peer peer;
    CHECK(pipe(fd) == 0);
    sigemptyset(&none);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    for (int how = 0; how < 4; how++) {
        seen = 0;
        CHECK(pthread_sigmask(SIG_BLOCK, &usr1, NULL) == 0);
        CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0);
        CHECK(wait_with(how, fd[0], &zero, NULL) == 0 && seen == 0); /* still blocked */
        CHECK(wait_with(how, fd[0], NULL, &none) == -1 && errno == EINTR && seen == 1);
        CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1));
        CHECK(wait_with(how, fd[0], &zero, &none) == 0 && seen == 1); /* once */

        /* It comes while the wait is under way. */
        peer_start(&peer, send_late, &self);
        CHECK(wait_with(how, fd[0], NULL, &none) == -1 && errno == EINTR && seen == 2);
        peer_join(&peer);
        CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1));

        /* Blocked for the wait alone: it comes as soon as the wait is over. */
        CHECK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL) == 0);
        peer_start(&peer, send_late, &self);
        CHECK(wait_with(how, fd[0], &soon, &usr1) == 0);
        peer_join(&peer);
        CHECK(seen == 3);
        CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0 && !sigismember(&now, SIGUSR1));
    }
    close(fd[0]);
    close(fd[1]);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("masks ok");
    return 0;
}
