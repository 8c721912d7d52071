/* Every kind of mutex under contention, with the holder asleep, blocked in a pipe or yielding. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
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

enum { THREADS = 10, ROUNDS = 60 };

static pthread_mutex_t mutex;
static int inside, counter, kind, pipes[2];

static void *thread(void *arg)
{
    char c = 'x';
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pthread_mutex_lock(&mutex) == 0);
        if (kind == PTHREAD_MUTEX_RECURSIVE)
            CHECK(pthread_mutex_lock(&mutex) == 0);
        CHECK(inside++ == 0);
        counter++;
        if (i % 20 == 0)
            usleep(100);
        if (i % 5 == 0)
            CHECK(write(pipes[1], &c, 1) == 1 && read(pipes[0], &c, 1) == 1);
        sched_yield();
        CHECK(--inside == 0);
        if (kind == PTHREAD_MUTEX_RECURSIVE)
            CHECK(pthread_mutex_unlock(&mutex) == 0);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    return NULL;
}

int main(void)
{
    static const int kinds[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK,
                                PTHREAD_MUTEX_ADAPTIVE_NP};
    CHECK(pipe(pipes) == 0);
    for (int k = 0; k < 4; k++) {
        pthread_mutexattr_t a;
        pthread_t t[THREADS];
        kind = kinds[k];
        counter = 0;
        CHECK(pthread_mutexattr_init(&a) == 0);
        CHECK(pthread_mutexattr_settype(&a, kind) == 0);
        CHECK(pthread_mutex_init(&mutex, &a) == 0);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_create(&t[i], NULL, thread, NULL) == 0);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_join(t[i], NULL) == 0);
        CHECK(pthread_mutex_destroy(&mutex) == 0);
        printf("kind %d: %d\n", kind, counter);
    }
    return 0;
}
