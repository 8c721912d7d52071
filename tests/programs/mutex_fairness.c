/* Threads that lock again as soon as they have unlocked, and sleep in between, do not keep the others out. */
#include <pthread.h>
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

enum { THREADS = 4, TURNS = 5 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile int stop;
static int turns[THREADS];

static void *thread(void *arg)
{
    while (!stop) {
        CHECK(pthread_mutex_lock(&mutex) == 0);
        turns[(long)arg]++;
        usleep(100);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, thread, (void *)i) == 0);
    for (int all = 0; !all;) {
        CHECK(pthread_mutex_lock(&mutex) == 0);
        all = 1;
        for (int i = 0; i < THREADS; i++)
            all = all && turns[i] >= TURNS;
        CHECK(pthread_mutex_unlock(&mutex) == 0);
        usleep(1000);
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    puts("ok");
    return 0;
}
