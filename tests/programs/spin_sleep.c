/* A thread sleeps for a millisecond at a time, others compute and take a lock after each half. Prints whether the
 * sleeper has come to sleep often meanwhile, for it needs next to nothing of the processor. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 3, PIECES = 1500, PIECE_US = 500, LEAST = 30 /* of some hundreds */ };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int done;
static volatile int over;

static void work(void)
{
    struct timespec begin, now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    do {
        for (volatile int i = 0; i < 20000; i++)
            ;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    } while ((now.tv_sec - begin.tv_sec) * 1000000 + (now.tv_nsec - begin.tv_nsec) / 1000 < PIECE_US);
}

static void *works(void *arg)
{
    int n;
    do {
        work();
        pthread_mutex_lock(&mutex);
        n = ++done;
        pthread_mutex_unlock(&mutex);
    } while (n < PIECES);
    return arg;
}

static void *sleeps(void *arg)
{
    long *n = arg;
    for (; !over; (*n)++)
        usleep(1000);
    return NULL;
}

int main(void)
{
    static long slept;
    pthread_t t[THREADS], sleeper;
    if (pthread_create(&sleeper, NULL, sleeps, &slept) != 0)
        return 1;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&t[i], NULL, works, NULL) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    over = 1;
    pthread_join(sleeper, NULL);
    printf("%s\n", slept >= LEAST ? "often" : "seldom");
    if (slept < LEAST)
        fprintf(stderr, "slept %ld times\n", slept);
    return 0;
}
