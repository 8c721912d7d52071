/* Which ends of a thread run its destructors: return, pthread_exit, cancellation; not the exit of the process. */
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

static pthread_key_t key;
static sem_t ready;

static void destructor(void *value)
{
    printf("destructor: %s\n", (char *)value);
}

static void *returns(void *arg)
{
    CHECK(pthread_setspecific(key, "returned") == 0);
    return NULL;
}

static void *exits(void *arg)
{
    CHECK(pthread_setspecific(key, "exited") == 0);
    pthread_exit(NULL);
}

static void *cancelled(void *arg)
{
    CHECK(pthread_setspecific(key, "cancelled") == 0);
    sem_post(&ready);
    pause();
    return NULL;
}

static void *still_there(void *arg)
{
    CHECK(pthread_setspecific(key, "not to be seen") == 0);
    sem_post(&ready);
    pause();
    return NULL;
}

int main(void)
{
    pthread_t t;
    sem_init(&ready, 0, 0);
    CHECK(pthread_key_create(&key, destructor) == 0);
    CHECK(pthread_create(&t, NULL, returns, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(pthread_create(&t, NULL, exits, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(pthread_create(&t, NULL, cancelled, NULL) == 0);
    sem_wait(&ready);
    CHECK(pthread_cancel(t) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(pthread_create(&t, NULL, still_there, NULL) == 0);
    sem_wait(&ready);
    CHECK(pthread_setspecific(key, "main's, not to be seen") == 0);
    puts("ends");
    return 0;
}
