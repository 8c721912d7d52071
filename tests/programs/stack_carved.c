/* A coroutine that lives further down on its thread's stack, as some libraries make them of setjmp and longjmp: it is
 * intact after its thread has waited for long above it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static jmp_buf above, below;
static volatile int value;

static __attribute__((noinline)) void coroutine(void)
{
    volatile unsigned char mine[2000];
    memset((void *)mine, 0x5a, sizeof mine);
    for (;;) {
        if (_setjmp(below) == 0)
            _longjmp(above, 1);
        for (unsigned i = 0; i < sizeof mine; i++)
            CHECK(mine[i] == 0x5a);
        value++;
    }
}

static __attribute__((noinline)) void start(void)
{
    volatile char gap[64 << 10];
    gap[0] = 1;
    __asm__ volatile("" : : "r"(gap) : "memory");
    coroutine();
    __asm__ volatile("" : : "r"(gap) : "memory"); /* no tail call */
}

static void *run(void *arg)
{
    if (_setjmp(above) == 0)
        start();
    for (volatile int i = 0; i < 2; i++) {
        usleep(2500000);
        if (_setjmp(above) == 0)
            _longjmp(below, 1);
    }
    return arg;
}

int main(void)
{
    pthread_t t;
    CHECK(pthread_create(&t, NULL, run, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    printf("%d\n", value);
    return 0;
}
