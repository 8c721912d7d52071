/* Names are one per thread, can be read and set from another thread, and are limited in length. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t ready, go;

static void *thread(void *arg)
{
    char name[16];
    CHECK(pthread_getname_np(pthread_self(), name, sizeof name) == 0);
    CHECK(strcmp(name, "victim") == 0); /* inherited */
    CHECK(pthread_setname_np(pthread_self(), arg) == 0);
    sem_post(&ready);
    sem_wait(&go);
    CHECK(pthread_getname_np(pthread_self(), name, sizeof name) == 0);
    return strdup(name);
}

int main(void)
{
    pthread_t a, b;
    char name[16];
    void *r;
    sem_init(&ready, 0, 0);
    sem_init(&go, 0, 0);
    CHECK(pthread_setname_np(pthread_self(), "victim") == 0);
    CHECK(pthread_create(&a, NULL, thread, "first") == 0);
    CHECK(pthread_create(&b, NULL, thread, "fifteen letters") == 0);
    sem_wait(&ready);
    sem_wait(&ready);
    CHECK(pthread_getname_np(b, name, sizeof name) == 0);
    printf("%s\n", name);
    CHECK(pthread_setname_np(b, "sixteen letters!") == ERANGE);
    CHECK(pthread_setname_np(pthread_self(), "sixteen letters!") == ERANGE);
    CHECK(pthread_getname_np(a, name, 2) == ERANGE);
    CHECK(pthread_setname_np(a, "changed") == 0);
    sem_post(&go);
    sem_post(&go);
    CHECK(pthread_join(a, &r) == 0);
    printf("%s\n", (char *)r);
    CHECK(pthread_join(b, &r) == 0);
    printf("%s\n", (char *)r);
    CHECK(pthread_getname_np(pthread_self(), name, sizeof name) == 0);
    printf("%s\n", name);
    return 0;
}
