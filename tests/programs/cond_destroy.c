/* A condition variable may be destroyed and its memory reused as soon as a broadcast has released its waiters. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 20, ROUNDS = 100 };

struct meeting {
    pthread_mutex_t mutex;
    pthread_cond_t cond, full;
    int waiting, open;
};

static void *thread(void *arg)
{
    struct meeting *m = arg;
    EQ(pthread_mutex_lock(&m->mutex), 0);
    if (++m->waiting == THREADS)
        EQ(pthread_cond_signal(&m->full), 0);
    while (!m->open)
        EQ(pthread_cond_wait(&m->cond, &m->mutex), 0);
    EQ(pthread_mutex_unlock(&m->mutex), 0);
    return NULL;
}

int main(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t t[THREADS];
        struct meeting *m = malloc(sizeof *m);
        memset(m, 0, sizeof *m);
        pthread_mutex_init(&m->mutex, NULL);
        pthread_cond_init(&m->cond, NULL);
        pthread_cond_init(&m->full, NULL);
        for (int i = 0; i < THREADS; i++)
            EQ(pthread_create(&t[i], NULL, thread, m), 0);
        EQ(pthread_mutex_lock(&m->mutex), 0);
        while (m->waiting < THREADS)
            EQ(pthread_cond_wait(&m->full, &m->mutex), 0);
        m->open = 1;
        EQ(pthread_cond_broadcast(&m->cond), 0);
        /* destroy waits until those that were released have left it */
        EQ(pthread_mutex_unlock(&m->mutex), 0);
        EQ(pthread_cond_destroy(&m->cond), 0);
        memset(&m->cond, 0xff, sizeof m->cond);
        for (int i = 0; i < THREADS; i++)
            EQ(pthread_join(t[i], NULL), 0);
        EQ(pthread_mutex_destroy(&m->mutex), 0);
        memset(m, 0xff, sizeof *m);
        free(m);
    }
    puts("ok");
    return 0;
}
