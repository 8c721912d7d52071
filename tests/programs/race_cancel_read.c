/* Cancellation against a read that just got its byte: either the thread was cancelled and the byte is still in the
   pipe, or it returned with the byte. (libc itself may lose one: this is for a shim that promises better.) */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <poll.h>

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

static int pipes[2];

static void *thread(void *arg)
{
    char c;
    delay();
    CHECK(read(pipes[0], &c, 1) == 1);
    return "completed";
}

int main(int argc, char **argv)
{
    long lost = 0;
    start(argc, argv);
    CHECK(pipe(pipes) == 0);
    while (now_us() < deadline) {
        pthread_t t;
        void *r;
        struct pollfd p = {.fd = pipes[0], .events = POLLIN};
        char c = 'x';
        CHECK(pthread_create(&t, NULL, thread, NULL) == 0);
        delay();
        CHECK(write(pipes[1], &c, 1) == 1);
        delay();
        CHECK(pthread_cancel(t) == 0);
        CHECK(pthread_join(t, &r) == 0);
        int there = poll(&p, 1, 0);
        if (r == PTHREAD_CANCELED)
            lost += there == 0;
        else
            CHECK(there == 0);
        if (there)
            CHECK(read(pipes[0], &c, 1) == 1);
    }
    CHECK(lost == 0);
    puts("ok");
    return 0;
}
