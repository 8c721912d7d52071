/* Readers together, writers alone, every call and its errors. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

static void *beside_reader(void *arg)
{
    struct timespec limit;
    EQ(pthread_rwlock_tryrdlock(&lock), 0);
    EQ(pthread_rwlock_unlock(&lock), 0);
    EQ(pthread_rwlock_rdlock(&lock), 0);
    EQ(pthread_rwlock_unlock(&lock), 0);
    EQ(pthread_rwlock_trywrlock(&lock), EBUSY);
    limit = at(CLOCK_REALTIME, 20);
    EQ(pthread_rwlock_timedwrlock(&lock, &limit), ETIMEDOUT);
    EQ(passed(CLOCK_REALTIME, limit), 1);
    limit = at(CLOCK_MONOTONIC, 20);
    EQ(pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &limit), ETIMEDOUT);
    EQ(passed(CLOCK_MONOTONIC, limit), 1);
    EQ(pthread_rwlock_timedrdlock(&lock, &limit), 0);
    EQ(pthread_rwlock_unlock(&lock), 0);
    EQ(pthread_rwlock_clockrdlock(&lock, CLOCK_REALTIME, &limit), 0);
    EQ(pthread_rwlock_unlock(&lock), 0);
    return NULL;
}

static void *beside_writer(void *arg)
{
    struct timespec limit, bad = {1, 1000000000};
    EQ(pthread_rwlock_tryrdlock(&lock), EBUSY);
    EQ(pthread_rwlock_trywrlock(&lock), EBUSY);
    limit = at(CLOCK_REALTIME, 20);
    EQ(pthread_rwlock_timedrdlock(&lock, &limit), ETIMEDOUT);
    EQ(passed(CLOCK_REALTIME, limit), 1);
    limit = at(CLOCK_REALTIME, 20);
    EQ(pthread_rwlock_timedwrlock(&lock, &limit), ETIMEDOUT);
    EQ(passed(CLOCK_REALTIME, limit), 1);
    limit = at(CLOCK_MONOTONIC, 20);
    EQ(pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &limit), ETIMEDOUT);
    EQ(passed(CLOCK_MONOTONIC, limit), 1);
    limit = at(CLOCK_MONOTONIC, 20);
    EQ(pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &limit), ETIMEDOUT);
    EQ(passed(CLOCK_MONOTONIC, limit), 1);
    EQ(pthread_rwlock_clockrdlock(&lock, CLOCK_REALTIME, &limit), ETIMEDOUT);
    EQ(pthread_rwlock_timedrdlock(&lock, &bad), EINVAL);
    EQ(pthread_rwlock_timedwrlock(&lock, &bad), EINVAL);
    EQ(pthread_rwlock_clockrdlock(&lock, 77, &limit), EINVAL);
    EQ(pthread_rwlock_clockwrlock(&lock, 77, &limit), EINVAL);
    return NULL;
}

static void run(void *(*start)(void *))
{
    pthread_t t;
    EQ(pthread_create(&t, NULL, start, NULL), 0);
    EQ(pthread_join(t, NULL), 0);
}

int main(void)
{
    struct timespec past = {1, 0};
    EQ(pthread_rwlock_rdlock(&lock), 0);
    EQ(pthread_rwlock_rdlock(&lock), 0);
    EQ(pthread_rwlock_trywrlock(&lock), EBUSY);
    run(beside_reader);
    EQ(pthread_rwlock_unlock(&lock), 0);
    run(beside_reader);
    EQ(pthread_rwlock_unlock(&lock), 0);

    EQ(pthread_rwlock_wrlock(&lock), 0);
    EQ(pthread_rwlock_wrlock(&lock), EDEADLK);
    EQ(pthread_rwlock_rdlock(&lock), EDEADLK);
    EQ(pthread_rwlock_timedwrlock(&lock, &past), EDEADLK);
    EQ(pthread_rwlock_timedrdlock(&lock, &past), EDEADLK);
    EQ(pthread_rwlock_trywrlock(&lock), EBUSY);
    run(beside_writer);
    EQ(pthread_rwlock_unlock(&lock), 0);

    EQ(pthread_rwlock_timedwrlock(&lock, &past), 0);
    EQ(pthread_rwlock_unlock(&lock), 0);
    EQ(pthread_rwlock_trywrlock(&lock), 0);
    EQ(pthread_rwlock_unlock(&lock), 0);
    EQ(pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &past), 0);
    EQ(pthread_rwlock_unlock(&lock), 0);
    EQ(pthread_rwlock_destroy(&lock), 0);
    EQ(pthread_rwlock_init(&lock, NULL), 0);
    EQ(pthread_rwlock_destroy(&lock), 0);
    puts("ok");
    return 0;
}
