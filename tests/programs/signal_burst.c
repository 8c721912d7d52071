/* Many real-time signals at once: each is handled, in order. They waited while they were blocked, or come while the
 * handler runs, or while the program waits. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/wait.h>

static volatile int got, disorder, last, more, slow;

static void send(int n, int pid)
{
    union sigval v;
    for (v.sival_int = 1; v.sival_int <= n; v.sival_int++)
        while (sigqueue(pid, SIGRTMIN + 2, v) != 0)
            usleep(100);
}

static void handler(int sig, siginfo_t *info, void *context)
{
    got++;
    disorder += info->si_value.sival_int != last % 1000 + 1;
    last = info->si_value.sival_int;
    if (more > 0) {
        more = 0;
        send(1000, getpid());
    }
    if (slow && got % 100 == 0)
        usleep(100);
}

static void *nothing(void *arg)
{
    return arg;
}

static void *yields(void *stop)
{
    while (!*(volatile int *)stop)
        sched_yield();
    return NULL;
}

static void report(const char *what, int want)
{
    for (int i = 0; i < 5000 && got < want; i++)
        usleep(1000);
    printf("%s: %d, out of order %d\n", what, got, disorder);
    got = disorder = last = 0;
}

int main(void)
{
    static int stop;
    pthread_t thread;
    sigset_t set;
    struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    pthread_create(&thread, NULL, nothing, NULL);
    pthread_join(thread, NULL);
    sigaction(SIGRTMIN + 2, &act, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 2);

    pthread_sigmask(SIG_BLOCK, &set, NULL);
    send(1000, getpid());
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    report("unblocked", 1000);

    more = 1;
    send(1000, getpid());
    report("in the handler", 2000);

    fflush(stdout);
    slow = 1;
    if (fork() == 0) {
        send(1000, getppid());
        _exit(0);
    }
    report("while it waits", 1000);
    wait(NULL);

    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_create(&thread, NULL, yields, &stop);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    if (fork() == 0) {
        send(1000, getppid());
        _exit(0);
    }
    report("beside another thread", 1000);
    wait(NULL);
    stop = 1;
    pthread_join(thread, NULL);
    return 0;
}
