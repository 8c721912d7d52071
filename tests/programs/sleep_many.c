/*
 * Many threads sleep at once, each its own time: they wake in the order of their times, none early, and all of it
 * takes the longest time, not the sum.
 * usage: sleep_many THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void *sleeper(void *arg)
{
    double seconds = (long)arg / 1000.0, start = now();
    struct timespec t = {0, (long)arg * 1000000};
    CHECK(nanosleep(&t, NULL) == 0);
    CHECK(now() - start >= seconds);
    return NULL;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 1;
    pthread_t *t = calloc(n, sizeof *t);
    double start = now(), sum = 0;
    for (long i = 0; i < n; i++) {
        long ms = 100 + i * 7919 % 400;
        sum += ms / 1000.0;
        CHECK(pthread_create(&t[i], NULL, sleeper, (void *)ms) == 0);
    }
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(now() - start >= 0.1);
    CHECK(n < 100 || now() - start < sum / 5);
    printf("%d slept at once\n", n);
    return 0;
}
