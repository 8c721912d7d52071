/* Detached threads can be cancelled, and clean up. */
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

static sem_t ready, cleaned;

static void cleanup(void *arg)
{
    sem_post(&cleaned);
}

static void *thread(void *arg)
{
    pthread_cleanup_push(cleanup, NULL);
    sem_post(&ready);
    pause();
    pthread_cleanup_pop(0);
    return NULL;
}

int main(void)
{
    pthread_t t[50];
    sem_init(&ready, 0, 0);
    sem_init(&cleaned, 0, 0);
    for (int i = 0; i < 50; i++) {
        CHECK(pthread_create(&t[i], NULL, thread, NULL) == 0);
        CHECK(pthread_detach(t[i]) == 0);
    }
    for (int i = 0; i < 50; i++)
        sem_wait(&ready);
    for (int i = 0; i < 50; i++)
        CHECK(pthread_cancel(t[i]) == 0);
    for (int i = 0; i < 50; i++)
        sem_wait(&cleaned);
    puts("ok");
    return 0;
}
