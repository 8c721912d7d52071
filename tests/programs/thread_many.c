/* 10,000 threads at once, all waiting, then released. Argument: "small" (64 kB stacks, a condition variable) or
   "default" (default attributes, a barrier). */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 10000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, all_waiting = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static int waiting, open, serial;
static pthread_t t[THREADS];

static void *on_cond(void *arg)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    if (++waiting == THREADS)
        CHECK(pthread_cond_signal(&all_waiting) == 0);
    while (!open)
        CHECK(pthread_cond_wait(&cond, &mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return arg;
}

static void *on_barrier(void *arg)
{
    __atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
        serial++;
    return arg;
}

int main(int argc, char **argv)
{
    int small = strcmp(argv[1], "small") == 0;
    pthread_attr_t a;
    void *r;
    long sum = 0;
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    CHECK(pthread_attr_init(&a) == 0);
    CHECK(pthread_attr_setstacksize(&a, 64 << 10) == 0);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], small ? &a : NULL, small ? on_cond : on_barrier, (void *)i) == 0);
    if (small) {
        CHECK(pthread_mutex_lock(&mutex) == 0);
        while (waiting < THREADS)
            CHECK(pthread_cond_wait(&all_waiting, &mutex) == 0);
        open = 1;
        CHECK(pthread_cond_broadcast(&cond) == 0);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(t[i], &r) == 0);
        sum += (long)r;
    }
    CHECK(waiting == THREADS && serial == !small);
    printf("%ld\n", sum);
    return 0;
}
