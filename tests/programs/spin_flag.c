/* A thread that spins on a flag, without any call, sees it set by another, whoever spins and whoever sets. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
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

static volatile int plain;
static atomic_int atomic;

static void *sets_at_once(void *arg)
{
    plain = 1;
    atomic_store(&atomic, 1);
    return NULL;
}

static void *sets_later(void *arg)
{
    usleep(2000);
    plain = 1;
    sched_yield();
    usleep(2000);
    atomic_store(&atomic, 1);
    return NULL;
}

static void *spins(void *arg)
{
    while (!plain)
        ;
    while (!atomic_load(&atomic))
        ;
    return (void *)1;
}

/* Spins with a call that never blocks: the flag cannot come by itself. */
static void *yields(void *arg)
{
    while (!atomic_load(&atomic))
        sched_yield();
    return (void *)1;
}

int main(void)
{
    for (int round = 0; round < 3; round++) {
        pthread_t t, u;
        void *r;
        plain = atomic = 0;
        CHECK(pthread_create(&t, NULL, sets_at_once, NULL) == 0);
        spins(NULL);
        CHECK(pthread_join(t, NULL) == 0);
        plain = atomic = 0;
        CHECK(pthread_create(&t, NULL, sets_later, NULL) == 0);
        spins(NULL);
        CHECK(pthread_join(t, NULL) == 0);
        plain = atomic = 0;
        CHECK(pthread_create(&t, NULL, spins, NULL) == 0);
        CHECK(pthread_create(&u, NULL, yields, NULL) == 0);
        usleep(2000);
        sets_later(NULL);
        CHECK(pthread_join(t, &r) == 0 && r);
        CHECK(pthread_join(u, &r) == 0 && r);
    }
    puts("ok");
    return 0;
}
