/* Names are one per thread, can be read and set from another thread until it ends, and are limited in length. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

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

static void *nothing(void *change)
{
    if (change)
        prctl(PR_SET_PDEATHSIG, 0); /* state of its kernel thread */
    return NULL;
}

static void ended(void *change)
{
    pthread_t t;
    char name[16];
    CHECK(pthread_create(&t, NULL, nothing, change) == 0);
    usleep(50000);
    CHECK(pthread_getname_np(t, name, sizeof name) == ENOENT);
    CHECK(pthread_getname_np(t, name, 2) == ERANGE);
    CHECK(pthread_setname_np(t, "late") == ENOENT);
    CHECK(pthread_setname_np(t, "sixteen letters!") == ERANGE);
    CHECK(pthread_join(t, NULL) == 0);
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
    ended(NULL);
    ended("kernel thread");
    return 0;
}
