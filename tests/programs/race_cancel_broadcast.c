/* Cancellations against broadcasts: every waiter either woke or was cancelled, and the mutex is free in the end. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static unsigned long long state;
static long deadline;

static long now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Arguments of the program: a seed, and for how many seconds. */
static void start(int argc, char **argv)
{
    state = (argc > 1 ? strtoull(argv[1], NULL, 10) : 1) * 2654435761u + 88172645463325252ull;
    deadline = now_us() + (long)((argc > 2 ? atof(argv[2]) : 1) * 1e6);
}

static unsigned chance(unsigned n)
{
    unsigned long long x = __atomic_load_n(&state, __ATOMIC_RELAXED);
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    __atomic_store_n(&state, x, __ATOMIC_RELAXED);
    return (x >> 11) % n;
}

/* Nothing, some turns of a loop, a few yields or a short sleep. */
static void delay(void)
{
    switch (chance(4)) {
    case 1:
        for (volatile unsigned i = chance(2000); i > 0; i--)
            ;
        break;
    case 2:
        for (unsigned i = chance(4); i > 0; i--)
            sched_yield();
        break;
    case 3:
        usleep(chance(100));
        break;
    }
}

enum { WAITERS = 12 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, full = PTHREAD_COND_INITIALIZER;
static int waiting, generation, woken, cleaned;

static void cleanup(void *arg)
{
    cleaned++;
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

static void *waiter(void *arg)
{
    int born = (int)(long)arg;
    CHECK(pthread_mutex_lock(&mutex) == 0);
    if (++waiting == WAITERS)
        CHECK(pthread_cond_signal(&full) == 0);
    pthread_cleanup_push(cleanup, NULL);
    while (generation == born)
        CHECK(pthread_cond_wait(&cond, &mutex) == 0);
    woken++;
    pthread_cleanup_pop(0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return NULL;
}

int main(int argc, char **argv)
{
    start(argc, argv);
    while (now_us() < deadline) {
        pthread_t t[WAITERS];
        int cancelled = 0, returned = 0;
        waiting = woken = cleaned = 0;
        for (int i = 0; i < WAITERS; i++)
            CHECK(pthread_create(&t[i], NULL, waiter, (void *)(long)generation) == 0);
        CHECK(pthread_mutex_lock(&mutex) == 0);
        while (waiting < WAITERS)
            CHECK(pthread_cond_wait(&full, &mutex) == 0);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
        int before = chance(WAITERS);
        for (int i = 0; i < WAITERS; i++) {
            if (i == before) {
                CHECK(pthread_mutex_lock(&mutex) == 0);
                generation++;
                CHECK(pthread_cond_broadcast(&cond) == 0);
                CHECK(pthread_mutex_unlock(&mutex) == 0);
                delay();
            }
            if (chance(2))
                CHECK(pthread_cancel(t[i]) == 0);
        }
        for (int i = 0; i < WAITERS; i++) {
            void *r;
            CHECK(pthread_join(t[i], &r) == 0);
            cancelled += r == PTHREAD_CANCELED;
            returned += r == NULL;
        }
        CHECK(cancelled + returned == WAITERS);
        CHECK(cancelled == cleaned && returned == woken);
        CHECK(pthread_mutex_trylock(&mutex) == 0);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    puts("ok");
    return 0;
}
