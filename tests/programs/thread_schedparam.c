/* Ordinary scheduling parameters can be read and set, of oneself and of another thread. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
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

static sem_t go;

static void all(pthread_t t)
{
    struct sched_param param = {.sched_priority = 55};
    int policy = 55;
    EQ(pthread_getschedparam(t, &policy, &param), 0);
    EQ(policy, SCHED_OTHER);
    EQ(param.sched_priority, 0);
    EQ(pthread_setschedparam(t, SCHED_OTHER, &param), 0);
    EQ(pthread_setschedprio(t, 0), 0);
    EQ(pthread_setschedprio(t, 99), EINVAL);
    EQ(pthread_setschedparam(t, 77, &param), EINVAL);
    param.sched_priority = 99;
    EQ(pthread_setschedparam(t, SCHED_OTHER, &param), EINVAL);
    EQ(pthread_getschedparam(t, &policy, &param), 0);
    EQ(policy, SCHED_OTHER);
    EQ(param.sched_priority, 0);
}

static void *thread(void *arg)
{
    all(pthread_self());
    sem_wait(&go);
    return NULL;
}

int main(void)
{
    pthread_t t;
    sem_init(&go, 0, 0);
    all(pthread_self());
    EQ(pthread_create(&t, NULL, thread, NULL), 0);
    all(t);
    sem_post(&go);
    EQ(pthread_join(t, NULL), 0);
    puts("ok");
    return 0;
}
