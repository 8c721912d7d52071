/* A timer's notification thread joins a thread that has ended long ago, while the only thread of the program computes
 * and nobody watches it. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT = 5 };

static pthread_t ended;
static volatile int joined;

static void *ends(void *arg)
{
    return arg;
}

static void joins(union sigval value)
{
    void *result = NULL;
    joined = pthread_join(ended, &result) == 0 && result == value.sival_ptr ? 1 : -1;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = joins};
    const struct itimerspec soon = {{0, 0}, {0, 20000000}};
    timer_t timer;
    event.sigev_value.sival_ptr = &joined;
    if (pthread_create(&ended, NULL, ends, (void *)&joined) != 0)
        return 1;
    usleep(300000);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 || timer_settime(timer, 0, &soon, NULL) != 0)
        return 1;
    for (double end = now() + LIMIT; joined == 0 && now() < end;)
        ;
    puts(joined == 1 ? "joined" : joined == 0 ? "not joined" : "wrong");
    return 0;
}
