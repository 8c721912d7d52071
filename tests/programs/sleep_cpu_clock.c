/*
 * A sleep on the clock of the processor time that the process has used ends when another thread has used it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
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

static atomic_int over;

static void *burn(void *unused)
{
    while (!atomic_load(&over))
        ;
    return NULL;
}

int main(void)
{
    pthread_t t;
    struct timespec some = {0, 100000000}, before, after;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before) == 0);
    CHECK(pthread_create(&t, NULL, burn, NULL) == 0);
    CHECK(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &some, NULL) == 0);
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after) == 0);
    CHECK((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >= 100000000);
    after.tv_nsec += 50000000;
    after.tv_sec += after.tv_nsec / 1000000000;
    after.tv_nsec %= 1000000000;
    CHECK(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &after, NULL) == 0);
    atomic_store(&over, 1);
    CHECK(pthread_join(t, NULL) == 0);
    puts("processor time was used");
    return 0;
}
