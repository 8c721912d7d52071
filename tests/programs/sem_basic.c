/* Unnamed semaphores: counting, try, many waiters, values, and the overflow. */
#include <errno.h>
#include <limits.h>
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

enum { THREADS = 50, ROUNDS = 40, AT_ONCE = 3 };

static sem_t places, mutex;
static int inside, most, total;

static void *thread(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        EQ(sem_wait(&places), 0);
        EQ(sem_wait(&mutex), 0);
        if (++inside > most)
            most = inside;
        EQ(sem_post(&mutex), 0);
        if (i % 20 == 0)
            usleep(100);
        EQ(sem_wait(&mutex), 0);
        inside--;
        total++;
        EQ(sem_post(&mutex), 0);
        EQ(sem_post(&places), 0);
    }
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    sem_t s;
    int value;
    EQ(sem_init(&s, 0, (unsigned)SEM_VALUE_MAX + 1), -1);
    EQ(errno, EINVAL);
    EQ(sem_init(&s, 0, 2), 0);
    EQ(sem_wait(&s), 0);
    EQ(sem_trywait(&s), 0);
    EQ(sem_trywait(&s), -1);
    EQ(errno, EAGAIN);
    EQ(sem_post(&s), 0);
    EQ(sem_getvalue(&s, &value), 0);
    EQ(value, 1);
    EQ(sem_destroy(&s), 0);
    EQ(sem_init(&s, 0, SEM_VALUE_MAX), 0);
    EQ(sem_post(&s), -1);
    EQ(errno, EOVERFLOW);
    EQ(sem_getvalue(&s, &value), 0);
    EQ(value, SEM_VALUE_MAX);
    EQ(sem_destroy(&s), 0);

    EQ(sem_init(&places, 0, AT_ONCE), 0);
    EQ(sem_init(&mutex, 0, 1), 0);
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_create(&t[i], NULL, thread, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_join(t[i], NULL), 0);
    EQ(sem_getvalue(&places, &value), 0);
    EQ(most <= AT_ONCE, 1);
    printf("%d %d\n", total, value);
    return 0;
}
