/* Threads that compute and now and then pass through a lock all get on: none has to wait for another to end. */
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

enum { THREADS = 6, STEPS = 20 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int progress[THREADS], started;
static volatile unsigned long sink;

/* Goes on while any other has not made its steps yet. */
static void *thread(void *arg)
{
    int me = (long)arg, all;
    do {
        unsigned long x = me;
        for (int i = 0; i < 200000; i++)
            x = x * 6364136223846793005ul + 1;
        sink = x;
        CHECK(pthread_mutex_lock(&mutex) == 0);
        progress[me]++;
        all = 1;
        for (int i = 0; i < THREADS; i++)
            all = all && progress[i] >= STEPS;
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    } while (!all);
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, thread, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    puts("ok");
    return 0;
}
