/* A signal against the expiry of a timed wait. A waiter that timed out has taken no signal: the patient one, who waits
   without a limit, gets every token that the impatient ones leave. */
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

enum { IMPATIENT = 4 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, taken_cond = PTHREAD_COND_INITIALIZER;
static long tokens, produced, taken;
static int stop;

static void take(void)
{
    tokens--;
    taken++;
    CHECK(pthread_cond_signal(&taken_cond) == 0);
}

static void *impatient(void *arg)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    while (!stop) {
        struct timespec limit = at(CLOCK_REALTIME, 0);
        limit.tv_nsec += chance(200) * 1000;
        if (limit.tv_nsec >= 1000000000) {
            limit.tv_sec++;
            limit.tv_nsec -= 1000000000;
        }
        int r = pthread_cond_timedwait(&cond, &mutex, &limit);
        CHECK(r == 0 || r == ETIMEDOUT);
        if (r == 0 && tokens > 0)
            take();
        CHECK(pthread_mutex_unlock(&mutex) == 0);
        delay();
        CHECK(pthread_mutex_lock(&mutex) == 0);
    }
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return NULL;
}

static void *patient(void *arg)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    while (!stop) {
        while (tokens == 0 && !stop)
            CHECK(pthread_cond_wait(&cond, &mutex) == 0);
        if (tokens > 0)
            take();
    }
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t[IMPATIENT + 1];
    start(argc, argv);
    for (int i = 0; i <= IMPATIENT; i++)
        CHECK(pthread_create(&t[i], NULL, i ? impatient : patient, NULL) == 0);
    CHECK(pthread_mutex_lock(&mutex) == 0);
    while (now_us() < deadline) {
        tokens++;
        produced++;
        CHECK(pthread_cond_signal(&cond) == 0);
        struct timespec limit = at(CLOCK_REALTIME, 20000);
        while (taken < produced) /* one at a time: a token that nobody was woken for is seen at once */
            CHECK(pthread_cond_timedwait(&taken_cond, &mutex, &limit) == 0);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
        delay();
        CHECK(pthread_mutex_lock(&mutex) == 0);
    }
    stop = 1;
    CHECK(pthread_cond_broadcast(&cond) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    for (int i = 0; i <= IMPATIENT; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(taken == produced && tokens == 0);
    puts("ok");
    return 0;
}
