/* Processors of a running thread: set by itself, by another thread, by its number, with the call of libc and with the
   system call; inherited by the threads that it creates; nobody else is moved. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static int first, last;
static sem_t ready, go;

static int only(pthread_t t, int cpu)
{
    cpu_set_t s;
    CHECK(pthread_getaffinity_np(t, sizeof s, &s) == 0);
    return CPU_COUNT(&s) == 1 && CPU_ISSET(cpu, &s);
}

static int everywhere(void)
{
    cpu_set_t s;
    CHECK(sched_getaffinity(0, sizeof s, &s) == 0);
    return CPU_COUNT(&s);
}

static void stays(int cpu)
{
    for (int i = 0; i < 2000; i++) {
        CHECK(sched_getcpu() == cpu);
        if (i % 20 == 0)
            sched_yield();
    }
    unsigned got;
    CHECK(syscall(SYS_getcpu, &got, NULL, NULL) == 0 && (int)got == cpu);
}

static void *inherits(void *cpu)
{
    CHECK(only(pthread_self(), (int)(long)cpu));
    stays((int)(long)cpu);
    return NULL;
}

static void set(int how, int cpu)
{
    cpu_set_t s;
    CPU_ZERO(&s);
    CPU_SET(cpu, &s);
    if (how == 0)
        CHECK(pthread_setaffinity_np(pthread_self(), sizeof s, &s) == 0);
    else if (how == 1)
        CHECK(sched_setaffinity(0, sizeof s, &s) == 0);
    else if (how == 2)
        CHECK(sched_setaffinity(gettid(), sizeof s, &s) == 0);
    else
        CHECK(syscall(SYS_sched_setaffinity, syscall(SYS_gettid), sizeof s, &s) == 0);
}

static void *sets(void *how)
{
    pthread_t t;
    int cpu = (long)how & 1 ? last : first;
    set((int)(long)how, cpu);
    CHECK(only(pthread_self(), cpu));
    stays(cpu);
    CHECK(pthread_create(&t, NULL, inherits, (void *)(long)cpu) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    set((int)(long)how, first + last - cpu); /* and again */
    stays(first + last - cpu);
    return NULL;
}

static void *is_set(void *unused)
{
    sem_post(&ready);
    while (sem_trywait(&go) != 0)
        sched_yield();
    CHECK(only(pthread_self(), last));
    stays(last);
    return NULL;
}

static void *sleeps(void *unused)
{
    sem_post(&ready);
    sem_wait(&go);
    CHECK(only(pthread_self(), last));
    sched_yield();
    stays(last);
    return NULL;
}

static void *bystander(void *all)
{
    for (int i = 0; i < 50; i++) {
        CHECK(everywhere() == (int)(long)all);
        usleep(200);
    }
    return NULL;
}

int main(void)
{
    pthread_t t, b;
    cpu_set_t s;
    int all = everywhere();
    CHECK(sched_getaffinity(0, sizeof s, &s) == 0);
    for (first = 0; !CPU_ISSET(first, &s); first++)
        ;
    for (last = CPU_SETSIZE - 1; !CPU_ISSET(last, &s); last--)
        ;
    sem_init(&ready, 0, 0);
    sem_init(&go, 0, 0);
    CHECK(pthread_create(&b, NULL, bystander, (void *)(long)all) == 0);
    for (long how = 0; how < 4; how++) {
        CHECK(pthread_create(&t, NULL, sets, (void *)how) == 0);
        CHECK(pthread_join(t, NULL) == 0);
        CHECK(everywhere() == all);
    }
    CPU_ZERO(&s);
    CPU_SET(last, &s);
    for (int parked = 0; parked < 2; parked++) {
        CHECK(pthread_create(&t, NULL, parked ? sleeps : is_set, NULL) == 0);
        sem_wait(&ready);
        CHECK(pthread_setaffinity_np(t, sizeof s, &s) == 0);
        CHECK(only(t, last));
        sem_post(&go);
        CHECK(pthread_join(t, NULL) == 0);
    }
    CHECK(pthread_join(b, NULL) == 0);
    CHECK(everywhere() == all);
    CPU_ZERO(&s);
    CHECK(pthread_setaffinity_np(pthread_self(), sizeof s, &s) == EINVAL);
    CHECK(sched_setaffinity(0, sizeof s, &s) == -1 && errno == EINVAL);
    set(1, first); /* main itself, last */
    stays(first);
    CHECK(pthread_create(&t, NULL, inherits, (void *)(long)first) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    puts("ok");
    return 0;
}
