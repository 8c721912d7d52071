/* pthread_cleanup_push_defer_np: an asynchronous thread is deferred until the pop, and asynchronous again after it. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #e, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static sem_t ready;
static volatile int stop;
static volatile unsigned long counter;

static void cleanup(void *arg)
{
    puts(arg);
}

static void *works(void *unused)
{
    int old;
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL) == 0);
    pthread_cleanup_push(cleanup, "outer cleanup");
    pthread_cleanup_push_defer_np(cleanup, "inner cleanup, not run");
    sem_post(&ready);
    while (!stop)
        counter++;
    puts("deferred until here");
    pthread_cleanup_pop_restore_np(0);
    for (;;)
        counter++;
    pthread_cleanup_pop(0);
    return NULL;
}

int main(void)
{
    pthread_t t;
    void *result;
    CHECK(sem_init(&ready, 0, 0) == 0);
    for (int i = 0; i < 3; i++) {
        stop = 0;
        CHECK(pthread_create(&t, NULL, works, NULL) == 0);
        CHECK(sem_wait(&ready) == 0);
        CHECK(pthread_cancel(t) == 0);
        usleep(20000);
        stop = 1;
        CHECK(pthread_join(t, &result) == 0 && result == PTHREAD_CANCELED);
    }
    return 0;
}
