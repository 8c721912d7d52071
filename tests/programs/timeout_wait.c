/*
 * A child that does not end: the wait ends with ETIMEDOUT, the child is still there and can be waited for again.
 * usage: timeout_wait wait|wait3|wait4|waitpid|waitid|any LIMIT THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

static int limit; /* ms; 0: none is set, and the peer answers in time */

/* It ended when its time was up: not before, not much later. */
static int in_time(double start)
{
    double ms = (now() - start) * 1000;
    return ms > limit * 0.95 && ms < limit + 10000;
}

static const char *how;

static pid_t await(pid_t pid, int *status)
{
    siginfo_t info = {0};
    if (!strcmp(how, "wait"))
        return wait(status);
    if (!strcmp(how, "wait3"))
        return wait3(status, 0, NULL);
    if (!strcmp(how, "wait4"))
        return wait4(pid, status, 0, NULL);
    if (!strcmp(how, "any"))
        return waitpid(-1, status, 0);
    if (!strcmp(how, "waitid")) {
        if (waitid(P_PID, pid, &info, WEXITED) != 0)
            return -1;
        *status = info.si_status;
        return info.si_pid;
    }
    return waitpid(pid, status, 0);
}

static void *scenario(void *unused)
{
    int status = 0;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        usleep(limit ? 100000000 : 300000);
        raise(SIGTERM);
        _exit(1);
    }
    if (limit) {
        for (int i = 0; i < 2; i++) {
            double start = now();
            CHECK(await(pid, &status) == -1 && errno == ETIMEDOUT && in_time(start));
        }
        CHECK(kill(pid, 0) == 0);
        CHECK(waitpid(pid, &status, WNOHANG) == 0);
        CHECK(kill(pid, SIGTERM) == 0);
    }
    CHECK(await(pid, &status) == pid);
    CHECK(!strcmp(how, "waitid") ? status == SIGTERM : WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    CHECK(waitpid(pid, &status, 0) == -1 && errno == ECHILD);
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    how = argv[1];
    limit = atoi(argv[2]);
    crowd(atoi(argv[3]), scenario);
    printf("%s: %s\n", how, limit ? "ETIMEDOUT, then its status" : "its status");
    return 0;
}
