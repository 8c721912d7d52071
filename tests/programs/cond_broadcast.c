/* A broadcast wakes all 1,000 waiters, round after round. */
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

enum { THREADS = 1000, ROUNDS = 5 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, all_waiting = PTHREAD_COND_INITIALIZER;
static int waiting, generation, woken;

static void *thread(void *arg)
{
    EQ(pthread_mutex_lock(&mutex), 0);
    for (int i = 1; i <= ROUNDS; i++) {
        if (++waiting == THREADS)
            EQ(pthread_cond_signal(&all_waiting), 0);
        while (generation < i)
            EQ(pthread_cond_wait(&cond, &mutex), 0);
        EQ(generation, i);
        woken++;
    }
    EQ(pthread_mutex_unlock(&mutex), 0);
    return NULL;
}

int main(void)
{
    static pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_create(&t[i], NULL, thread, NULL), 0);
    EQ(pthread_mutex_lock(&mutex), 0);
    for (int i = 1; i <= ROUNDS; i++) {
        while (waiting < THREADS)
            EQ(pthread_cond_wait(&all_waiting, &mutex), 0);
        EQ(woken, (i - 1) * THREADS);
        waiting = 0;
        generation = i;
        EQ(pthread_cond_broadcast(&cond), 0);
    }
    EQ(pthread_mutex_unlock(&mutex), 0);
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_join(t[i], NULL), 0);
    printf("%d\n", woken);
    return 0;
}
