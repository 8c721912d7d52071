/* A thread cancelled in a condition wait owns the mutex in its handler, and takes no signal from the others. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 20 };

static pthread_mutex_t mutex;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int waiting, tokens, taken, cleaned;

static void cleanup(void *arg)
{
    cleaned++;
    CHECK(pthread_mutex_lock(&mutex) == EDEADLK); /* we own it */
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

static void *thread(void *arg)
{
    struct timespec far = {time(NULL) + 1000, 0};
    CHECK(pthread_mutex_lock(&mutex) == 0);
    waiting++;
    pthread_cleanup_push(cleanup, NULL);
    while (tokens == 0)
        if (arg)
            pthread_cond_timedwait(&cond, &mutex, &far);
        else
            pthread_cond_wait(&cond, &mutex);
    tokens--;
    taken++;
    pthread_cleanup_pop(0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return NULL;
}

int main(void)
{
    pthread_mutexattr_t a;
    pthread_t t[THREADS];
    void *r;
    int cancelled = 0, n;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mutex, &a);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, thread, (void *)(i % 3)) == 0);
    do {
        usleep(1000);
        pthread_mutex_lock(&mutex);
        n = waiting;
        pthread_mutex_unlock(&mutex);
    } while (n < THREADS);
    for (int i = 0; i < THREADS; i += 2)
        CHECK(pthread_cancel(t[i]) == 0);
    for (int i = 0; i < THREADS; i += 2) {
        CHECK(pthread_join(t[i], &r) == 0);
        CHECK(r == PTHREAD_CANCELED);
        cancelled++;
    }
    for (int i = 0; i < THREADS / 2; i++) {
        pthread_mutex_lock(&mutex);
        tokens++;
        pthread_cond_signal(&cond);
        pthread_mutex_unlock(&mutex);
    }
    for (int i = 1; i < THREADS; i += 2)
        CHECK(pthread_join(t[i], &r) == 0 && r == NULL);
    printf("%d cancelled, %d cleaned, %d taken, %d left\n", cancelled, cleaned, taken, tokens);
    return 0;
}
