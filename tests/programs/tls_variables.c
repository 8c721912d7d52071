/* Thread-local variables: initial values, alignment, one copy a thread, addresses that stay. */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 30 };

static __thread long initial = 42, zero;
static __thread char odd = 3;
static __thread __attribute__((aligned(64))) char line[64] = {9};
static __thread __attribute__((aligned(1024))) char kilo[1024];
static __thread long *address;
static pthread_barrier_t barrier;
static long *addresses[THREADS];

static void *thread(void *arg)
{
    long n = (long)arg;
    CHECK(initial == 42 && zero == 0 && odd == 3 && line[0] == 9 && line[63] == 0 && address == NULL);
    CHECK((uintptr_t)line % 64 == 0 && (uintptr_t)kilo % 1024 == 0);
    address = &initial;
    addresses[n] = address;
    initial = n;
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 50; i++) {
        zero++;
        CHECK(initial == n && zero == i + 1 && address == &initial);
        if (i % 10)
            sched_yield();
        else
            usleep(100);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(i == n || addresses[i] != &initial);
    pthread_barrier_wait(&barrier);
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    initial = 1;
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, thread, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(initial == 1 && zero == 0);
    puts("ok");
    return 0;
}
