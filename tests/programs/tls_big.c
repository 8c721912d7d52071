/* Much thread-local data: half a megabyte a thread, and still the stack that was asked for. */
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

enum { SIZE = 512 << 10, THREADS = 20 };

static __thread char big[SIZE], tail = 5;
static pthread_barrier_t barrier;

static __attribute__((noinline)) int use_stack(void)
{
    volatile char frame[200 << 10];
    for (unsigned i = 0; i < sizeof frame; i += 512)
        frame[i] = 1;
    return frame[512];
}

static void *thread(void *arg)
{
    int n = (long)arg;
    CHECK(big[0] == 0 && big[SIZE - 1] == 0 && tail == 5);
    memset(big, n, SIZE);
    CHECK(use_stack() == 1);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < SIZE; i++)
        CHECK(big[i] == n);
    CHECK(tail == 5);
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    pthread_attr_t a;
    CHECK(pthread_attr_init(&a) == 0);
    /* In glibc the block comes out of the stack. */
    CHECK(pthread_attr_setstacksize(&a, SIZE + (256 << 10)) == 0);
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    memset(big, 77, SIZE);
    for (int round = 0; round < 2; round++) {
        for (long i = 0; i < THREADS; i++)
            CHECK(pthread_create(&t[i], &a, thread, (void *)(i + 1)) == 0);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_join(t[i], NULL) == 0);
    }
    CHECK(big[0] == 77 && big[SIZE - 1] == 77);
    puts("ok");
    return 0;
}
