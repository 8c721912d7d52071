/* Signals of the process that a thread has got, and blocks before it has handled them: another thread that does not
 * block them handles them, and none is lost. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { ROUNDS = 20, EACH = 600, LONG = 12000000, PIECE = 30000 };

static atomic_int handled, started, stop;
static sigset_t set;

static void handler(int sig)
{
    (void)sig;
    handled++;
}

static void compute(int n)
{
    for (volatile int i = 0; i < n; i++)
        ;
}

static void *blocks(void *arg)
{
    started = 1;
    compute(LONG);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    while (!stop)
        usleep(1000);
    return arg;
}

static void *lets_in(void *arg)
{
    while (!stop)
        usleep(1000);
    return arg;
}

/* How many were not handled. */
static int send(void)
{
    pthread_t first, second;
    int sent = 0;
    handled = started = stop = 0;
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    pthread_create(&first, NULL, blocks, NULL);
    pthread_create(&second, NULL, lets_in, NULL);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    while (!started)
        usleep(100);
    for (; sent < EACH; sent++) {
        if (sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = sent}) != 0)
            break;
        compute(PIECE);
    }
    for (int i = 0; i < 400 && handled != sent; i++)
        usleep(5000);
    stop = 1;
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    return EACH - handled;
}

int main(void)
{
    int lost = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    signal(SIGRTMIN, handler);
    for (int i = 0; i < ROUNDS && lost == 0; i++)
        lost += send();
    printf("%d not handled\n", lost);
    return 0;
}
