/* A thread cancelled while it joins another leaves that one joinable. */
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

static sem_t ready, go;

static void *target(void *arg)
{
    sem_wait(&go);
    return (void *)5;
}

static void *joiner(void *arg)
{
    sem_post(&ready);
    pthread_join(*(pthread_t *)arg, NULL);
    return NULL;
}

int main(void)
{
    pthread_t t, j;
    void *r;
    sem_init(&ready, 0, 0);
    sem_init(&go, 0, 0);
    CHECK(pthread_create(&t, NULL, target, NULL) == 0);
    for (int i = 0; i < 5; i++) {
        CHECK(pthread_create(&j, NULL, joiner, &t) == 0);
        sem_wait(&ready);
        usleep(2000);
        CHECK(pthread_cancel(j) == 0);
        CHECK(pthread_join(j, &r) == 0);
        CHECK(r == PTHREAD_CANCELED);
    }
    sem_post(&go);
    CHECK(pthread_join(t, &r) == 0);
    printf("%ld\n", (long)r);
    return 0;
}
