/* Locks with a time limit: both clocks, never early, bad times refused only when they matter, lock obtained in time. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
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

static int passed(clockid_t clock, struct timespec when)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec > when.tv_sec || (now.tv_sec == when.tv_sec && now.tv_nsec >= when.tv_nsec);
}

static pthread_mutex_t mutex;

static void *times_out(void *arg)
{
    struct timespec limit, bad = {1, 1000000000}, negative = {1, -1}, before = {-5, 0};
    limit = at(CLOCK_REALTIME, 20);
    EQ(pthread_mutex_timedlock(&mutex, &limit), ETIMEDOUT);
    EQ(passed(CLOCK_REALTIME, limit), 1);
    limit = at(CLOCK_REALTIME, 20);
    EQ(pthread_mutex_clocklock(&mutex, CLOCK_REALTIME, &limit), ETIMEDOUT);
    EQ(passed(CLOCK_REALTIME, limit), 1);
    limit = at(CLOCK_MONOTONIC, 20);
    EQ(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &limit), ETIMEDOUT);
    EQ(passed(CLOCK_MONOTONIC, limit), 1);
    EQ(pthread_mutex_timedlock(&mutex, &limit), ETIMEDOUT); /* long past on this clock */
    EQ(pthread_mutex_timedlock(&mutex, &before), ETIMEDOUT);
    EQ(pthread_mutex_timedlock(&mutex, &bad), EINVAL);
    EQ(pthread_mutex_timedlock(&mutex, &negative), EINVAL);
    EQ(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &bad), EINVAL);
    EQ(pthread_mutex_clocklock(&mutex, 77, &limit), EINVAL);
    return NULL;
}

static void *in_time(void *arg)
{
    struct timespec limit = at(CLOCK_REALTIME, 20000);
    EQ(pthread_mutex_timedlock(&mutex, &limit), 0);
    usleep(1000);
    EQ(pthread_mutex_unlock(&mutex), 0);
    limit = at(CLOCK_MONOTONIC, 20000);
    EQ(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &limit), 0);
    EQ(pthread_mutex_unlock(&mutex), 0);
    return NULL;
}

static void *free_lock(void *arg)
{
    struct timespec bad = {1, 1000000000}, past = {1, 0};
    EQ(pthread_mutex_timedlock(&mutex, &past), 0);
    EQ(pthread_mutex_unlock(&mutex), 0);
    EQ(pthread_mutex_timedlock(&mutex, &bad), 0);
    EQ(pthread_mutex_unlock(&mutex), 0);
    return NULL;
}

static void run(int kind)
{
    pthread_mutexattr_t a;
    pthread_t t[5];
    EQ(pthread_mutexattr_init(&a), 0);
    EQ(pthread_mutexattr_settype(&a, kind), 0);
    EQ(pthread_mutex_init(&mutex, &a), 0);
    EQ(pthread_mutex_lock(&mutex), 0);
    if (kind == PTHREAD_MUTEX_ERRORCHECK) {
        struct timespec past = {1, 0};
        EQ(pthread_mutex_timedlock(&mutex, &past), EDEADLK);
    }
    if (kind == PTHREAD_MUTEX_RECURSIVE) {
        struct timespec past = {1, 0};
        EQ(pthread_mutex_timedlock(&mutex, &past), 0);
        EQ(pthread_mutex_unlock(&mutex), 0);
    }
    for (int i = 0; i < 5; i++)
        EQ(pthread_create(&t[i], NULL, times_out, NULL), 0);
    for (int i = 0; i < 5; i++)
        EQ(pthread_join(t[i], NULL), 0);
    for (int i = 0; i < 5; i++)
        EQ(pthread_create(&t[i], NULL, in_time, NULL), 0);
    usleep(5000);
    EQ(pthread_mutex_unlock(&mutex), 0);
    for (int i = 0; i < 5; i++)
        EQ(pthread_join(t[i], NULL), 0);
    EQ(pthread_create(&t[0], NULL, free_lock, NULL), 0);
    EQ(pthread_join(t[0], NULL), 0);
    EQ(pthread_mutex_destroy(&mutex), 0);
}

int main(void)
{
    run(PTHREAD_MUTEX_NORMAL);
    run(PTHREAD_MUTEX_RECURSIVE);
    run(PTHREAD_MUTEX_ERRORCHECK);
    run(PTHREAD_MUTEX_ADAPTIVE_NP);
    puts("ok");
    return 0;
}
