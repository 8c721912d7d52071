/* A thread can be moved to a CPU by itself and by another thread. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t ready, moved;
static int first = -1;

static void *by_itself(void *arg)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(first, &set);
    CHECK(pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0);
    CHECK(sched_getcpu() == first);
    CPU_ZERO(&set);
    CHECK(pthread_getaffinity_np(pthread_self(), sizeof set, &set) == 0);
    CHECK(CPU_COUNT(&set) == 1 && CPU_ISSET(first, &set));
    CPU_ZERO(&set);
    CHECK(pthread_setaffinity_np(pthread_self(), sizeof set, &set) == EINVAL);
    return NULL;
}

static void *by_other(void *arg)
{
    sem_post(&ready);
    sem_wait(&moved);
    CHECK(sched_getcpu() == first);
    return NULL;
}

int main(void)
{
    cpu_set_t all, set;
    pthread_t t;
    sem_init(&ready, 0, 0);
    sem_init(&moved, 0, 0);
    CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
    while (!CPU_ISSET(++first, &all))
        ;
    CHECK(pthread_create(&t, NULL, by_itself, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);

    CHECK(pthread_create(&t, NULL, by_other, NULL) == 0);
    sem_wait(&ready);
    CPU_ZERO(&set);
    CPU_SET(first, &set);
    CHECK(pthread_setaffinity_np(t, sizeof set, &set) == 0);
    CPU_ZERO(&set);
    CHECK(pthread_getaffinity_np(t, sizeof set, &set) == 0);
    CHECK(CPU_COUNT(&set) == 1 && CPU_ISSET(first, &set));
    sem_post(&moved);
    CHECK(pthread_join(t, NULL) == 0);

    CHECK(pthread_getaffinity_np(pthread_self(), sizeof set, &set) == 0);
    CHECK(CPU_EQUAL(&set, &all));
    puts("ok");
    return 0;
}
