/* spin_locks THREADS [LEAST]: each takes a lock after half a millisecond of work, a thousand times in all. With LEAST
 * one more thread sleeps for a millisecond at a time: has it come to that so often meanwhile? It needs next to nothing
 * of the processor. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { PIECES = 1000, PIECE_US = 500 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int done, slept;
static volatile int over;

/* So much of the processor, whoever else wants it. */
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

static void *run(void *arg)
{
    for (;;) {
        work();
        pthread_mutex_lock(&mutex);
        int n = done < PIECES ? ++done : 0;
        pthread_mutex_unlock(&mutex);
        if (n == 0)
            return arg;
    }
}

static void *sleeps(void *arg)
{
    for (; !over; slept++)
        usleep(1000);
    return arg;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 4;
    int least = argc > 2 ? atoi(argv[2]) : 0;
    pthread_t t[64], sleeper;
    if (n < 1 || n > 64 || (least > 0 && pthread_create(&sleeper, NULL, sleeps, NULL) != 0))
        return 1;
    for (int i = 0; i < n; i++)
        if (pthread_create(&t[i], NULL, run, NULL) != 0)
            return 1;
    for (int i = 0; i < n; i++)
        pthread_join(t[i], NULL);
    over = 1;
    if (least > 0 && pthread_join(sleeper, NULL) != 0)
        return 1;
    printf("%d pieces%s\n", done, least == 0 ? "" : slept >= least ? ", slept often" : ", slept seldom");
    return 0;
}
