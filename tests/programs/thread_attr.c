/* Every attribute keeps what was set, refuses what is not valid, and does not disturb pthread_create. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
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

static void *thread(void *arg)
{
    return arg;
}

static void run(pthread_attr_t *a)
{
    pthread_t t;
    void *r;
    EQ(pthread_create(&t, a, thread, (void *)7), 0);
    EQ(pthread_join(t, &r), 0);
    EQ(r, 7);
}

int main(void)
{
    pthread_attr_t a;
    struct sched_param param;
    size_t size;
    int n;

    EQ(pthread_attr_init(&a), 0);
    EQ(pthread_attr_getdetachstate(&a, &n), 0);
    EQ(n, PTHREAD_CREATE_JOINABLE);
    EQ(pthread_attr_setdetachstate(&a, 77), EINVAL);

    EQ(pthread_attr_getguardsize(&a, &size), 0);
    EQ(size, 4096);
    EQ(pthread_attr_setstacksize(&a, 100), EINVAL);
    EQ(pthread_attr_setstacksize(&a, 1 << 20), 0);
    EQ(pthread_attr_getstacksize(&a, &size), 0);
    EQ(size, 1 << 20);
    run(&a);

    EQ(pthread_attr_getinheritsched(&a, &n), 0);
    EQ(n, PTHREAD_INHERIT_SCHED);
    EQ(pthread_attr_setinheritsched(&a, 77), EINVAL);
    EQ(pthread_attr_setinheritsched(&a, PTHREAD_EXPLICIT_SCHED), 0);
    EQ(pthread_attr_setschedpolicy(&a, SCHED_OTHER), 0);
    EQ(pthread_attr_getschedpolicy(&a, &n), 0);
    EQ(n, SCHED_OTHER);
    EQ(pthread_attr_setschedpolicy(&a, 77), EINVAL);
    param.sched_priority = 0;
    EQ(pthread_attr_setschedparam(&a, &param), 0);
    param.sched_priority = 99;
    EQ(pthread_attr_setschedparam(&a, &param), EINVAL);
    EQ(pthread_attr_getschedparam(&a, &param), 0);
    EQ(param.sched_priority, 0);
    run(&a);

    EQ(pthread_attr_getscope(&a, &n), 0);
    EQ(n, PTHREAD_SCOPE_SYSTEM);
    EQ(pthread_attr_setscope(&a, PTHREAD_SCOPE_SYSTEM), 0);
    EQ(pthread_attr_setscope(&a, PTHREAD_SCOPE_PROCESS), ENOTSUP);
    EQ(pthread_attr_setscope(&a, 77), EINVAL);
    run(&a);

    EQ(pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED), 0);
    EQ(pthread_attr_getdetachstate(&a, &n), 0);
    EQ(n, PTHREAD_CREATE_DETACHED);
    EQ(pthread_attr_destroy(&a), 0);
    puts("ok");
    return 0;
}
