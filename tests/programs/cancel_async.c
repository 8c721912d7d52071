/* A thread in asynchronous mode is cancelled while it computes, without a call; a deferred one only when it asks. */
#include <pthread.h>
#include <semaphore.h>
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

static sem_t ready;
static volatile unsigned long counter;
static volatile int stop;

static void cleanup(void *arg)
{
    puts(arg);
}

static void *computes(void *arg)
{
    int old;
    pthread_cleanup_push(cleanup, "cleanup of a computing thread");
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old) == 0);
    CHECK(old == PTHREAD_CANCEL_DEFERRED);
    sem_post(&ready);
    for (;;)
        counter++;
    pthread_cleanup_pop(0);
}

static void *deferred(void *arg)
{
    pthread_cleanup_push(cleanup, "cleanup of a deferred thread");
    sem_post(&ready);
    while (!stop)
        counter++;
    pthread_testcancel();
    pthread_cleanup_pop(0);
    return NULL;
}

static void *pending(void *arg)
{
    int old;
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old) == 0);
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old) == 0);
    sem_post(&ready);
    while (!stop)
        counter++;
    /* Asynchronous: it acts here, at once. */
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
    puts("not reached");
    return NULL;
}

static void *itself(void *arg)
{
    int old;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
    pthread_cancel(pthread_self());
    puts("not reached");
    return NULL;
}

static void *sleeps(void *arg)
{
    int old;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
    sem_post(&ready);
    sleep(1000);
    return NULL;
}

static void run(void *(*start)(void *), const char *name)
{
    pthread_t t;
    void *r;
    stop = 0;
    CHECK(pthread_create(&t, NULL, start, NULL) == 0);
    if (start != itself) {
        sem_wait(&ready);
        usleep(10000);
        CHECK(pthread_cancel(t) == 0);
        usleep(10000);
        stop = 1;
    }
    CHECK(pthread_join(t, &r) == 0);
    CHECK(r == PTHREAD_CANCELED);
    puts(name);
}

int main(void)
{
    sem_init(&ready, 0, 0);
    run(computes, "computes");
    run(deferred, "deferred");
    run(pending, "pending");
    run(itself, "itself");
    run(sleeps, "sleeps");
    return 0;
}
