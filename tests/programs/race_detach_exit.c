/* Detach against the end of the thread, from outside and by itself: each one ends once, and its place is reused. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static unsigned long long state;
static long deadline;

static long now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Arguments of the program: a seed, and for how many seconds. */
static void start(int argc, char **argv)
{
    state = (argc > 1 ? strtoull(argv[1], NULL, 10) : 1) * 2654435761u + 88172645463325252ull;
    deadline = now_us() + (long)((argc > 2 ? atof(argv[2]) : 1) * 1e6);
}

static unsigned chance(unsigned n)
{
    unsigned long long x = __atomic_load_n(&state, __ATOMIC_RELAXED);
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    __atomic_store_n(&state, x, __ATOMIC_RELAXED);
    return (x >> 11) % n;
}

/* Nothing, some turns of a loop, a few yields or a short sleep. */
static void delay(void)
{
    switch (chance(4)) {
    case 1:
        for (volatile unsigned i = chance(2000); i > 0; i--)
            ;
        break;
    case 2:
        for (unsigned i = chance(4); i > 0; i--)
            sched_yield();
        break;
    case 3:
        usleep(chance(100));
        break;
    }
}

static sem_t places;
static long ended;
static pthread_key_t key;

static void destructor(void *value)
{
    __atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
    sem_post(&places);
}

static void *thread(void *by_itself)
{
    CHECK(pthread_setspecific(key, "x") == 0);
    delay();
    if (by_itself)
        CHECK(pthread_detach(pthread_self()) == 0);
    delay();
    return NULL;
}

int main(int argc, char **argv)
{
    long created = 0;
    start(argc, argv);
    CHECK(pthread_key_create(&key, destructor) == 0);
    CHECK(sem_init(&places, 0, 20) == 0);
    while (now_us() < deadline) {
        pthread_t t;
        long by_itself = chance(2);
        CHECK(sem_wait(&places) == 0);
        CHECK(pthread_create(&t, NULL, thread, (void *)by_itself) == 0);
        created++;
        if (!by_itself) {
            delay();
            CHECK(pthread_detach(t) == 0);
        }
    }
    for (int i = 0; i < 20; i++)
        CHECK(sem_wait(&places) == 0);
    CHECK(ended == created);
    puts("ok");
    return 0;
}
