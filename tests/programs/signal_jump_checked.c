/* As compilers harden it: a jump that libc checks to go upwards, in a thread with a stack of its own. */
#define _FORTIFY_SOURCE 2
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 10, ROUNDS = 20 };

static __thread jmp_buf up;

static __attribute__((noinline)) void down(int depth, int value)
{
    sched_yield();
    if (depth == 0)
        longjmp(up, value);
    down(depth - 1, value);
    sched_yield();
}

static void *thread(void *arg)
{
    volatile long jumps = 0;
    while (jumps < ROUNDS) {
        int value = setjmp(up);
        if (value == 0)
            down(5, 7);
        CHECK(value == 7);
        jumps++;
    }
    return (void *)jumps;
}

int main(void)
{
    pthread_t t[THREADS];
    void *r;
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, thread, NULL) == 0);
    CHECK(thread(NULL) == (void *)ROUNDS);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], &r) == 0 && r == (void *)ROUNDS);
    puts("ok");
    return 0;
}
