/* A thread with a policy of its own sends signals to main, the only other thread, which computes until its handler
 * has run. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { ROUNDS = 20 };

static pthread_t first;
static volatile sig_atomic_t handled;

static void handler(int sig)
{
    handled++;
}

static void *sends(void *arg)
{
    const struct sched_param param = {0};
    if (sched_setscheduler(0, SCHED_BATCH, &param) != 0)
        return NULL;
    for (int i = 0; i < ROUNDS; i++) {
        usleep(i * 500);
        if (pthread_kill(first, SIGUSR1) != 0)
            return NULL;
        while (handled <= i)
            usleep(100);
    }
    return arg;
}

int main(void)
{
    pthread_t t;
    void *r;
    first = pthread_self();
    signal(SIGUSR1, handler);
    if (pthread_create(&t, NULL, sends, &t) != 0)
        return 1;
    while (handled < ROUNDS)
        ;
    pthread_join(t, &r);
    printf("%d handled, %s\n", (int)handled, r != NULL ? "all sent" : "not sent");
    return 0;
}
