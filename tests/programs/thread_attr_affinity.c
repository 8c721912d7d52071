/* A thread created with an affinity runs on that CPU and says so; its creator stays where it was. */
#define _GNU_SOURCE
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

static void *thread(void *arg)
{
    int cpu = (long)arg;
    cpu_set_t set;
    for (int i = 0; i < 20; i++) {
        CHECK(sched_getcpu() == cpu);
        sched_yield();
    }
    CHECK(pthread_getaffinity_np(pthread_self(), sizeof set, &set) == 0);
    CHECK(CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set));
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
    CHECK(CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set));
    return NULL;
}

static void *plain(void *arg)
{
    cpu_set_t set;
    CHECK(pthread_getaffinity_np(pthread_self(), sizeof set, &set) == 0);
    CHECK(CPU_EQUAL(&set, (cpu_set_t *)arg));
    return NULL;
}

int main(void)
{
    cpu_set_t all, set;
    pthread_attr_t a;
    pthread_t t;

    CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
    for (int cpu = 0, seen = 0; seen < 2 && cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        seen++;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        CHECK(pthread_attr_init(&a) == 0);
        CHECK(pthread_attr_setaffinity_np(&a, sizeof set, &set) == 0);
        CPU_ZERO(&set);
        CHECK(pthread_attr_getaffinity_np(&a, sizeof set, &set) == 0);
        CHECK(CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set));
        CHECK(pthread_create(&t, &a, thread, (void *)(long)cpu) == 0);
        CHECK(pthread_join(t, NULL) == 0);
        CHECK(pthread_attr_destroy(&a) == 0);
    }
    CHECK(pthread_create(&t, NULL, plain, &all) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
    CHECK(CPU_EQUAL(&set, &all));
    puts("ok");
    return 0;
}
