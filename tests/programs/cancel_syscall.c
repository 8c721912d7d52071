/* A thread in asynchronous mode is cancelled in syscall(), the first that anybody cancels; a deferred one is not. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void *asynchronous(void *unused)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    syscall(SYS_pause);
    return unused;
}

static void *deferred(void *unused)
{
    struct timespec t = {.tv_nsec = 100000000};
    long r = syscall(SYS_nanosleep, &t, NULL);
    printf("slept: %ld\n", r);
    pthread_testcancel();
    return unused;
}

static void cancelled(void *(*start)(void *))
{
    pthread_t t;
    void *result;
    pthread_create(&t, NULL, start, NULL);
    usleep(20000);
    pthread_cancel(t);
    pthread_join(t, &result);
    printf("cancelled: %d\n", result == PTHREAD_CANCELED);
}

int main(void)
{
    cancelled(asynchronous);
    cancelled(deferred);
    return 0;
}
