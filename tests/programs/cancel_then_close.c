/* A thread that is cancelled in a call is cancelled, though the call could end by something else right after. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

static int ends[2];
static sem_t ready;

static void *reads(void *unused)
{
    char c;
    sem_post(&ready);
    read(ends[0], &c, 1);
    return NULL;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void unlock(void *unused)
{
    pthread_mutex_unlock(&mutex);
}

static void *waits(void *unused)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, NULL);
    sem_post(&ready);
    pthread_cond_wait(&cond, &mutex);
    pthread_cleanup_pop(1);
    return NULL;
}

static pthread_t start(void *(*thread)(void *))
{
    pthread_t t;
    pthread_create(&t, NULL, thread, NULL);
    sem_wait(&ready);
    usleep(20000); /* it waits by now */
    return t;
}

static void report(const char *what, pthread_t t)
{
    void *r;
    pthread_join(t, &r);
    printf("%s: %s\n", what, r == PTHREAD_CANCELED ? "cancelled" : "not cancelled");
}

int main(void)
{
    sem_init(&ready, 0, 0);
    pipe(ends);
    pthread_t t = start(reads);
    pthread_cancel(t);
    close(ends[0]);
    report("close", t);

    pthread_t first = start(waits), second = start(waits);
    pthread_mutex_lock(&mutex);
    pthread_cancel(first);
    pthread_cond_signal(&cond); /* for the other one */
    pthread_mutex_unlock(&mutex);
    report("first", first);
    report("second", second);
    return 0;
}
