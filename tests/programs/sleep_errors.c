/*
 * What sleeps refuse: bad times, bad clocks, bad pointers; clock_nanosleep returns its error and leaves errno.
 * usage: sleep_errors 0|1 (1: in a second thread)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

extern int __nanosleep(const struct timespec *, struct timespec *);

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

/* Pointers no call may follow: low, unmapped, without access, and (to be written to) read-only. */
static char *nobody, *readonly;
#define LOW ((void *)8)

static void make_bad(void)
{
    CHECK((nobody = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
    CHECK((readonly = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
}

#define SHOW(call)                                                                                                     \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        long result_ = (long)(call);                                                                                   \
        printf("%s: %ld %s\n", #call, result_, result_ == -1 ? strerrorname_np(errno) : "");                           \
    } while (0)

#define RETURNS(call)                                                                                                  \
    do {                                                                                                               \
        errno = 77;                                                                                                    \
        int result_ = (call);                                                                                          \
        printf("%s: %s, errno %s\n", #call, result_ ? strerrorname_np(result_) : "0",                                  \
               errno == 77 ? "kept" : "changed");                                                                      \
    } while (0)

static void *scenario(void *unused)
{
    struct timespec many = {0, 1000000000}, before = {0, -1}, negative = {-1, 0}, zero = {0, 0}, past = {-1, 0},
                    both = {-1, -1}, huge = {0, 0x7fffffffffffffff};
    SHOW(nanosleep(&many, NULL));
    SHOW(nanosleep(&before, NULL));
    SHOW(nanosleep(&negative, NULL));
    SHOW(nanosleep(&both, NULL));
    SHOW(nanosleep(&huge, NULL));
    SHOW(__nanosleep(&many, NULL));
    SHOW(nanosleep(LOW, NULL));
    SHOW(nanosleep(NULL, NULL));
    SHOW(nanosleep((void *)nobody, NULL));
    SHOW(nanosleep(&zero, LOW));
    SHOW(nanosleep(&zero, (void *)readonly));
    SHOW(thrd_sleep(&many, NULL));
    RETURNS(clock_nanosleep(CLOCK_MONOTONIC, 0, &many, NULL));
    RETURNS(clock_nanosleep(CLOCK_MONOTONIC, 0, &before, NULL));
    RETURNS(clock_nanosleep(CLOCK_MONOTONIC, 0, &negative, NULL));
    RETURNS(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &many, NULL));
    RETURNS(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &past, NULL));
    RETURNS(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &before, NULL));
    RETURNS(clock_nanosleep(CLOCK_MONOTONIC, 0, LOW, NULL));
    RETURNS(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, (void *)nobody, NULL));
    RETURNS(clock_nanosleep(CLOCK_MONOTONIC, 0, &zero, LOW));
    RETURNS(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &zero, NULL));
    RETURNS(clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, &zero, NULL));
    RETURNS(clock_nanosleep(CLOCK_MONOTONIC_COARSE, 0, &zero, NULL));
    RETURNS(clock_nanosleep(CLOCK_REALTIME_COARSE, TIMER_ABSTIME, &zero, NULL));
    RETURNS(clock_nanosleep(12345, 0, &zero, NULL));
    RETURNS(clock_nanosleep(-1, 0, &zero, NULL));
    RETURNS(clock_nanosleep(CLOCK_MONOTONIC, 2, &zero, NULL)); /* unknown flags are ignored */
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t;
    make_bad();
    if (argc > 1 && atoi(argv[1]))
        CHECK(pthread_create(&t, NULL, scenario, NULL) == 0 && pthread_join(t, NULL) == 0);
    else
        scenario(NULL);
    return 0;
}
