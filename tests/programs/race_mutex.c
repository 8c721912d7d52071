/* Hand-over of a mutex between threads that lock, try and lock with a limit: exclusion holds, no waiter is forgotten.
 */
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

enum { THREADS = 6 };

static pthread_mutex_t mutex;
static int inside;
static long entered[THREADS], counter;

static void *thread(void *arg)
{
    long me = (long)arg;
    while (now_us() < deadline) {
        struct timespec limit = at(CLOCK_REALTIME, 0);
        int r;
        switch (chance(4)) {
        case 0:
            r = pthread_mutex_trylock(&mutex);
            CHECK(r == 0 || r == EBUSY);
            break;
        case 1:
            limit.tv_nsec += chance(300) * 1000;
            if (limit.tv_nsec >= 1000000000) {
                limit.tv_sec++;
                limit.tv_nsec -= 1000000000;
            }
            r = pthread_mutex_timedlock(&mutex, &limit);
            CHECK(r == 0 || r == ETIMEDOUT);
            break;
        default:
            r = pthread_mutex_lock(&mutex);
            CHECK(r == 0);
        }
        if (r == 0) {
            CHECK(inside++ == 0);
            counter++;
            entered[me]++;
            delay();
            CHECK(--inside == 0);
            CHECK(pthread_mutex_unlock(&mutex) == 0);
        }
        delay();
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t[THREADS];
    long sum = 0;
    start(argc, argv);
    CHECK(pthread_mutex_init(&mutex, NULL) == 0);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, thread, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(t[i], NULL) == 0);
        CHECK(entered[i] > 0);
        sum += entered[i];
    }
    CHECK(sum == counter);
    CHECK(pthread_mutex_destroy(&mutex) == 0);
    puts("ok");
    return 0;
}
