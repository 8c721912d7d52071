/* A thread that is cancelled before it first runs still starts, up to its first cancellation point. */
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

static sem_t go;
static int started, cleaned;

static void cleanup(void *arg)
{
    __atomic_add_fetch(&cleaned, 1, __ATOMIC_SEQ_CST);
}

static void *thread(void *arg)
{
    __atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
    pthread_cleanup_push(cleanup, NULL);
    sem_wait(&go);
    pthread_cleanup_pop(0);
    return NULL;
}

int main(void)
{
    pthread_t t[100];
    void *r;
    sem_init(&go, 0, 0);
    for (int i = 0; i < 100; i++) {
        CHECK(pthread_create(&t[i], NULL, thread, NULL) == 0);
        CHECK(pthread_cancel(t[i]) == 0);
    }
    for (int i = 0; i < 100; i++) {
        CHECK(pthread_join(t[i], &r) == 0);
        CHECK(r == PTHREAD_CANCELED);
    }
    printf("%d %d\n", started, cleaned);
    return 0;
}
