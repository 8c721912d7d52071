/* call_once contended, and thread-specific storage with destructors. */
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

enum { THREADS = 20 };

static once_flag once = ONCE_FLAG_INIT;
static int runs, finished, destroyed, chained;
static tss_t key, again, deleted;

static void routine(void)
{
    struct timespec t = {0, 10000000};
    runs++;
    thrd_sleep(&t, NULL);
    finished = 1;
}

static void destructor(void *value)
{
    __atomic_add_fetch(&destroyed, (int)(long)value, __ATOMIC_SEQ_CST);
}

static void set_again(void *value)
{
    __atomic_add_fetch(&chained, 1, __ATOMIC_SEQ_CST);
    EQ(tss_set(again, value), thrd_success);
}

static void never(void *value)
{
    puts("not reached");
}

static int thread(void *arg)
{
    call_once(&once, routine);
    EQ(finished, 1);
    EQ(tss_get(key), 0);
    EQ(tss_set(key, arg), thrd_success);
    EQ(tss_set(again, arg), thrd_success);
    thrd_yield();
    EQ(tss_get(key), arg);
    if ((long)arg % 2)
        thrd_exit(0);
    return 0;
}

int main(void)
{
    thrd_t t[THREADS];
    EQ(tss_create(&key, destructor), thrd_success);
    EQ(tss_create(&again, set_again), thrd_success);
    EQ(tss_create(&deleted, never), thrd_success);
    EQ(tss_set(deleted, &key), thrd_success);
    tss_delete(deleted);
    for (long i = 0; i < THREADS; i++)
        EQ(thrd_create(&t[i], thread, (void *)(i + 1)), thrd_success);
    for (int i = 0; i < THREADS; i++)
        EQ(thrd_join(t[i], NULL), thrd_success);
    EQ(chained, THREADS * TSS_DTOR_ITERATIONS);
    printf("%d %d\n", runs, destroyed);
    return 0;
}
