/* Readers and writers with and without limits, at random: readers never meet a writer, nobody is forgotten. */
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

enum { THREADS = 8 };

static pthread_rwlock_t lock;
static int readers, writers;
static long entered[THREADS];

static void *thread(void *arg)
{
    long me = (long)arg;
    while (now_us() < deadline) {
        struct timespec limit = at(CLOCK_REALTIME, chance(2));
        int r, write = 0;
        switch (chance(6)) {
        case 0:
            r = pthread_rwlock_tryrdlock(&lock);
            break;
        case 1:
            r = pthread_rwlock_timedrdlock(&lock, &limit);
            break;
        case 2:
            r = pthread_rwlock_rdlock(&lock);
            break;
        case 3:
            write = 1;
            r = pthread_rwlock_trywrlock(&lock);
            break;
        case 4:
            write = 1;
            r = pthread_rwlock_timedwrlock(&lock, &limit);
            break;
        default:
            write = 1;
            r = pthread_rwlock_wrlock(&lock);
        }
        CHECK(r == 0 || r == EBUSY || r == ETIMEDOUT);
        if (r == 0) {
            int *mine = write ? &writers : &readers;
            __atomic_add_fetch(mine, 1, __ATOMIC_SEQ_CST);
            delay();
            CHECK(__atomic_load_n(&writers, __ATOMIC_SEQ_CST) == write);
            CHECK(!write || __atomic_load_n(&readers, __ATOMIC_SEQ_CST) == 0);
            entered[me]++;
            __atomic_sub_fetch(mine, 1, __ATOMIC_SEQ_CST);
            CHECK(pthread_rwlock_unlock(&lock) == 0);
        }
        delay();
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_rwlockattr_t a;
    pthread_t t[THREADS];
    start(argc, argv);
    CHECK(pthread_rwlockattr_init(&a) == 0);
    CHECK(pthread_rwlockattr_setkind_np(&a, chance(2) ? PTHREAD_RWLOCK_PREFER_READER_NP
                                                      : PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0);
    CHECK(pthread_rwlock_init(&lock, &a) == 0);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, thread, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(t[i], NULL) == 0);
        CHECK(entered[i] > 0);
    }
    CHECK(pthread_rwlock_trywrlock(&lock) == 0);
    puts("ok");
    return 0;
}
