/*
 * SIGCHLD: a handler that is told who ended and how, SIG_IGN and SA_NOCLDWAIT (nothing to wait for: the wait lasts
 * until all have ended, then ECHILD), SA_NOCLDSTOP; with threads, while threads wait for their children.
 * usage: proc_sigchld THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static atomic_int ended, stopped, wrong;

static void on_child(int sig, siginfo_t *info, void *context)
{
    int saved = errno;
    if (sig != SIGCHLD || info->si_pid <= 0 || info->si_signo != SIGCHLD)
        wrong++;
    if (info->si_code == CLD_EXITED || info->si_code == CLD_KILLED)
        ended++;
    if (info->si_code == CLD_STOPPED)
        stopped++;
    errno = saved;
}

/* waitpid, again when the handler came between. */
static pid_t wait_again(pid_t pid, int *status, int options)
{
    pid_t got;
    while ((got = waitpid(pid, status, options)) == -1 && errno == EINTR)
        ;
    return got;
}

static void *own_children(void *unused)
{
    for (int i = 0; i < 5; i++) {
        int status;
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            usleep(5000);
            _exit(i + 1);
        }
        CHECK(wait_again(pid, &status, 0) == pid && WEXITSTATUS(status) == i + 1);
    }
    return NULL;
}

static void stop_one(int expect)
{
    int status, before = stopped;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        raise(SIGSTOP);
        _exit(0);
    }
    CHECK(wait_again(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    for (int i = 0; i < 200 && stopped == before && expect; i++)
        usleep(5000);
    CHECK(stopped - before == expect);
    CHECK(kill(pid, SIGCONT) == 0);
    CHECK(wait_again(pid, &status, 0) == pid);
}

static void ignored(int flags)
{
    struct sigaction act = {.sa_handler = flags ? SIG_DFL : SIG_IGN, .sa_flags = flags};
    CHECK(sigaction(SIGCHLD, &act, NULL) == 0);
    double start = now();
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            usleep(50000);
            _exit(1);
        }
    }
    CHECK(wait(NULL) == -1 && errno == ECHILD);
    CHECK(now() - start >= 0.05);
}

static void *alone(void *unused)
{
    struct sigaction act = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART};
    stop_one(1);
    act.sa_flags |= SA_NOCLDSTOP;
    CHECK(sigaction(SIGCHLD, &act, NULL) == 0);
    stop_one(0);
    ignored(0);
    ignored(SA_NOCLDWAIT);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART};
    int n = argc > 1 ? atoi(argv[1]) : 0;
    CHECK(sigaction(SIGCHLD, &act, NULL) == 0);
    crowd(n, own_children);
    CHECK(ended >= 1 && ended <= 5 * (n ? n : 1)); /* several at once may come as one */
    crowd(n ? 1 : 0, alone);
    CHECK(wrong == 0);
    puts("SIGCHLD ok");
    return 0;
}
