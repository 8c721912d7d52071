/* A thread's floating-point environment is its own while it waits: no flag is raised, no trap fires, the rounding stays,
 * and it does not change how long a sleep takes. */
#define _GNU_SOURCE
#include <fenv.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { SLEEPS = 20 };

static void *sleeps(void *stop)
{
    while (!*(volatile int *)stop)
        usleep(1234);
    return NULL;
}

static void sleep_a_little(void)
{
    struct timespec odd = {0, 1234567};
    for (int i = 0; i < SLEEPS; i++) {
        nanosleep(&odd, NULL);
        poll(NULL, 0, 1);
    }
}

int main(void)
{
    int stop = 0;
    pthread_t other;
    pthread_create(&other, NULL, sleeps, &stop);

    feclearexcept(FE_ALL_EXCEPT);
    sleep_a_little();
    printf("flags %x\n", (unsigned)fetestexcept(FE_ALL_EXCEPT));

    fesetround(FE_UPWARD);
    sleep_a_little();
    printf("rounding %s\n", fegetround() == FE_UPWARD ? "kept" : "lost");
    fesetround(FE_TONEAREST);

    feclearexcept(FE_ALL_EXCEPT);
    feenableexcept(FE_ALL_EXCEPT);
    sleep_a_little();
    puts("no trap");

    stop = 1;
    pthread_join(other, NULL);
    return 0;
}
