/* A wait gives the mutex up and takes it again, whatever its kind (a recursive one: held once). */
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

static pthread_mutex_t mutex;
static pthread_cond_t cond;
static int turn, errorcheck;

static void *thread(void *arg)
{
    int me = (long)arg;
    EQ(pthread_mutex_lock(&mutex), 0);
    for (int i = 0; i < 50; i++) {
        while (turn != me)
            EQ(pthread_cond_wait(&cond, &mutex), 0);
        if (errorcheck)
            EQ(pthread_mutex_lock(&mutex), EDEADLK);
        turn = !me;
        EQ(pthread_cond_broadcast(&cond), 0);
    }
    EQ(pthread_mutex_unlock(&mutex), 0);
    return NULL;
}

static void *not_owner(void *arg)
{
    EQ(pthread_cond_wait(&cond, &mutex), EPERM);
    return NULL;
}

int main(void)
{
    static const int kinds[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK,
                                PTHREAD_MUTEX_ADAPTIVE_NP};
    for (int k = 0; k < 8; k++) {
        pthread_mutexattr_t a;
        pthread_t t[2];
        errorcheck = kinds[k % 4] == PTHREAD_MUTEX_ERRORCHECK;
        EQ(pthread_mutexattr_init(&a), 0);
        EQ(pthread_mutexattr_settype(&a, kinds[k % 4]), 0);
        EQ(pthread_mutexattr_setrobust(&a, k < 4 ? PTHREAD_MUTEX_STALLED : PTHREAD_MUTEX_ROBUST), 0);
        EQ(pthread_mutex_init(&mutex, &a), 0);
        EQ(pthread_cond_init(&cond, NULL), 0);
        turn = 0;
        for (long i = 0; i < 2; i++)
            EQ(pthread_create(&t[i], NULL, thread, (void *)i), 0);
        for (int i = 0; i < 2; i++)
            EQ(pthread_join(t[i], NULL), 0);
        if (errorcheck) {
            EQ(pthread_create(&t[0], NULL, not_owner, NULL), 0);
            EQ(pthread_join(t[0], NULL), 0);
        }
        EQ(pthread_cond_destroy(&cond), 0);
        EQ(pthread_mutex_destroy(&mutex), 0);
        printf("kind %d\n", k);
    }
    return 0;
}
