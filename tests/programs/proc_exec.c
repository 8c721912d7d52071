/*
 * exec from the main thread and from another one, while others wait: the same process goes on as the new program,
 * with its arguments, environment, descriptors and signal mask, and nothing of the old threads.
 * usage: proc_exec main|thread
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
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

static char **args;

static void *again(void *unused)
{
    char pid[32], fd[32];
    int p[2];
    sigset_t set;
    CHECK(pipe(p) == 0 && write(p[1], "kept", 4) == 4);
    sprintf(pid, "%d", getpid());
    sprintf(fd, "%d", p[0]);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    CHECK(pthread_sigmask(SIG_SETMASK, &set, NULL) == 0);
    signal(SIGHUP, SIG_IGN);
    CHECK(setenv("KEPT", "yes", 1) == 0);
    execl("/proc/self/exe", args[0], "after", pid, fd, args[1], NULL);
    CHECK(!"exec");
    return NULL;
}

static void *wait_for_ever(void *arg)
{
    char c;
    if (arg)
        read(*(int *)arg, &c, 1);
    else
        pause();
    return NULL;
}

static void *quick(void *arg)
{
    usleep(1000);
    return arg;
}

static int after(char **argv)
{
    char c[8];
    sigset_t set;
    pthread_t t;
    void *result;
    CHECK(atoi(argv[2]) == getpid());
    CHECK(read(atoi(argv[3]), c, 8) == 4 && !memcmp(c, "kept", 4));
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &set) == 0);
    for (int i = 1; i < NSIG; i++)
        CHECK(sigismember(&set, i) <= (i == SIGUSR2));
    CHECK(sigismember(&set, SIGUSR2));
    struct sigaction act;
    CHECK(sigaction(SIGHUP, NULL, &act) == 0 && act.sa_handler == SIG_IGN);
    CHECK(sigaction(SIGUSR1, NULL, &act) == 0 && act.sa_handler == SIG_DFL);
    CHECK(!strcmp(getenv("KEPT"), "yes"));
    CHECK(waitpid(-1, NULL, WNOHANG) == 0); /* its child is still its child */
    CHECK(pthread_create(&t, NULL, quick, &t) == 0 && pthread_join(t, &result) == 0 && result == &t);
    CHECK(kill(atoi(getenv("CHILD")), SIGKILL) == 0 && wait(NULL) > 0);
    printf("went on after exec from %s\n", argv[4]);
    return 0;
}

static void on_signal(int sig)
{
}

int main(int argc, char **argv)
{
    static int p[2];
    pthread_t t;
    args = argv;
    CHECK(argc > 1);
    if (!strcmp(argv[1], "after"))
        return after(argv);
    signal(SIGUSR1, on_signal);
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    char number[32];
    sprintf(number, "%d", pid);
    CHECK(setenv("CHILD", number, 1) == 0);
    CHECK(pipe(p) == 0 && fcntl(p[0], F_SETFD, FD_CLOEXEC) == 0);
    if (!strcmp(argv[1], "main"))
        again(NULL);
    for (int i = 0; i < 5; i++) {
        CHECK(pthread_create(&t, NULL, wait_for_ever, &p[0]) == 0);
        CHECK(pthread_create(&t, NULL, wait_for_ever, NULL) == 0);
    }
    usleep(10000);
    CHECK(pthread_create(&t, NULL, again, NULL) == 0);
    pthread_join(t, NULL);
    return 1;
}
