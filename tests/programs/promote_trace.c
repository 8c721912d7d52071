/*
 * Threads that trace processes, while another one computes: a child that asks for it, one that is attached to, one whose
 * stops somebody else waits for; a signal to a thread of another process.
 * usage: promote_trace THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

enum { ROUNDS = 8 };

static volatile long status_of_child = 3;
static atomic_int stop;
static int threads;

static pid_t traced_child(int by_number)
{
    pid_t pid = by_number ? (pid_t)syscall(SYS_fork) : fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
        CHECK(kill(getpid(), SIGSTOP) == 0);
        _exit((int)status_of_child);
    }
    return pid;
}

static void stopped(pid_t pid, int sig)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == sig);
}

static void ended(pid_t pid, int code)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == code);
}

/* What it is told in its memory is its status. */
static void asks_for_it(int code)
{
    void *at = (void *)&status_of_child;
    pid_t pid = traced_child(0);
    stopped(pid, SIGSTOP);
    errno = 0;
    CHECK(ptrace(PTRACE_PEEKDATA, pid, at, NULL) == 3 && errno == 0);
    CHECK(ptrace(PTRACE_POKEDATA, pid, at, (void *)(long)code) == 0);
    CHECK(ptrace(PTRACE_CONT, pid, NULL, (void *)(long)SIGUSR1) == 0);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);

    siginfo_t info;
    pid = traced_child(1);
    CHECK(waitid(P_PID, (id_t)pid, &info, WSTOPPED) == 0 && info.si_code == CLD_TRAPPED);
    CHECK(ptrace(PTRACE_POKEDATA, pid, at, (void *)(long)code) == 0);
    CHECK(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0);
    ended(pid, code);
    CHECK(ptrace(PTRACE_CONT, pid, NULL, NULL) == -1 && errno == ESRCH);
}

static void is_attached(void)
{
    int status;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        for (;;)
            pause();
    CHECK(ptrace(PTRACE_ATTACH, pid, NULL, NULL) == 0);
    stopped(pid, SIGSTOP);
    CHECK(ptrace(PTRACE_DETACH, pid, NULL, NULL) == 0);
    CHECK(syscall(SYS_tkill, pid, SIGTERM) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

struct watched {
    pid_t pid;
    sem_t seen;
};

static void *see_stop(void *arg)
{
    struct watched *w = arg;
    stopped(w->pid, SIGSTOP);
    CHECK(sem_post(&w->seen) == 0);
    return NULL;
}

static void is_watched(int code)
{
    struct watched w;
    pthread_t t;
    CHECK(sem_init(&w.seen, 0, 0) == 0);
    w.pid = traced_child(0);
    CHECK(pthread_create(&t, NULL, see_stop, &w) == 0);
    CHECK(sem_wait(&w.seen) == 0 && pthread_join(t, NULL) == 0);
    CHECK(ptrace(PTRACE_POKEDATA, w.pid, &status_of_child, (void *)(long)code) == 0);
    CHECK(ptrace(PTRACE_CONT, w.pid, NULL, NULL) == 0);
    ended(w.pid, code);
}

static void *trace(void *number)
{
    for (int i = 0; i < ROUNDS; i++) {
        asks_for_it((int)(long)number + i);
        is_attached();
        if (threads > 0)
            is_watched((int)(long)number + i);
        usleep(1000);
    }
    return NULL;
}

static void *compute(void *unused)
{
    while (!stop)
        ;
    return unused;
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    threads = atoi(argv[1]);
    pthread_t t[threads], busy;
    if (threads == 0)
        trace((void *)10);
    else
        CHECK(pthread_create(&busy, NULL, compute, NULL) == 0);
    for (long i = 0; i < threads; i++)
        CHECK(pthread_create(&t[i], NULL, trace, (void *)(10 + i * ROUNDS)) == 0);
    for (int i = 0; i < threads; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    stop = 1;
    if (threads > 0)
        CHECK(pthread_join(busy, NULL) == 0);
    puts("traced");
    return 0;
}
