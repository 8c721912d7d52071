/* C11 threads: results, identity, detach, exit, sleep, yield. */
#include <errno.h>
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
static cnd_t cond;
static int detached_done;

static int returns(void *arg)
{
    thrd_yield();
    return (int)(long)arg;
}

static int exits(void *arg)
{
    thrd_exit((int)(long)arg);
}

static int is_itself(void *arg)
{
    return thrd_equal(thrd_current(), *(thrd_t *)arg) != 0;
}

static int detached(void *arg)
{
    EQ(thrd_detach(thrd_current()), thrd_success);
    EQ(mtx_lock(&mutex), thrd_success);
    detached_done++;
    EQ(cnd_signal(&cond), thrd_success);
    EQ(mtx_unlock(&mutex), thrd_success);
    return 0;
}

static int sleeps(void *arg)
{
    struct timespec t = {0, 20000000}, before, after, bad = {0, 1000000000};
    timespec_get(&before, TIME_UTC);
    EQ(thrd_sleep(&t, NULL), 0);
    timespec_get(&after, TIME_UTC);
    EQ((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >= 20000000, 1);
    EQ(thrd_sleep(&bad, NULL) < -1, 1);
    return 0;
}

int main(void)
{
    thrd_t t[20];
    int r;
    EQ(mtx_init(&mutex, mtx_plain), thrd_success);
    EQ(cnd_init(&cond), thrd_success);
    for (long i = 0; i < 20; i++)
        EQ(thrd_create(&t[i], i % 2 ? returns : exits, (void *)(i - 5)), thrd_success);
    for (int i = 0; i < 20; i++) {
        EQ(thrd_join(t[i], &r), thrd_success);
        EQ(r, i - 5);
    }
    EQ(mtx_lock(&mutex), thrd_success);
    for (int i = 0; i < 10; i++)
        EQ(thrd_create(&t[0], detached, NULL), thrd_success);
    while (detached_done < 10)
        EQ(cnd_wait(&cond, &mutex), thrd_success);
    EQ(mtx_unlock(&mutex), thrd_success);
    for (int i = 0; i < 5; i++)
        EQ(thrd_create(&t[i], sleeps, NULL), thrd_success);
    for (int i = 0; i < 5; i++)
        EQ(thrd_join(t[i], NULL), thrd_success);
    EQ(thrd_equal(thrd_current(), thrd_current()) != 0, 1);
    static thrd_t self;
    EQ(thrd_create(&self, returns, NULL), thrd_success);
    EQ(thrd_equal(self, thrd_current()), 0);
    EQ(thrd_join(self, &r), thrd_success);
    puts("ok");
    return 0;
}
