/* Cancellation against completion: a thread waits for a semaphore that is posted at about the time it is cancelled.
   Either it was cancelled, its handler ran and the post is still there, or it returned with the post. */
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

static sem_t sem;
static int cleaned;

static void cleanup(void *arg)
{
    cleaned++;
}

static void *thread(void *arg)
{
    pthread_cleanup_push(cleanup, NULL);
    delay();
    while (sem_wait(&sem) != 0)
        ;
    pthread_cleanup_pop(0);
    return "completed";
}

int main(int argc, char **argv)
{
    long completed = 0, cancelled = 0;
    start(argc, argv);
    CHECK(sem_init(&sem, 0, 0) == 0);
    while (now_us() < deadline) {
        pthread_t t;
        void *r;
        int value;
        cleaned = 0;
        CHECK(pthread_create(&t, NULL, thread, NULL) == 0);
        delay();
        if (chance(2)) {
            CHECK(sem_post(&sem) == 0);
            delay();
            CHECK(pthread_cancel(t) == 0);
        } else {
            CHECK(pthread_cancel(t) == 0);
            delay();
            CHECK(sem_post(&sem) == 0);
        }
        CHECK(pthread_join(t, &r) == 0);
        CHECK(sem_getvalue(&sem, &value) == 0);
        if (r == PTHREAD_CANCELED) {
            cancelled++;
            CHECK(cleaned == 1);
            CHECK(value == 1);
            CHECK(sem_trywait(&sem) == 0);
        } else {
            completed++;
            CHECK(cleaned == 0);
            CHECK(value == 0);
        }
    }
    CHECK(cancelled > 0);
    puts("ok");
    return 0;
}
