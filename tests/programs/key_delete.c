/* A deleted key has no value and no destructor; the next key in its place starts empty in every thread. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static pthread_key_t key, next;
static sem_t ready, go;
static int destroyed, next_destroyed;

static void destructor(void *value)
{
    destroyed++;
}

static void next_destructor(void *value)
{
    next_destroyed++;
}

static void *thread(void *arg)
{
    CHECK(pthread_setspecific(key, "value") == 0);
    sem_post(&ready);
    sem_wait(&go);
    CHECK(pthread_getspecific(next) == NULL);
    if (arg)
        CHECK(pthread_setspecific(next, "value") == 0);
    return NULL;
}

int main(void)
{
    pthread_t t[4];
    sem_init(&ready, 0, 0);
    sem_init(&go, 0, 0);
    CHECK(pthread_key_create(&key, destructor) == 0);
    for (long i = 0; i < 4; i++) {
        CHECK(pthread_create(&t[i], NULL, thread, (void *)(i % 2)) == 0);
        sem_wait(&ready);
    }
    CHECK(pthread_setspecific(key, "main") == 0);
    CHECK(pthread_key_delete(key) == 0);
    CHECK(pthread_getspecific(key) == NULL);
    CHECK(pthread_setspecific(key, "again") == EINVAL);
    CHECK(pthread_key_delete(key) == EINVAL);
    CHECK(pthread_key_delete(12345678) == EINVAL);
    CHECK(pthread_key_create(&next, next_destructor) == 0);
    for (int i = 0; i < 4; i++)
        sem_post(&go);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    printf("%d %d\n", destroyed, next_destroyed);
    return 0;
}
