/* Priority-ceiling mutexes: what lock and the ceiling calls say, with the rights that the process has. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static pthread_mutex_t mutex, plain = PTHREAD_MUTEX_INITIALIZER;

static void *thread(void *arg)
{
    int ceiling = 0, old = 0;
    EQ(pthread_mutex_getprioceiling(&mutex, &ceiling), 0);
    EQ(ceiling, 10);
    int r = pthread_mutex_lock(&mutex); /* raises this thread: needs the right to be real-time */
    printf("lock: %s\n", strerror(r));
    if (r == 0) {
        EQ(pthread_mutex_trylock(&mutex), EBUSY);
        EQ(pthread_mutex_unlock(&mutex), 0);
        EQ(pthread_mutex_setprioceiling(&mutex, 11, &old), 0);
        EQ(old, 10);
        EQ(pthread_mutex_getprioceiling(&mutex, &ceiling), 0);
        EQ(ceiling, 11);
    }
    EQ(pthread_mutex_setprioceiling(&mutex, 1000, &old), EINVAL);
    EQ(pthread_mutex_getprioceiling(&plain, &ceiling), EINVAL);
    EQ(pthread_mutex_setprioceiling(&plain, 5, &old), EINVAL);
    EQ(sched_getscheduler(0), SCHED_OTHER);
    return NULL;
}

int main(void)
{
    pthread_mutexattr_t a;
    pthread_t t;
    EQ(pthread_mutexattr_init(&a), 0);
    EQ(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_PROTECT), 0);
    EQ(pthread_mutexattr_setprioceiling(&a, 10), 0);
    EQ(pthread_mutex_init(&mutex, &a), 0);
    EQ(pthread_create(&t, NULL, thread, NULL), 0);
    EQ(pthread_join(t, NULL), 0);
    EQ(pthread_mutex_destroy(&mutex), 0);
    return 0;
}
