/* Threads created detached run, end by themselves and cannot be joined. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
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

enum { THREADS = 50 };

static sem_t started, go, ended;
static int sum;

static void *thread(void *arg)
{
    sem_post(&started);
    sem_wait(&go);
    __atomic_add_fetch(&sum, (long)arg, __ATOMIC_SEQ_CST);
    sem_post(&ended);
    return NULL;
}

int main(void)
{
    pthread_attr_t a;
    pthread_t t[THREADS];
    void *r;

    sem_init(&started, 0, 0);
    sem_init(&go, 0, 0);
    sem_init(&ended, 0, 0);
    EQ(pthread_attr_init(&a), 0);
    EQ(pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED), 0);
    for (long i = 0; i < THREADS; i++)
        EQ(pthread_create(&t[i], &a, thread, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        sem_wait(&started);
    for (int i = 0; i < THREADS; i++) {
        EQ(pthread_join(t[i], &r), EINVAL);
        EQ(pthread_tryjoin_np(t[i], &r), EBUSY);
        EQ(pthread_detach(t[i]), EINVAL);
    }
    for (int i = 0; i < THREADS; i++)
        sem_post(&go);
    for (int i = 0; i < THREADS; i++)
        sem_wait(&ended);
    printf("%d\n", sum);
    return 0;
}
