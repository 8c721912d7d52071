/* Mutex attributes keep what was set and refuse the rest. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

int main(void)
{
    pthread_mutexattr_t a;
    pthread_mutex_t m;
    int n;
    EQ(pthread_mutexattr_init(&a), 0);
    EQ(pthread_mutexattr_gettype(&a, &n), 0);
    EQ(n, PTHREAD_MUTEX_DEFAULT);
    EQ(pthread_mutexattr_settype(&a, 77), EINVAL);
    EQ(pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE), 0);
    EQ(pthread_mutexattr_gettype(&a, &n), 0);
    EQ(n, PTHREAD_MUTEX_RECURSIVE);
    EQ(pthread_mutexattr_getpshared(&a, &n), 0);
    EQ(n, PTHREAD_PROCESS_PRIVATE);
    EQ(pthread_mutexattr_setpshared(&a, 77), EINVAL);
    EQ(pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED), 0);
    EQ(pthread_mutexattr_getpshared(&a, &n), 0);
    EQ(n, PTHREAD_PROCESS_SHARED);
    EQ(pthread_mutexattr_getrobust(&a, &n), 0);
    EQ(n, PTHREAD_MUTEX_STALLED);
    EQ(pthread_mutexattr_setrobust(&a, 77), EINVAL);
    EQ(pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST), 0);
    EQ(pthread_mutexattr_getrobust(&a, &n), 0);
    EQ(n, PTHREAD_MUTEX_ROBUST);
    EQ(pthread_mutexattr_getprotocol(&a, &n), 0);
    EQ(n, PTHREAD_PRIO_NONE);
    EQ(pthread_mutexattr_setprotocol(&a, 77), EINVAL);
    EQ(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT), 0);
    EQ(pthread_mutexattr_getprotocol(&a, &n), 0);
    EQ(n, PTHREAD_PRIO_INHERIT);
    EQ(pthread_mutexattr_setprioceiling(&a, 1000), EINVAL);
    EQ(pthread_mutexattr_setprioceiling(&a, 5), 0);
    EQ(pthread_mutexattr_getprioceiling(&a, &n), 0);
    EQ(n, 5);
    EQ(pthread_mutexattr_destroy(&a), 0);

    EQ(pthread_mutexattr_init(&a), 0);
    EQ(pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST), 0);
    EQ(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_PROTECT), 0);
    EQ(pthread_mutex_init(&m, &a), ENOTSUP);
    EQ(pthread_mutexattr_destroy(&a), 0);
    puts("ok");
    return 0;
}
