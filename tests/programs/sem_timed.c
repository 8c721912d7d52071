/* Semaphore waits with a time limit, on either clock. */
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

static sem_t s;

static void *times_out(void *arg)
{
    struct timespec limit, bad = {1, 1000000000}, negative = {1, -1};
    limit = at(CLOCK_REALTIME, 20);
    EQ(sem_timedwait(&s, &limit), -1);
    EQ(errno, ETIMEDOUT);
    EQ(passed(CLOCK_REALTIME, limit), 1);
    limit = at(CLOCK_REALTIME, 20);
    EQ(sem_clockwait(&s, CLOCK_REALTIME, &limit), -1);
    EQ(errno, ETIMEDOUT);
    EQ(passed(CLOCK_REALTIME, limit), 1);
    limit = at(CLOCK_MONOTONIC, 20);
    EQ(sem_clockwait(&s, CLOCK_MONOTONIC, &limit), -1);
    EQ(errno, ETIMEDOUT);
    EQ(passed(CLOCK_MONOTONIC, limit), 1);
    EQ(sem_timedwait(&s, &bad), -1);
    EQ(errno, EINVAL);
    EQ(sem_timedwait(&s, &negative), -1);
    EQ(errno, EINVAL);
    EQ(sem_clockwait(&s, 77, &limit), -1);
    EQ(errno, EINVAL);
    return NULL;
}

static void *in_time(void *arg)
{
    struct timespec limit = at(CLOCK_REALTIME, 20000);
    EQ(sem_timedwait(&s, &limit), 0);
    limit = at(CLOCK_MONOTONIC, 20000);
    EQ(sem_clockwait(&s, CLOCK_MONOTONIC, &limit), 0);
    return NULL;
}

int main(void)
{
    pthread_t t[5];
    struct timespec past = {1, 0};
    int value;
    EQ(sem_init(&s, 0, 0), 0);
    for (int i = 0; i < 5; i++)
        EQ(pthread_create(&t[i], NULL, times_out, NULL), 0);
    for (int i = 0; i < 5; i++)
        EQ(pthread_join(t[i], NULL), 0);
    EQ(sem_getvalue(&s, &value), 0);
    EQ(value, 0);
    for (int i = 0; i < 5; i++)
        EQ(pthread_create(&t[i], NULL, in_time, NULL), 0);
    for (int i = 0; i < 10; i++) {
        usleep(500);
        EQ(sem_post(&s), 0);
    }
    for (int i = 0; i < 5; i++)
        EQ(pthread_join(t[i], NULL), 0);
    EQ(sem_post(&s), 0);
    EQ(sem_timedwait(&s, &past), 0); /* there is one: the time does not matter */
    EQ(sem_trywait(&s), -1);
    puts("ok");
    return 0;
}
