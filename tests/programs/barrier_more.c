/* More threads than a barrier counts: who comes while a round ends belongs to the next one, and none is lost. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 5, COUNT = 2, ARRIVALS = 3000 /* a multiple of COUNT: nobody is left alone */ };

static pthread_barrier_t barrier;
static int tickets, serial;

static void *run(void *seed)
{
    unsigned s = (unsigned)(size_t)seed;
    while (__atomic_fetch_add(&tickets, 1, __ATOMIC_SEQ_CST) < ARRIVALS) {
        for (volatile int i = rand_r(&s) % 1200000; i > 0; i--)
            ;
        int e = pthread_barrier_wait(&barrier);
        if (e == PTHREAD_BARRIER_SERIAL_THREAD)
            __atomic_fetch_add(&serial, 1, __ATOMIC_SEQ_CST);
        else if (e != 0)
            return NULL;
    }
    return seed;
}

int main(void)
{
    pthread_t t[THREADS];
    void *r;
    if (pthread_barrier_init(&barrier, NULL, COUNT) != 0)
        return 1;
    for (size_t i = 0; i < THREADS; i++)
        if (pthread_create(&t[i], NULL, run, (void *)(i + 1)) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++)
        if (pthread_join(t[i], &r) != 0 || r == NULL)
            return 1;
    if (pthread_barrier_destroy(&barrier) != 0)
        return 1;
    printf("%d arrivals, %d rounds\n", ARRIVALS, serial);
    return 0;
}
