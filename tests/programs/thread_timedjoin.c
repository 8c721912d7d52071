/* Joins with a time limit: not early, either clock, and the thread can still be joined afterwards. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
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

static sem_t go;

static void *thread(void *arg)
{
    sem_wait(&go);
    return arg;
}

static void *sleeper(void *arg)
{
    usleep(30000);
    return arg;
}

static volatile int ending;

static void *ends(void *arg)
{
    ending = 1;
    return arg;
}

int main(void)
{
    pthread_t t;
    struct timespec limit;
    void *r = NULL;
    sem_init(&go, 0, 0);

    EQ(pthread_create(&t, NULL, thread, (void *)1), 0);
    limit = at(CLOCK_REALTIME, 30);
    EQ(pthread_timedjoin_np(t, &r, &limit), ETIMEDOUT);
    EQ(passed(CLOCK_REALTIME, limit), 1);
    limit = at(CLOCK_REALTIME, 30);
    EQ(pthread_clockjoin_np(t, &r, CLOCK_REALTIME, &limit), ETIMEDOUT);
    EQ(passed(CLOCK_REALTIME, limit), 1);
    limit = at(CLOCK_MONOTONIC, 30);
    EQ(pthread_clockjoin_np(t, &r, CLOCK_MONOTONIC, &limit), ETIMEDOUT);
    EQ(passed(CLOCK_MONOTONIC, limit), 1);
    EQ(pthread_clockjoin_np(t, &r, 77, &limit), EINVAL);
    EQ(pthread_tryjoin_np(t, &r), EBUSY);
    sem_post(&go);
    limit = at(CLOCK_REALTIME, 20000);
    EQ(pthread_timedjoin_np(t, &r, &limit), 0);
    EQ(r, 1);

    EQ(pthread_create(&t, NULL, sleeper, (void *)2), 0);
    limit = at(CLOCK_MONOTONIC, 20000);
    EQ(pthread_clockjoin_np(t, &r, CLOCK_MONOTONIC, &limit), 0);
    EQ(r, 2);
    EQ(pthread_create(&t, NULL, sleeper, (void *)3), 0);
    EQ(pthread_timedjoin_np(t, &r, NULL), 0);
    EQ(r, 3);

    /* Already over when the limit has passed: the join wins. */
    EQ(pthread_create(&t, NULL, ends, (void *)4), 0);
    do
        usleep(50000);
    while (!ending);
    limit = at(CLOCK_REALTIME, 0);
    EQ(pthread_timedjoin_np(t, &r, &limit), 0);
    EQ(r, 4);

    EQ(pthread_create(&t, NULL, sleeper, (void *)5), 0);
    int tries = 0, e;
    while ((e = pthread_tryjoin_np(t, &r)) == EBUSY) {
        tries++;
        usleep(2000);
    }
    EQ(e, 0);
    EQ(r, 5);
    EQ(tries > 0, 1);
    puts("ok");
    return 0;
}
