/* A thread's CPU clock runs while it computes, never beyond the process's, and can be read from outside. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t done, go;

static long microseconds(clockid_t clock)
{
    struct timespec t;
    CHECK(clock_gettime(clock, &t) == 0);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void *busy(void *arg)
{
    clockid_t clock;
    CHECK(pthread_getcpuclockid(pthread_self(), &clock) == 0);
    long start = microseconds(clock), last = start;
    while (last - start < 20000) {
        long now = microseconds(clock);
        CHECK(now >= last);
        last = now;
    }
    sem_post(&done);
    sem_wait(&go);
    return NULL;
}

int main(void)
{
    pthread_t t;
    clockid_t clock;
    sem_init(&done, 0, 0);
    sem_init(&go, 0, 0);
    CHECK(pthread_create(&t, NULL, busy, NULL) == 0);
    CHECK(pthread_getcpuclockid(t, &clock) == 0);
    sem_wait(&done);
    long thread = microseconds(clock), process = microseconds(CLOCK_PROCESS_CPUTIME_ID);
    CHECK(thread >= 20000);
    CHECK(thread <= process);
    sem_post(&go);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(pthread_getcpuclockid(pthread_self(), &clock) == 0);
    CHECK(microseconds(clock) <= microseconds(CLOCK_PROCESS_CPUTIME_ID));
    puts("ok");
    return 0;
}
