/* Detach of a running thread, of oneself, of one that has ended: all go on to their end. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
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

enum { ROUNDS = 100 };

static sem_t go, ended;

static void *running(void *arg)
{
    sem_wait(&go);
    sem_post(&ended);
    return NULL;
}

static void *itself(void *arg)
{
    EQ(pthread_detach(pthread_self()), 0);
    EQ(pthread_join(pthread_self(), NULL), EINVAL);
    usleep(1000);
    sem_post(&ended);
    return NULL;
}

static void *at_once(void *arg)
{
    sem_post(&ended);
    return NULL;
}

int main(void)
{
    pthread_t t, late[ROUNDS];
    sem_init(&go, 0, 0);
    sem_init(&ended, 0, 0);
    for (int i = 0; i < ROUNDS; i++) {
        EQ(pthread_create(&t, NULL, running, NULL), 0);
        EQ(pthread_detach(t), 0);
        EQ(pthread_create(&t, NULL, itself, NULL), 0);
        EQ(pthread_create(&late[i], NULL, at_once, NULL), 0);
    }
    for (int i = 0; i < ROUNDS; i++)
        sem_post(&go);
    for (int i = 0; i < 3 * ROUNDS; i++)
        sem_wait(&ended);
    usleep(20000);
    for (int i = 0; i < ROUNDS; i++)
        EQ(pthread_detach(late[i]), 0);
    puts("ok");
    return 0;
}
