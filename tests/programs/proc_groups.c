/*
 * Waits for a process group: only its members count, and each thread's group is its own.
 * usage: proc_groups THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void *scenario(void *unused)
{
    pid_t leader = 0, pid;
    int sum = 0, status;
    siginfo_t info;
    for (int i = 0; i < 5; i++) {
        CHECK((pid = fork()) >= 0);
        if (pid == 0) {
            setpgid(0, leader);
            usleep(10000 * i);
            _exit(1 << i);
        }
        if (!leader)
            leader = pid;
        CHECK(setpgid(pid, leader) == 0 || errno == EACCES || errno == ESRCH);
    }
    for (int i = 0; i < 4; i++) {
        CHECK((pid = waitpid(-leader, &status, 0)) > 0 && WIFEXITED(status));
        sum += WEXITSTATUS(status);
    }
    memset(&info, 0, sizeof info);
    CHECK(waitid(P_PGID, leader, &info, WEXITED) == 0 && info.si_code == CLD_EXITED);
    CHECK(sum + info.si_status == 31);
    CHECK(waitpid(-leader, &status, 0) == -1 && errno == ECHILD);
    CHECK(waitid(P_PGID, leader, &info, WEXITED) == -1 && errno == ECHILD);
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("groups ok");
    return 0;
}
