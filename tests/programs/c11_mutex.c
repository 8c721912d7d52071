/* C11 mutexes of each type. */
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

static mtx_t mutex;
static int inside, counter;

static int late(struct timespec limit)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return now.tv_sec > limit.tv_sec || (now.tv_sec == limit.tv_sec && now.tv_nsec >= limit.tv_nsec);
}

static struct timespec in_ms(int ms)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    t.tv_nsec += ms * 1000000l;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static int busy(void *timed)
{
    EQ(mtx_trylock(&mutex), thrd_busy);
    if (timed) {
        struct timespec limit = in_ms(20);
        EQ(mtx_timedlock(&mutex, &limit), thrd_timedout);
        EQ(late(limit), 1);
    }
    return 0;
}

static int adds(void *arg)
{
    for (int i = 0; i < 100; i++) {
        struct timespec limit = in_ms(20000);
        EQ(arg && i % 2 ? mtx_timedlock(&mutex, &limit) : mtx_lock(&mutex), thrd_success);
        EQ(inside++, 0);
        counter++;
        thrd_yield();
        EQ(--inside, 0);
        EQ(mtx_unlock(&mutex), thrd_success);
    }
    return 0;
}

int main(void)
{
    static const int types[] = {mtx_plain, mtx_timed, mtx_plain | mtx_recursive, mtx_timed | mtx_recursive};
    for (int k = 0; k < 4; k++) {
        thrd_t t[10];
        void *timed = types[k] & mtx_timed ? "timed" : NULL;
        EQ(mtx_init(&mutex, types[k]), thrd_success);
        EQ(mtx_lock(&mutex), thrd_success);
        if (types[k] & mtx_recursive) {
            EQ(mtx_lock(&mutex), thrd_success);
            EQ(mtx_trylock(&mutex), thrd_success);
            EQ(mtx_unlock(&mutex), thrd_success);
            EQ(mtx_unlock(&mutex), thrd_success);
        }
        EQ(thrd_create(&t[0], busy, timed), thrd_success);
        EQ(thrd_join(t[0], NULL), thrd_success);
        EQ(mtx_unlock(&mutex), thrd_success);
        for (int i = 0; i < 10; i++)
            EQ(thrd_create(&t[i], adds, timed), thrd_success);
        for (int i = 0; i < 10; i++)
            EQ(thrd_join(t[i], NULL), thrd_success);
        mtx_destroy(&mutex);
    }
    printf("%d\n", counter);
    return 0;
}
