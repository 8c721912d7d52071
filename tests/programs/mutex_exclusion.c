/* Mutual exclusion: threads that yield and sleep inside never meet there, and no increment is lost. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 50, ROUNDS = 200 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int inside, counter;

static void *thread(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pthread_mutex_lock(&mutex) == 0);
        CHECK(inside++ == 0);
        int c = counter;
        if (i % 10 == 0)
            sched_yield();
        if (i % 100 == 0)
            usleep(50);
        counter = c + 1;
        CHECK(--inside == 0);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
        if (i % 7 == 0)
            sched_yield();
    }
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, thread, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    printf("%d\n", counter);
    return 0;
}
