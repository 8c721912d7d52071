/* Waits with a time limit on either clock, set in the attributes or in the call: ETIMEDOUT not early, the mutex is
   owned again, bad times are refused, a signal in time gives 0. */
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

static pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;

static void waits(pthread_cond_t *cond, clockid_t own)
{
    struct timespec limit, bad = {1, 1000000000};
    limit = at(own, 20);
    EQ(pthread_cond_timedwait(cond, &mutex, &limit), ETIMEDOUT);
    EQ(passed(own, limit), 1);
    EQ(pthread_mutex_lock(&mutex), EDEADLK);
    EQ(pthread_cond_timedwait(cond, &mutex, &limit), ETIMEDOUT);
    limit = at(CLOCK_REALTIME, 20);
    EQ(pthread_cond_clockwait(cond, &mutex, CLOCK_REALTIME, &limit), ETIMEDOUT);
    EQ(passed(CLOCK_REALTIME, limit), 1);
    limit = at(CLOCK_MONOTONIC, 20);
    EQ(pthread_cond_clockwait(cond, &mutex, CLOCK_MONOTONIC, &limit), ETIMEDOUT);
    EQ(passed(CLOCK_MONOTONIC, limit), 1);
    EQ(pthread_cond_timedwait(cond, &mutex, &bad), EINVAL);
    EQ(pthread_cond_clockwait(cond, &mutex, 77, &limit), EINVAL);
    EQ(pthread_mutex_lock(&mutex), EDEADLK);
}

static pthread_cond_t *volatile target;
static volatile int flag;

static void *signals(void *arg)
{
    usleep(5000);
    EQ(pthread_mutex_lock(&mutex), 0);
    flag = 1;
    EQ(pthread_cond_signal(target), 0);
    EQ(pthread_mutex_unlock(&mutex), 0);
    return NULL;
}

static void in_time(pthread_cond_t *cond, clockid_t own, int call)
{
    pthread_t t;
    struct timespec limit = at(call ? CLOCK_MONOTONIC : own, 20000);
    target = cond;
    flag = 0;
    EQ(pthread_create(&t, NULL, signals, NULL), 0);
    while (!flag)
        EQ(call ? pthread_cond_clockwait(cond, &mutex, CLOCK_MONOTONIC, &limit)
                : pthread_cond_timedwait(cond, &mutex, &limit),
           0);
    EQ(pthread_mutex_unlock(&mutex), 0);
    EQ(pthread_join(t, NULL), 0);
    EQ(pthread_mutex_lock(&mutex), 0);
}

static void run(clockid_t own)
{
    pthread_condattr_t a;
    pthread_cond_t cond;
    clockid_t got;
    EQ(pthread_condattr_init(&a), 0);
    EQ(pthread_condattr_getclock(&a, &got), 0);
    EQ(got, CLOCK_REALTIME);
    EQ(pthread_condattr_setclock(&a, CLOCK_PROCESS_CPUTIME_ID), EINVAL);
    EQ(pthread_condattr_setclock(&a, own), 0);
    EQ(pthread_condattr_getclock(&a, &got), 0);
    EQ(got, own);
    EQ(pthread_cond_init(&cond, &a), 0);
    EQ(pthread_condattr_destroy(&a), 0);
    waits(&cond, own);
    in_time(&cond, own, 0);
    in_time(&cond, own, 1);
    EQ(pthread_cond_destroy(&cond), 0);
}

static void *idle(void *arg)
{
    for (int i = 0; i < 20; i++)
        usleep(10000);
    return NULL;
}

int main(void)
{
    pthread_t t;
    pthread_cond_t plain = PTHREAD_COND_INITIALIZER;
    EQ(pthread_create(&t, NULL, idle, NULL), 0);
    EQ(pthread_mutex_lock(&mutex), 0);
    waits(&plain, CLOCK_REALTIME);
    run(CLOCK_REALTIME);
    run(CLOCK_MONOTONIC);
    EQ(pthread_mutex_unlock(&mutex), 0);
    EQ(pthread_join(t, NULL), 0);
    puts("ok");
    return 0;
}
