/* A mutex that somebody has given up in a wait for a condition is still in use: it cannot be destroyed. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t mutex;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, ready = PTHREAD_COND_INITIALIZER;
static int waits, go;

static void unlock(void *unused)
{
    pthread_mutex_unlock(&mutex);
}

static void *thread(void *unused)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, NULL);
    waits = 1;
    pthread_cond_signal(&ready);
    while (!go)
        pthread_cond_wait(&cond, &mutex);
    pthread_cleanup_pop(1);
    return NULL;
}

static void run(int kind, int cancel)
{
    pthread_mutexattr_t a;
    pthread_t t;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_settype(&a, kind);
    pthread_mutex_init(&mutex, &a);
    waits = go = 0;
    pthread_create(&t, NULL, thread, NULL);
    pthread_mutex_lock(&mutex);
    while (!waits)
        pthread_cond_wait(&ready, &mutex);
    printf("kind %d: held %s", kind, pthread_mutex_destroy(&mutex) == EBUSY ? "busy" : "destroyed");
    pthread_mutex_unlock(&mutex);
    printf(", waited with %s", pthread_mutex_destroy(&mutex) == EBUSY ? "busy" : "destroyed");
    if (cancel) {
        pthread_cancel(t);
    } else {
        pthread_mutex_lock(&mutex);
        go = 1;
        pthread_cond_signal(&cond);
        pthread_mutex_unlock(&mutex);
    }
    pthread_join(t, NULL);
    printf(", free %s\n", pthread_mutex_destroy(&mutex) == EBUSY ? "busy" : "destroyed");
}

int main(void)
{
    for (int cancel = 0; cancel < 2; cancel++) {
        run(PTHREAD_MUTEX_NORMAL, cancel);
        run(PTHREAD_MUTEX_RECURSIVE, cancel);
        run(PTHREAD_MUTEX_ERRORCHECK, cancel);
    }
    return 0;
}
