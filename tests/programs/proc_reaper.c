/* A handler of SIGCHLD takes every child that it finds, as many daemons do. A thread that waits for its child has it
 * all the same: the kernel looks for it before the handler runs. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 12, STATUS = 3 };

static volatile sig_atomic_t handlers, taken;

static void reap(int sig)
{
    int saved = errno;
    (void)sig;
    handlers++;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        taken++;
    errno = saved;
}

static void *sleeps(void *stop)
{
    while (!*(volatile int *)stop)
        usleep(500);
    return NULL;
}

static pid_t child(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        usleep(10000);
        _exit(STATUS);
    }
    return pid;
}

static int by_wait(void)
{
    int status;
    pid_t pid = child();
    return wait(&status) == pid && WEXITSTATUS(status) == STATUS;
}

static int by_waitpid(void)
{
    int status;
    pid_t pid = child();
    return waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == STATUS;
}

static int by_waitid(void)
{
    siginfo_t info;
    pid_t pid = child();
    return waitid(P_PID, (id_t)pid, &info, WEXITED) == 0 && info.si_status == STATUS;
}

static int by_group(void)
{
    int status;
    pid_t pid = child();
    return waitpid(0, &status, WUNTRACED) == pid && WEXITSTATUS(status) == STATUS;
}

static int by_pclose(void)
{
    FILE *command = popen("sleep 0.01; exit 3", "r");
    return command != NULL && WEXITSTATUS(pclose(command)) == STATUS;
}

static void try(const char *how, int (*wait_for)(void))
{
    int got = 0;
    handlers = taken = 0;
    for (int i = 0; i < ROUNDS; i++)
        got += wait_for();
    printf("%s: %d of %d, the handler took %d, it ran %s\n", how, got, ROUNDS, (int)taken,
           handlers == ROUNDS ? "for each" : "not for each");
}

int main(void)
{
    int stop = 0;
    pthread_t other;
    struct sigaction act = {.sa_handler = reap, .sa_flags = SA_RESTART};
    setpgid(0, 0);
    pthread_create(&other, NULL, sleeps, &stop);
    sigaction(SIGCHLD, &act, NULL);
    try("wait", by_wait);
    try("waitpid", by_waitpid);
    try("waitid", by_waitid);
    try("waitpid for the group", by_group);
    try("pclose", by_pclose);
    stop = 1;
    pthread_join(other, NULL);
    return 0;
}
