/* Joins of every sort against the end of the thread: the value always arrives, once. */
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

/* The time on a clock this many milliseconds from now. */
static struct timespec at(clockid_t clock, long ms)
{
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

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

static void *thread(void *arg)
{
    delay();
    if ((long)arg % 2)
        pthread_exit(arg);
    return arg;
}

static void *joiner(void *arg)
{
    void *r;
    CHECK(pthread_join(*(pthread_t *)arg, &r) == 0);
    return r;
}

int main(int argc, char **argv)
{
    start(argc, argv);
    for (long i = 1; now_us() < deadline; i++) {
        pthread_t t, j;
        void *r = NULL;
        struct timespec limit;
        int e;
        CHECK(pthread_create(&t, NULL, thread, (void *)i) == 0);
        delay();
        switch (chance(4)) {
        case 0:
            CHECK(pthread_join(t, &r) == 0);
            break;
        case 1:
            while ((e = pthread_tryjoin_np(t, &r)) != 0) {
                CHECK(e == EBUSY);
                sched_yield();
            }
            break;
        case 2:
            do {
                limit = at(CLOCK_REALTIME, 0);
                limit.tv_nsec += limit.tv_nsec < 999000000 ? chance(100) * 1000 : 0;
                e = pthread_timedjoin_np(t, &r, &limit);
                CHECK(e == 0 || e == ETIMEDOUT);
            } while (e);
            break;
        case 3:
            CHECK(pthread_create(&j, NULL, joiner, &t) == 0);
            delay();
            CHECK(pthread_join(j, &r) == 0);
            break;
        }
        CHECK(r == (void *)i);
    }
    puts("ok");
    return 0;
}
