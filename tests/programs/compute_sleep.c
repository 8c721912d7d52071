/* Threads that compute without a pause do not keep main from its short sleeps: it ends them after twenty. */
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

enum { THREADS = 4 };

static volatile int stop;

static void *computes(void *arg)
{
    unsigned long x = 1;
    while (!stop)
        x = x * 6364136223846793005ul + 1;
    return (void *)(x | 1);
}

int main(void)
{
    pthread_t t[THREADS];
    void *r;
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, computes, NULL) == 0);
    for (int i = 0; i < 20; i++)
        usleep(1000);
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], &r) == 0 && r);
    puts("ok");
    return 0;
}
