/* The process ends, by exit or by the return of main, while threads are created, end and block in all sorts of ways.
   The race is with the end: run it often. Argument: a seed. */
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

static int pipes[2];

static void *naps(void *arg)
{
    usleep(chance(50));
    return NULL;
}

static void *churns(void *arg)
{
    for (;;) {
        pthread_t t;
        if (pthread_create(&t, NULL, naps, NULL) == 0)
            pthread_join(t, NULL);
    }
}

static void *reads(void *arg)
{
    char c;
    for (;;)
        read(pipes[0], &c, 1);
}

static void *yields(void *arg)
{
    for (;;)
        sched_yield();
}

int main(int argc, char **argv)
{
    static void *(*const kinds[])(void *) = {churns, reads, yields};
    pthread_t t;
    start(argc, argv);
    CHECK(pipe(pipes) == 0);
    for (int i = 0; i < 6; i++)
        CHECK(pthread_create(&t, NULL, kinds[i % 3], NULL) == 0);
    for (int i = chance(10); i > 0; i--)
        delay();
    puts("ok");
    return 0;
}
