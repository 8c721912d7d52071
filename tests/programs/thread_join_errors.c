/* What join, detach and their kin refuse. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t go;
static pthread_t a;

static void *wait_go(void *arg)
{
    sem_wait(&go);
    return arg;
}

static volatile int ending;

static void *ends(void *arg)
{
    ending = 1;
    return arg;
}

static void *join_self(void *arg)
{
    EQ(pthread_join(pthread_self(), NULL), EDEADLK);
    return NULL;
}

int main(void)
{
    struct timespec past = {1, 0};
    sem_init(&go, 0, 0);

    EQ(pthread_join(pthread_self(), NULL), EDEADLK);
    EQ(pthread_create(&a, NULL, join_self, NULL), 0);
    EQ(pthread_join(a, NULL), 0);

    EQ(pthread_create(&a, NULL, wait_go, NULL), 0);
    EQ(pthread_tryjoin_np(a, NULL), EBUSY);
    EQ(pthread_timedjoin_np(a, NULL, &past), ETIMEDOUT);
    EQ(pthread_kill(a, 0), 0);
    EQ(pthread_kill(a, 12345), EINVAL);
    sem_post(&go);
    EQ(pthread_join(a, NULL), 0);

    EQ(pthread_create(&a, NULL, wait_go, NULL), 0);
    EQ(pthread_detach(a), 0);
    EQ(pthread_detach(a), EINVAL);
    EQ(pthread_join(a, NULL), EINVAL);
    EQ(pthread_tryjoin_np(a, NULL), EBUSY);
    EQ(pthread_timedjoin_np(a, NULL, &past), EINVAL);
    sem_post(&go);

    /* A thread that has ended but was not joined is still there. */
    EQ(pthread_create(&a, NULL, ends, (void *)5), 0);
    do
        usleep(10000);
    while (!ending);
    EQ(pthread_kill(a, 0), 0);
    EQ(pthread_cancel(a), 0);
    void *r;
    EQ(pthread_join(a, &r), 0);
    EQ(r, 5);
    puts("ok");
    return 0;
}
