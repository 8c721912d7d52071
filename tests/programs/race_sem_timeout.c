/* Posts against the expiry of timed waits: what was taken and what is left is what was posted. */
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

enum { WAITERS = 5 };

static sem_t sem;
static long taken, timeouts;
static int stop;

static void *waiter(void *arg)
{
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        clockid_t clock = chance(2) ? CLOCK_REALTIME : CLOCK_MONOTONIC;
        struct timespec limit = at(clock, 0);
        limit.tv_nsec += chance(200) * 1000;
        if (limit.tv_nsec >= 1000000000) {
            limit.tv_sec++;
            limit.tv_nsec -= 1000000000;
        }
        if (sem_clockwait(&sem, clock, &limit) == 0)
            __atomic_add_fetch(&taken, 1, __ATOMIC_SEQ_CST);
        else {
            CHECK(errno == ETIMEDOUT);
            __atomic_add_fetch(&timeouts, 1, __ATOMIC_SEQ_CST);
        }
        delay();
    }
    return NULL;
}

/* Waits without a limit: a post that woke somebody who had timed out must reach it. */
static void *patient(void *arg)
{
    for (;;) {
        CHECK(sem_wait(&sem) == 0);
        if (__atomic_load_n(&stop, __ATOMIC_SEQ_CST))
            break;
        __atomic_add_fetch(&taken, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t[WAITERS + 1];
    long posted = 0;
    int value;
    start(argc, argv);
    CHECK(sem_init(&sem, 0, 0) == 0);
    for (int i = 0; i <= WAITERS; i++)
        CHECK(pthread_create(&t[i], NULL, i ? waiter : patient, NULL) == 0);
    while (now_us() < deadline) {
        CHECK(sem_post(&sem) == 0);
        posted++;
        long limit = now_us() + 20000000;
        while (__atomic_load_n(&taken, __ATOMIC_SEQ_CST) < posted) {
            CHECK(now_us() < limit);
            sched_yield();
        }
        delay();
    }
    CHECK(taken == posted);
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    for (int i = 1; i <= WAITERS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(sem_post(&sem) == 0);
    CHECK(pthread_join(t[0], NULL) == 0);
    CHECK(sem_getvalue(&sem, &value) == 0 && value == 0);
    puts("ok");
    return 0;
}
