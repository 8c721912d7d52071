/* Deep recursion inside the limit: 7 of 8 MB at the default size, in several threads at once, with switches deep down.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 4, FRAME = 1000, DEPTH = 7000 };

static __attribute__((noinline)) long deeper(long n)
{
    volatile char frame[FRAME];
    frame[n % FRAME] = 1;
    if (n % 1000 == 0)
        sched_yield();
    return (n ? deeper(n - 1) : 0) + frame[n % FRAME];
}

static void *thread(void *arg)
{
    return (void *)deeper(DEPTH);
}

int main(void)
{
    pthread_t t[THREADS];
    pthread_attr_t a;
    CHECK(pthread_attr_init(&a) == 0);
    CHECK(pthread_attr_setstacksize(&a, 8 << 20) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], &a, thread, NULL) == 0);
    for (int i = 0; i < THREADS; i++) {
        void *r;
        CHECK(pthread_join(t[i], &r) == 0);
        printf("%ld\n", (long)r);
    }
    return 0;
}
