/* A thread has given itself ids of its own. When the process changes its ids, libc finds that the threads do not agree
 * and aborts: the program's handler of SIGABRT runs. Only root may change them. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 20, SEEN = 7 };

static pthread_barrier_t changed;

static void aborts(int sig)
{
    (void)sig;
    _exit(SEEN);
}

static void *differs(void *arg)
{
    syscall(SYS_setresuid, 2001, 2002, 2003);
    pthread_barrier_wait(&changed);
    pause();
    return arg;
}

static void change_all(void)
{
    pthread_t thread;
    pthread_barrier_init(&changed, NULL, 2);
    pthread_create(&thread, NULL, differs, NULL);
    pthread_barrier_wait(&changed);
    signal(SIGABRT, aborts);
    _exit(setresuid(1001, 1002, 1003) == 0 ? 0 : 1);
}

int main(void)
{
    int handled = 0, status;
    for (int i = 0; i < CHILDREN; i++) {
        pid_t pid = fork();
        if (pid == 0)
            change_all();
        waitpid(pid, &status, 0);
        handled += WIFEXITED(status) && WEXITSTATUS(status) == SEEN;
    }
    printf("handled in %d of %d\n", handled, CHILDREN);
    return 0;
}
