/* A handler that changes the mask itself: what it does is undone when it returns, or stays when it jumps out, and a
   signal that nobody blocks comes afterwards. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 3 };
static volatile sig_atomic_t came[65], how, jumps;
static volatile sig_atomic_t stop;
static sigjmp_buf env;

static void change(int with, int sig)
{
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, sig);
    CHECK(pthread_sigmask(with, &s, NULL) == 0);
}

static int blocked(int sig)
{
    sigset_t s;
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &s) == 0);
    return sigismember(&s, sig);
}

static void on_signal(int sig)
{
    came[sig]++;
    if (sig != SIGUSR1)
        return;
    if (how & 1)
        change(SIG_UNBLOCK, SIGUSR1);
    if (how & 2)
        change(SIG_BLOCK, SIGUSR2);
    if (jumps)
        siglongjmp(env, 1);
}

static void *waits(void *arg)
{
    while (!stop)
        usleep(1000);
    return arg;
}

/* Signals to the process come. */
static void both_come(void)
{
    int sigs[] = {SIGUSR1, SIGUSR2};
    for (int i = 0; i < 2; i++) {
        int was = came[sigs[i]];
        kill(getpid(), sigs[i]);
        for (int n = 0; came[sigs[i]] == was && n < 2000; n++)
            usleep(1000);
        CHECK(came[sigs[i]] == was + 1);
    }
}

int main(void)
{
    pthread_t t[THREADS];
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_signal;
    CHECK(sigaction(SIGUSR1, &a, NULL) == 0 && sigaction(SIGUSR2, &a, NULL) == 0);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, waits, NULL) == 0);
    for (how = 0; how < 4; how++)
        for (int saved = 0; saved < 3; saved++) { /* returns; jumps with the mask; jumps without */
            for (int n = 0; n < 5; n++) {
                jumps = saved != 0;
                if (saved == 0)
                    CHECK(raise(SIGUSR1) == 0);
                else if (sigsetjmp(env, saved == 1) == 0)
                    CHECK(raise(SIGUSR1) == 0);
                jumps = 0;
                printf("%d %d: %d %d\n", (int)how, saved, blocked(SIGUSR1), blocked(SIGUSR2));
                change(SIG_UNBLOCK, SIGUSR1);
                change(SIG_UNBLOCK, SIGUSR2);
            }
            int h = how;
            how = 0;
            both_come();
            how = h;
        }
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    printf("%d %d\n", (int)came[SIGUSR1], (int)came[SIGUSR2]);
    return 0;
}
