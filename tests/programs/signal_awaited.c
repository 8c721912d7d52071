/* Threads that wait for signals in sigwait, and signals from their own process: each thread takes one, no other keeps
 * it; none is lost when a wait runs out just then; of several the lowest number comes first. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { WAITING = 3, ROUNDS = 5, LIMIT = 3 /* s */, TIMEOUTS = 300, SHORT = 300000 /* ns */ };

static sigset_t set;
static sem_t took, again;
static atomic_int waits, taken;

/* A signal without a handler would be the kernel's. */
static void handler(int sig)
{
    (void)sig;
}

static void *takes(void *arg)
{
    int sig;
    for (int i = 0; i < ROUNDS; i++) {
        sigwait(&set, &sig);
        sem_post(&took);
        sem_wait(&again);
    }
    return arg;
}

static int posts_within_the_limit(int most)
{
    struct timespec end;
    int n = 0;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += LIMIT;
    while (n < most && sem_timedwait(&took, &end) == 0)
        n++;
    return n;
}

static void each_takes_one(void)
{
    pthread_t threads[WAITING];
    int n = 0;
    for (int i = 0; i < WAITING; i++)
        pthread_create(&threads[i], NULL, takes, NULL);
    for (int round = 0; round < ROUNDS && n == WAITING * round; round++) {
        usleep(5000); /* all wait */
        for (int i = 0; i < WAITING; i++)
            sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
        n += posts_within_the_limit(WAITING);
        for (int i = 0; i < WAITING; i++)
            sem_post(&again);
    }
    printf("taken: %d of %d\n", n, WAITING * ROUNDS);
    fflush(stdout);
    if (n < WAITING * ROUNDS)
        _exit(1);
    for (int i = 0; i < WAITING; i++)
        pthread_join(threads[i], NULL);
}

static void *takes_soon(void *arg)
{
    const struct timespec limit = {0, SHORT};
    waits = 1;
    if (sigtimedwait(&set, NULL, &limit) == SIGRTMIN)
        taken++;
    return arg;
}

static long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* At about the time when the wait runs out. */
static void send_then(void)
{
    while (!waits)
        usleep(10);
    for (long then = now() + SHORT / 2 + rand() % SHORT; now() < then;)
        ;
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 1});
}

static void none_is_lost(void)
{
    static const struct timespec none;
    pthread_t thread;
    int wrong = 0;
    for (int i = 0; i < TIMEOUTS; i++) {
        waits = taken = 0;
        pthread_create(&thread, NULL, takes_soon, NULL);
        send_then();
        pthread_join(thread, NULL);
        while (sigtimedwait(&set, NULL, &none) == SIGRTMIN)
            taken++;
        wrong += taken != 1;
    }
    printf("lost: %d of %d\n", wrong, TIMEOUTS);
}

static void lowest_first(const char *what, int own)
{
    int sig;
    for (int i = 2; i >= 0; i--) {
        if (own)
            pthread_sigqueue(pthread_self(), SIGRTMIN + i, (union sigval){.sival_int = i});
        else
            sigqueue(getpid(), SIGRTMIN + i, (union sigval){.sival_int = i});
    }
    printf("%s:", what);
    for (int i = 0; i < 3; i++) {
        sigwait(&set, &sig);
        printf(" %d", sig - SIGRTMIN);
    }
    putchar('\n');
}

int main(void)
{
    sem_init(&took, 0, 0);
    sem_init(&again, 0, 0);
    sigemptyset(&set);
    for (int i = 0; i < 3; i++) {
        sigaddset(&set, SIGRTMIN + i);
        signal(SIGRTMIN + i, handler);
    }
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    each_takes_one();
    none_is_lost();
    lowest_first("of the thread", 1);
    lowest_first("of the process", 0);
    return 0;
}
