/* Threads wait for signals that they alone block and nobody handles, so that any other way than to them would end the
 * process. Others send, at any moment before, in and between the waits; nothing is lost and nothing comes twice. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #e, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

enum { PAIRS = 3, ROUNDS = 1500 };

static struct pair {
    pthread_t waits, sends;
    sem_t blocked;
    unsigned seed[2];
} pairs[PAIRS];

static void delay(unsigned *seed)
{
    switch (rand_r(seed) % 4) {
    case 0:
        usleep((useconds_t)rand_r(seed) % 80);
        break;
    case 1:
        for (volatile int i = rand_r(seed) % 3000; i > 0; i--)
            ;
    }
}

static void *waits(void *arg)
{
    struct pair *p = arg;
    struct timespec long_enough = {40, 0}, none = {0, 0};
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 3);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    sem_post(&p->blocked);
    for (int i = 0; i < ROUNDS; i++) {
        int sig = i % 3 == 0 ? sigtimedwait(&set, &info, &long_enough) : sigwaitinfo(&set, &info);
        CHECK(sig == SIGRTMIN + 3 && info.si_code == SI_QUEUE && info.si_value.sival_int == i);
        delay(&p->seed[0]);
    }
    CHECK(sigtimedwait(&set, &info, &none) == -1 && errno == EAGAIN);
    return NULL;
}

static void *sends(void *arg)
{
    struct pair *p = arg;
    sem_wait(&p->blocked);
    for (int i = 0; i < ROUNDS; i++) {
        union sigval v = {.sival_int = i};
        CHECK(pthread_sigqueue(p->waits, SIGRTMIN + 3, v) == 0);
        delay(&p->seed[1]);
    }
    return NULL;
}

int main(void)
{
    for (int i = 0; i < PAIRS; i++) {
        struct pair *p = &pairs[i];
        sem_init(&p->blocked, 0, 0);
        p->seed[0] = (unsigned)i * 2 + 1;
        p->seed[1] = (unsigned)i * 2 + 2;
        CHECK(pthread_create(&p->waits, NULL, waits, p) == 0);
    }
    for (int i = 0; i < PAIRS; i++)
        CHECK(pthread_create(&pairs[i].sends, NULL, sends, &pairs[i]) == 0);
    for (int i = 0; i < PAIRS; i++)
        CHECK(pthread_join(pairs[i].sends, NULL) == 0 && pthread_join(pairs[i].waits, NULL) == 0);
    puts("ok");
    return 0;
}
