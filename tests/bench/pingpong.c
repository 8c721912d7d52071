/* pingpong [N]: two threads take turns by a mutex and two condition variables. Prints ns for a turn there and back. */
#include "bench.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned[2] = {PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER};
static long turn, rounds;

static void *play(void *arg)
{
    long me = (long)arg;

    pthread_mutex_lock(&lock);
    for (long i = 0; i < rounds; i++) {
        while (turn != me)
            pthread_cond_wait(&turned[me], &lock);
        turn = 1 - me;
        pthread_cond_signal(&turned[1 - me]);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t[2];
    double start;

    rounds = argument(argc, argv, 1, 50000);
    start = now();
    for (long i = 0; i < 2; i++)
        check("pthread_create", pthread_create(&t[i], NULL, play, (void *)i));
    for (int i = 0; i < 2; i++)
        check("pthread_join", pthread_join(t[i], NULL));
    printf("ns %.1f\n", (now() - start) / (double)rounds * 1e9);
    return 0;
}
