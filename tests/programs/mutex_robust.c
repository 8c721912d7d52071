/* A robust mutex whose owner ended: the next one is told, repairs it, or makes it unusable; waiters hear of it too.
 * Plain ones and priority-inheriting ones. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
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

static pthread_mutex_t mutex;
static sem_t locked, go;

static void *dies(void *how)
{
    EQ(pthread_mutex_lock(&mutex), 0);
    sem_post(&locked);
    sem_wait(&go);
    if (how)
        pthread_exit(NULL);
    return NULL;
}

static void *waits(void *arg)
{
    struct timespec far = {time(NULL) + 1000, 0};
    int r = arg ? pthread_mutex_timedlock(&mutex, &far) : pthread_mutex_lock(&mutex);
    if (r == EOWNERDEAD)
        EQ(pthread_mutex_consistent(&mutex), 0);
    else
        EQ(r, 0);
    EQ(pthread_mutex_unlock(&mutex), 0);
    return (void *)(long)(r == EOWNERDEAD);
}

static void *dead_for_all(void *arg)
{
    EQ(pthread_mutex_lock(&mutex), ENOTRECOVERABLE);
    EQ(pthread_mutex_trylock(&mutex), ENOTRECOVERABLE);
    return NULL;
}

static void init(int kind, int protocol)
{
    pthread_mutexattr_t a;
    EQ(pthread_mutexattr_init(&a), 0);
    EQ(pthread_mutexattr_settype(&a, kind), 0);
    EQ(pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST), 0);
    EQ(pthread_mutexattr_setprotocol(&a, protocol), 0);
    EQ(pthread_mutex_init(&mutex, &a), 0);
    EQ(pthread_mutexattr_destroy(&a), 0);
}

static void owner_dies(void *how)
{
    pthread_t t;
    EQ(pthread_create(&t, NULL, dies, how), 0);
    sem_wait(&locked);
    EQ(pthread_mutex_trylock(&mutex), EBUSY);
    sem_post(&go);
    EQ(pthread_join(t, NULL), 0);
}

/* Each takes it over from the one before, repairs it and ends with it; the last one's is repaired here. */
static void *inherits(void *first)
{
    int e = pthread_mutex_lock(&mutex);
    if (!first) {
        EQ(e, EOWNERDEAD);
        EQ(pthread_mutex_consistent(&mutex), 0);
    } else {
        EQ(e, 0);
    }
    sem_post(&locked);
    usleep(2000);
    return NULL;
}

static void chain(void)
{
    pthread_t t[5];
    for (long i = 0; i < 5; i++) {
        EQ(pthread_create(&t[i], NULL, inherits, (void *)(i == 0)), 0);
        if (i == 0)
            sem_wait(&locked);
    }
    for (int i = 0; i < 5; i++)
        EQ(pthread_join(t[i], NULL), 0);
    for (int i = 0; i < 4; i++)
        sem_wait(&locked);
    EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
    EQ(pthread_mutex_consistent(&mutex), 0);
    EQ(pthread_mutex_unlock(&mutex), 0);
}

static void run(int kind, int protocol)
{
    pthread_t t, w[4];
    void *r;
    long told = 0;

    init(kind, protocol);
    EQ(pthread_mutex_lock(&mutex), 0);
    EQ(pthread_mutex_consistent(&mutex), EINVAL);
    EQ(pthread_mutex_unlock(&mutex), 0);

    owner_dies(NULL);
    EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
    EQ(pthread_mutex_consistent(&mutex), 0);
    EQ(pthread_mutex_unlock(&mutex), 0);
    EQ(pthread_mutex_lock(&mutex), 0);
    EQ(pthread_mutex_unlock(&mutex), 0);

    owner_dies("exit");
    EQ(pthread_mutex_trylock(&mutex), EOWNERDEAD);
    EQ(pthread_mutex_consistent(&mutex), 0);
    EQ(pthread_mutex_unlock(&mutex), 0);

    /* Waiters: exactly one of them hears of it. */
    EQ(pthread_create(&t, NULL, dies, NULL), 0);
    sem_wait(&locked);
    for (long i = 0; i < 4; i++)
        EQ(pthread_create(&w[i], NULL, waits, (void *)(i % 2)), 0);
    usleep(5000);
    sem_post(&go);
    EQ(pthread_join(t, NULL), 0);
    for (int i = 0; i < 4; i++) {
        EQ(pthread_join(w[i], &r), 0);
        told += (long)r;
    }
    EQ(told, 1);
    chain();

    owner_dies(NULL);
    EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
    EQ(pthread_mutex_unlock(&mutex), 0); /* not made consistent */
    EQ(pthread_mutex_lock(&mutex), ENOTRECOVERABLE);
    EQ(pthread_create(&t, NULL, dead_for_all, NULL), 0);
    EQ(pthread_join(t, NULL), 0);
    EQ(pthread_mutex_destroy(&mutex), 0);
}

int main(void)
{
    sem_init(&locked, 0, 0);
    sem_init(&go, 0, 0);
    for (int kind = 0; kind < 6; kind++)
        run((int[]){PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK}[kind % 3],
            kind < 3 ? PTHREAD_PRIO_NONE : PTHREAD_PRIO_INHERIT);
    puts("ok");
    return 0;
}
