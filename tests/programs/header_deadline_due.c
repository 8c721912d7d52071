/* A thread that computes within coax_with_timeout is cancelled, and then opens a file: nothing of that call is left in
 * the stack, which is used again. The request is for the wait that follows. */
#include <coax.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 5, DEEP = 12000 };

static volatile int cancelled, computes;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int computes_and_opens(void *arg)
{
    int fd;
    (void)arg;
    computes = 1;
    while (!cancelled)
        ;
    fd = open("/dev/null", O_RDONLY);
    if (fd >= 0)
        close(fd);
    return fd;
}

static __attribute__((noinline)) void use_stack(void)
{
    volatile char bytes[DEEP];
    unsigned i;
    for (i = 0; i < sizeof bytes; i++)
        bytes[i] = 0;
}

static void *thread(void *arg)
{
    int opened = coax_with_timeout(5, computes_and_opens, arg);
    double end = now() + 0.05;
    use_stack();
    while (now() < end)
        ;
    printf("%s, ", opened >= 0 ? "opened" : strerror(errno));
    printf("a sleep: %s\n", coax_sleep(0.1) == 0 ? "slept" : strerror(errno));
    return NULL;
}

int main(void)
{
    int i;
    if (!coax_active()) {
        printf("without coax\n");
        return 0;
    }
    for (i = 0; i < ROUNDS; i++) {
        pthread_t t;
        cancelled = computes = 0;
        pthread_create(&t, NULL, thread, NULL);
        while (!computes)
            usleep(1000);
        coax_cancel(t);
        cancelled = 1;
        pthread_join(t, NULL);
    }
    return 0;
}
