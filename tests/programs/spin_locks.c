/* spin_locks THREADS: each takes a lock after half a millisecond of work, a thousand times in all. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PIECES = 1000, PIECE_US = 500 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int done;

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

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 4;
    pthread_t t[64];
    if (n < 1 || n > 64)
        return 1;
    for (int i = 0; i < n; i++)
        if (pthread_create(&t[i], NULL, run, NULL) != 0)
            return 1;
    for (int i = 0; i < n; i++)
        pthread_join(t[i], NULL);
    printf("%d pieces\n", done);
    return 0;
}
