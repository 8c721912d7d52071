/* One signal wakes one waiter, in any number; a signal with nobody waiting is not remembered. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <errno.h>
#include <unistd.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* The time on a clock this many milliseconds from now. */
static struct timespec at(clockid_t clock, long ms)
{
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

enum { THREADS = 50 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static int waiting, tokens, woken;

static void *thread(void *arg)
{
    EQ(pthread_mutex_lock(&mutex), 0);
    waiting++;
    EQ(pthread_cond_signal(&done), 0);
    while (tokens == 0)
        EQ(pthread_cond_wait(&cond, &mutex), 0);
    tokens--;
    woken++;
    EQ(pthread_cond_signal(&done), 0);
    EQ(pthread_mutex_unlock(&mutex), 0);
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    struct timespec limit = at(CLOCK_REALTIME, 10);
    EQ(pthread_cond_signal(&cond), 0);
    EQ(pthread_cond_broadcast(&cond), 0);
    EQ(pthread_mutex_lock(&mutex), 0);
    EQ(pthread_cond_timedwait(&cond, &mutex, &limit), ETIMEDOUT);
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_create(&t[i], NULL, thread, NULL), 0);
    while (waiting < THREADS)
        EQ(pthread_cond_wait(&done, &mutex), 0);
    for (int i = 1; i <= THREADS; i++) {
        tokens++;
        EQ(pthread_cond_signal(&cond), 0);
        if (i % 2) { /* every other time without the mutex */
            EQ(pthread_mutex_unlock(&mutex), 0);
            EQ(pthread_mutex_lock(&mutex), 0);
        }
        while (woken < i)
            EQ(pthread_cond_wait(&done, &mutex), 0);
        EQ(woken, i);
        EQ(tokens, 0);
    }
    EQ(pthread_mutex_unlock(&mutex), 0);
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_join(t[i], NULL), 0);
    EQ(pthread_cond_destroy(&cond), 0);
    printf("%d\n", woken);
    return 0;
}
