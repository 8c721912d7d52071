/* Threads get their argument and hand back their result, from a creator that is itself a thread. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 100, CHILDREN = 10 };

static int order[THREADS], started;

static void *leaf(void *arg)
{
    return (void *)(2 * (long)arg);
}

static void *branch(void *arg)
{
    long n = (long)arg, sum = 0;
    pthread_t t[CHILDREN];
    __atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
    for (long i = 0; i < CHILDREN; i++)
        CHECK(pthread_create(&t[i], NULL, leaf, (void *)(n + i)) == 0);
    for (long i = 0; i < CHILDREN; i++) {
        void *r;
        CHECK(pthread_join(t[i], &r) == 0);
        CHECK((long)r == 2 * (n + i));
        sum += (long)r;
    }
    if (n % 2)
        pthread_exit((void *)sum);
    return (void *)sum;
}

int main(void)
{
    pthread_t t[THREADS];
    long total = 0;
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, branch, (void *)i) == 0);
    for (long i = THREADS - 1; i >= 0; i--) {
        void *r;
        CHECK(pthread_join(t[i], &r) == 0);
        total += (long)r;
    }
    CHECK(started == THREADS);
    printf("%ld\n", total);
    return 0;
}
