/*
 * Every call that sleeps: never early, not late by more than a slow machine makes it, results and errno as they
 * should be. Threads that sleep at once take the longest time, not the sum.
 * usage: sleep_calls THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

extern int __nanosleep(const struct timespec *, struct timespec *);
#ifdef __x86_64__
extern int old_clock_nanosleep(clockid_t, int, const struct timespec *, struct timespec *);
__asm__(".symver old_clock_nanosleep,clock_nanosleep@GLIBC_2.2.5");
#else
#define old_clock_nanosleep clock_nanosleep
#endif

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

static struct timespec in(clockid_t clock, long ns)
{
    struct timespec t;
    CHECK(clock_gettime(clock, &t) == 0);
    t.tv_nsec += ns;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static void *scenario(void *unused)
{
    struct timespec some = {0, 50000000}, t, rest = {7, 7};
    struct timeval tv = {0, 50000};
    double start, slack = 0;

#define SLEEPS(call)                                                                                                   \
    do {                                                                                                               \
        errno = 1234;                                                                                                  \
        start = now();                                                                                                 \
        CHECK((call) == 0 && errno == 1234);                                                                           \
        CHECK(now() - start >= 0.05 - slack);                                                                          \
        CHECK(now() - start < 10);                                                                                     \
    } while (0)

    SLEEPS(usleep(50000));
    SLEEPS(nanosleep(&some, NULL));
    SLEEPS(nanosleep(&some, &rest));
    CHECK(rest.tv_sec == 7 && rest.tv_nsec == 7);
    SLEEPS(__nanosleep(&some, NULL));
    SLEEPS(clock_nanosleep(CLOCK_MONOTONIC, 0, &some, NULL));
    SLEEPS(clock_nanosleep(CLOCK_REALTIME, 0, &some, &rest));
    SLEEPS(clock_nanosleep(CLOCK_BOOTTIME, 0, &some, NULL));
    SLEEPS(clock_nanosleep(CLOCK_TAI, 0, &some, NULL));
    SLEEPS(old_clock_nanosleep(CLOCK_MONOTONIC, 0, &some, NULL));
    SLEEPS((t = in(CLOCK_MONOTONIC, 50000000), clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL)));
    slack = 0.001; /* these clocks may be slewed meanwhile */
    SLEEPS((t = in(CLOCK_REALTIME, 50000000), clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL)));
    SLEEPS((t = in(CLOCK_BOOTTIME, 50000000), clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &t, NULL)));
    SLEEPS((t = in(CLOCK_TAI, 50000000), clock_nanosleep(CLOCK_TAI, TIMER_ABSTIME, &t, NULL)));
    slack = 0;
    SLEEPS(thrd_sleep(&some, NULL));
    SLEEPS(poll(NULL, 0, 50));
    SLEEPS(select(0, NULL, NULL, NULL, &tv));
    SLEEPS(pselect(0, NULL, NULL, NULL, &some, NULL));
    SLEEPS(ppoll(NULL, 0, &some, NULL));

    /* At once. */
    start = now();
    t = (struct timespec){0, 0};
    CHECK(sleep(0) == 0 && usleep(0) == 0 && nanosleep(&t, NULL) == 0);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL) == 0);
    t.tv_sec = 1;
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == 0); /* long past */
    CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) == 0);
    CHECK(thrd_sleep(&(struct timespec){0, 0}, NULL) == 0);
    CHECK(now() - start < 10);

    start = now();
    CHECK(sleep(1) == 0);
    CHECK(now() - start >= 1 && now() - start < 11);
    return NULL;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 0;
    pthread_t t[n + 1];
    double start = now();
    if (!n)
        scenario(NULL);
    for (int i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, scenario, NULL) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(now() - start >= 1.9 && now() - start < 50);
    puts("slept");
    return 0;
}
