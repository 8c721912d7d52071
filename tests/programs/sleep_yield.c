/*
 * Yielding: threads that spin on each other's flags, giving way each time, all get on; every kind of yield.
 * usage: sleep_yield THREADS (0: just the calls)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>
#include <unistd.h>

extern int __sched_yield(void);
#ifdef __x86_64__
extern int old_pthread_yield(void);
__asm__(".symver old_pthread_yield,pthread_yield@GLIBC_2.2.5");
#else
#define old_pthread_yield sched_yield
#endif

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

enum { TURNS = 640 };
static atomic_int turn;
static int n;

static void give_way(int how)
{
    switch (how % 4) {
    case 0:
        CHECK(sched_yield() == 0);
        break;
    case 1:
        CHECK(__sched_yield() == 0);
        break;
    case 2:
        thrd_yield();
        break;
    default:
        CHECK(old_pthread_yield() == 0);
    }
}

static void *in_turn(void *arg)
{
    int me = (long)arg;
    for (int i = 0; i < TURNS / n; i++) {
        while (atomic_load(&turn) % n != me)
            give_way(i);
        atomic_fetch_add(&turn, 1);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    n = argc > 1 ? atoi(argv[1]) : 0;
    pthread_t t[n + 1];
    for (int i = 0; i < 1000; i++)
        give_way(i);
    for (long i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, in_turn, (void *)i) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    printf("%d turns\n", atomic_load(&turn));
    CHECK(n == 0 || turn == TURNS);
    return 0;
}
