/* Many threads come to pthread_once while its routine sleeps: it runs once, and all wait for its end. */
#include <pthread.h>
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

enum { THREADS = 50 };

static pthread_once_t once = PTHREAD_ONCE_INIT, inner_once = PTHREAD_ONCE_INIT;
static int runs, inner_runs, finished;

static void inner(void)
{
    inner_runs++;
}

static void routine(void)
{
    __atomic_add_fetch(&runs, 1, __ATOMIC_SEQ_CST);
    CHECK(pthread_once(&inner_once, inner) == 0);
    usleep(30000);
    finished = 1;
}

static void *thread(void *arg)
{
    CHECK(pthread_once(&once, routine) == 0);
    CHECK(finished == 1);
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, thread, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(pthread_once(&once, routine) == 0);
    printf("%d %d\n", runs, inner_runs);
    return 0;
}
