/* The main thread waits for a signal that it blocks, others do not, and whose default ends the process: it comes from a
 * thread, from a child, after main has computed, slept and been elsewhere. It is main's, as the kernel prefers it. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { ROUNDS = 5, LONG = 6000000, PIECE = 100000, LATER = 100000 /* us */ };

static volatile int stop;

static void compute(int n)
{
    for (volatile int i = 0; i < n; i++)
        ;
}

static void *others(void *arg)
{
    while (!stop) {
        compute(PIECE);
        usleep(200);
    }
    return arg;
}

static void *sends(void *arg)
{
    usleep(LATER);
    kill(getpid(), SIGUSR1);
    return arg;
}

static void child_sends(void)
{
    pid_t parent = getpid();
    if (fork() == 0) {
        usleep(LATER);
        kill(parent, SIGUSR1);
        _exit(0);
    }
}

int main(void)
{
    pthread_t computing[2], sender;
    int sig, got = 0;
    sigset_t set;
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 2; i++)
        pthread_create(&computing[i], NULL, others, NULL);
    pthread_create(&sender, NULL, sends, NULL); /* blocks nothing */
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    got += sigwait(&set, &sig) == 0 && sig == SIGUSR1;
    pthread_join(sender, NULL);
    for (int i = 1; i < ROUNDS; i++) {
        usleep(1000);
        compute(LONG);
        child_sends();
        got += sigwait(&set, &sig) == 0 && sig == SIGUSR1;
    }
    stop = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(computing[i], NULL);
    printf("main got %d of %d\n", got, ROUNDS);
    return 0;
}
