/* Real-time signals come one after another while the main thread computes, calls and waits, and its handler waits, too:
 * none overtakes another one. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/wait.h>

enum { SIGNALS = 20000 };

static volatile int got, disorder, last;

static void handler(int sig, siginfo_t *info, void *context)
{
    disorder += info->si_value.sival_int != last + 1;
    last = info->si_value.sival_int;
    if (++got % 7 == 0)
        usleep(20);
}

static void *works(void *stop)
{
    while (!*(volatile int *)stop)
        usleep(100);
    return NULL;
}

static void send_all(pid_t pid)
{
    union sigval v;
    for (v.sival_int = 1; v.sival_int <= SIGNALS; v.sival_int++) {
        while (sigqueue(pid, SIGRTMIN + 3, v) != 0)
            usleep(100);
        for (volatile int i = rand() % 4000; i > 0; i--)
            ;
        if (rand() % 64 == 0)
            usleep(50);
    }
    _exit(0);
}

int main(void)
{
    static int stop;
    pthread_t thread;
    sigset_t set;
    struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGRTMIN + 3, &act, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 3);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_create(&thread, NULL, works, &stop);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    pid_t child = fork();
    if (child == 0)
        send_all(getppid());
    for (int i = 0; got < SIGNALS && i < 20000000; i++) {
        if (i % 64 == 0)
            usleep(10);
        if (i % 16 == 0)
            sched_yield();
        for (volatile int n = rand() % 300; n > 0; n--)
            ;
        if (i % 1024 == 0) {
            pthread_sigmask(SIG_BLOCK, &set, NULL);
            usleep(50);
            pthread_sigmask(SIG_UNBLOCK, &set, NULL);
        }
    }
    stop = 1;
    pthread_join(thread, NULL);
    waitpid(child, NULL, 0);
    printf("%d, out of order %d\n", got, disorder);
    return 0;
}
