/* C11 condition variables: signal, broadcast, timed wait. */
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 30 };

static mtx_t mutex;
static cnd_t cond, ready;
static int waiting, tokens, taken;

static int thread(void *arg)
{
    struct timespec far;
    timespec_get(&far, TIME_UTC);
    far.tv_sec += 1000;
    EQ(mtx_lock(&mutex), thrd_success);
    waiting++;
    EQ(cnd_signal(&ready), thrd_success);
    while (tokens == 0)
        EQ(arg ? cnd_timedwait(&cond, &mutex, &far) : cnd_wait(&cond, &mutex), thrd_success);
    tokens--;
    taken++;
    EQ(cnd_signal(&ready), thrd_success);
    EQ(mtx_unlock(&mutex), thrd_success);
    return 0;
}

int main(void)
{
    thrd_t t[THREADS];
    struct timespec limit, now;
    EQ(mtx_init(&mutex, mtx_timed), thrd_success);
    EQ(cnd_init(&cond), thrd_success);
    EQ(cnd_init(&ready), thrd_success);
    EQ(mtx_lock(&mutex), thrd_success);
    for (long i = 0; i < THREADS; i++)
        EQ(thrd_create(&t[i], thread, (void *)(i % 2)), thrd_success);
    while (waiting < THREADS)
        EQ(cnd_wait(&ready, &mutex), thrd_success);
    for (int i = 1; i <= 10; i++) {
        tokens++;
        EQ(cnd_signal(&cond), thrd_success);
        while (taken < i)
            EQ(cnd_wait(&ready, &mutex), thrd_success);
    }
    tokens = THREADS - 10;
    EQ(cnd_broadcast(&cond), thrd_success);
    EQ(mtx_unlock(&mutex), thrd_success);
    for (int i = 0; i < THREADS; i++)
        EQ(thrd_join(t[i], NULL), thrd_success);
    EQ(mtx_lock(&mutex), thrd_success);
    timespec_get(&limit, TIME_UTC);
    limit.tv_sec += limit.tv_nsec >= 980000000;
    limit.tv_nsec = (limit.tv_nsec + 20000000) % 1000000000;
    EQ(cnd_timedwait(&cond, &mutex, &limit), thrd_timedout);
    timespec_get(&now, TIME_UTC);
    EQ(now.tv_sec > limit.tv_sec || (now.tv_sec == limit.tv_sec && now.tv_nsec >= limit.tv_nsec), 1);
    EQ(mtx_unlock(&mutex), thrd_success);
    cnd_destroy(&cond);
    cnd_destroy(&ready);
    mtx_destroy(&mutex);
    printf("%d %d\n", taken, tokens);
    return 0;
}
