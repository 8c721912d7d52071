/* A once routine that is cancelled, or that leaves by pthread_exit, was not run: the next caller runs it. */
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

static pthread_once_t once = PTHREAD_ONCE_INIT;
static sem_t inside;
static int runs;

static void routine(void)
{
    if (++runs == 1) {
        sem_post(&inside);
        sleep(1000);
    }
    if (runs == 2)
        pthread_exit((void *)22);
}

static void *thread(void *arg)
{
    pthread_once(&once, routine);
    return (void *)33;
}

int main(void)
{
    pthread_t first, waiting[3];
    void *r;
    int exits = 0, normal = 0;
    sem_init(&inside, 0, 0);
    CHECK(pthread_create(&first, NULL, thread, NULL) == 0);
    sem_wait(&inside);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&waiting[i], NULL, thread, NULL) == 0);
    usleep(20000);
    CHECK(pthread_cancel(first) == 0);
    CHECK(pthread_join(first, &r) == 0);
    CHECK(r == PTHREAD_CANCELED);
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_join(waiting[i], &r) == 0);
        exits += r == (void *)22;
        normal += r == (void *)33;
    }
    printf("%d %d %d\n", runs, exits, normal);
    return 0;
}
