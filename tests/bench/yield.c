/* yield [N]: two threads give way to each other, N times each. Prints ns for one sched_yield. */
#include <sched.h>

#include "bench.h"

static long rounds;

static void *give_way(void *arg)
{
    pthread_barrier_wait(arg);
    for (long i = 0; i < rounds; i++)
        sched_yield();
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_barrier_t start;
    pthread_t t[2];
    double began;

    rounds = argument(argc, argv, 1, 500000);
    pthread_barrier_init(&start, NULL, 3);
    for (int i = 0; i < 2; i++)
        check("pthread_create", pthread_create(&t[i], NULL, give_way, &start));
    pthread_barrier_wait(&start);
    began = now();
    for (int i = 0; i < 2; i++)
        check("pthread_join", pthread_join(t[i], NULL));
    printf("ns %.1f\n", (now() - began) / (double)rounds / 2 * 1e9);
    return 0;
}
