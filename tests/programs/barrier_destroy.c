/* The serial thread may destroy the barrier and free its memory at once, while the others are still leaving. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 10, ROUNDS = 100 };

static int destroyed;

static void *thread(void *arg)
{
    pthread_barrier_t *b = arg;
    if (pthread_barrier_wait(b) == PTHREAD_BARRIER_SERIAL_THREAD) {
        EQ(pthread_barrier_destroy(b), 0);
        memset(b, 0xff, sizeof *b);
        free(b);
        destroyed++;
    }
    return NULL;
}

int main(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t t[THREADS];
        pthread_barrier_t *b = malloc(sizeof *b);
        EQ(pthread_barrier_init(b, NULL, THREADS), 0);
        for (int j = 0; j < THREADS; j++)
            EQ(pthread_create(&t[j], NULL, thread, b), 0);
        for (int j = 0; j < THREADS; j++)
            EQ(pthread_join(t[j], NULL), 0);
    }
    printf("%d\n", destroyed);
    return 0;
}
