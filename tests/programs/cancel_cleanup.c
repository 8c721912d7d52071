/* Cleanup handlers run in reverse order, once, on cancel and exit, and not when popped or on return; then the keys. */
#define _GNU_SOURCE
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
static pthread_key_t key;

static void say(void *text)
{
    puts(text);
}

static void waits(void *text)
{
    /* Cancellation is off in a handler: it may block. */
    usleep(1000);
    pthread_testcancel();
    puts(text);
}

static void inner(void)
{
    pthread_cleanup_push(say, "third");
    pthread_cleanup_push(say, "popped and run");
    pthread_cleanup_pop(1);
    pthread_cleanup_push(say, "popped, not run");
    pthread_cleanup_pop(0);
    sem_post(&ready);
    sleep(1000);
    pthread_cleanup_pop(0);
}

static void *cancelled(void *arg)
{
    pthread_setspecific(key, "key");
    pthread_cleanup_push(say, "first");
    pthread_cleanup_push(waits, "second");
    inner();
    pthread_cleanup_pop(1);
    pthread_cleanup_pop(1);
    return NULL;
}

static void *exits(void *arg)
{
    pthread_cleanup_push(say, "outer");
    pthread_cleanup_push(waits, "inner");
    pthread_exit("exited");
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
}

static void *deferred(void *arg)
{
    int old;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
    pthread_cleanup_push_defer_np(say, "deferred handler");
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &old);
    CHECK(old == PTHREAD_CANCEL_DEFERRED);
    sem_post(&ready);
    sleep(1000);
    pthread_cleanup_pop_restore_np(0);
    return NULL;
}

static void run(void *(*start)(void *), int cancel)
{
    pthread_t t;
    void *r;
    CHECK(pthread_create(&t, NULL, start, NULL) == 0);
    if (cancel) {
        sem_wait(&ready);
        CHECK(pthread_cancel(t) == 0);
    }
    CHECK(pthread_join(t, &r) == 0);
    puts(r == PTHREAD_CANCELED ? "cancelled" : r);
}

int main(void)
{
    sem_init(&ready, 0, 0);
    CHECK(pthread_key_create(&key, say) == 0);
    run(cancelled, 1);
    run(exits, 0);
    run(deferred, 1);
    return 0;
}
