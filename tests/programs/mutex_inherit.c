/* Priority-inheriting mutexes: exclusion, errors and time limits, with the holder asleep. */
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

enum { THREADS = 4, ROUNDS = 20 };

static pthread_mutex_t mutex;
static int inside, counter;

static void *thread(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        EQ(pthread_mutex_lock(&mutex), 0);
        EQ(inside++, 0);
        counter++;
        usleep(50);
        EQ(--inside, 0);
        EQ(pthread_mutex_unlock(&mutex), 0);
    }
    return NULL;
}

static void *busy(void *arg)
{
    struct timespec limit = at(CLOCK_REALTIME, 20);
    EQ(pthread_mutex_trylock(&mutex), EBUSY);
    EQ(pthread_mutex_timedlock(&mutex, &limit), ETIMEDOUT);
    EQ(passed(CLOCK_REALTIME, limit), 1);
    return NULL;
}

static void run(int kind)
{
    pthread_mutexattr_t a;
    pthread_t t[THREADS];
    EQ(pthread_mutexattr_init(&a), 0);
    EQ(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT), 0);
    EQ(pthread_mutexattr_settype(&a, kind), 0);
    EQ(pthread_mutex_init(&mutex, &a), 0);
    EQ(pthread_mutex_lock(&mutex), 0);
    if (kind == PTHREAD_MUTEX_RECURSIVE) {
        EQ(pthread_mutex_lock(&mutex), 0);
        EQ(pthread_mutex_unlock(&mutex), 0);
    }
    if (kind == PTHREAD_MUTEX_ERRORCHECK)
        EQ(pthread_mutex_lock(&mutex), EDEADLK);
    EQ(pthread_create(&t[0], NULL, busy, NULL), 0);
    EQ(pthread_join(t[0], NULL), 0);
    EQ(pthread_mutex_unlock(&mutex), 0);
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_create(&t[i], NULL, thread, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_join(t[i], NULL), 0);
    EQ(pthread_mutex_destroy(&mutex), 0);
}

int main(void)
{
    run(PTHREAD_MUTEX_NORMAL);
    run(PTHREAD_MUTEX_RECURSIVE);
    run(PTHREAD_MUTEX_ERRORCHECK);
    printf("%d\n", counter);
    return 0;
}
