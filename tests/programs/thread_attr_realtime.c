/* A real-time policy asked for in the attributes is given, or refused with EPERM, as the kernel decides. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static void *thread(void *arg)
{
    struct sched_param param;
    int policy;
    CHECK(pthread_getschedparam(pthread_self(), &policy, &param) == 0);
    CHECK(policy == SCHED_FIFO && param.sched_priority == 3);
    CHECK(sched_getscheduler(0) == SCHED_FIFO);
    param.sched_priority = 0;
    CHECK(pthread_setschedparam(pthread_self(), SCHED_OTHER, &param) == 0);
    CHECK(sched_getscheduler(0) == SCHED_OTHER);
    return NULL;
}

static void *plain(void *arg)
{
    CHECK(sched_getscheduler(0) == SCHED_OTHER);
    return NULL;
}

int main(void)
{
    struct sched_param param = {.sched_priority = 3};
    pthread_attr_t a;
    pthread_t t;
    CHECK(pthread_attr_init(&a) == 0);
    CHECK(pthread_attr_setinheritsched(&a, PTHREAD_EXPLICIT_SCHED) == 0);
    CHECK(pthread_attr_setschedpolicy(&a, SCHED_FIFO) == 0);
    CHECK(pthread_attr_setschedparam(&a, &param) == 0);
    int r = pthread_create(&t, &a, thread, NULL);
    printf("real-time thread: %s\n", strerror(r));
    if (r == 0)
        CHECK(pthread_join(t, NULL) == 0);
    CHECK(pthread_create(&t, NULL, plain, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    return 0;
}
