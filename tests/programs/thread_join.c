/* Any thread may join any other, before or after it ends, with or without a place for the result. */
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

static void *late(void *arg)
{
    usleep(20000);
    return arg;
}

static void *early(void *arg)
{
    return arg;
}

/* Joins the thread whose handle it is given. */
static void *joiner(void *arg)
{
    void *r;
    CHECK(pthread_join(*(pthread_t *)arg, &r) == 0);
    return (char *)r + 1;
}

int main(void)
{
    pthread_t a, b, chain[51];
    void *r;

    CHECK(pthread_create(&a, NULL, late, (void *)10) == 0);
    CHECK(pthread_join(a, &r) == 0);
    printf("late %ld\n", (long)r);

    CHECK(pthread_create(&a, NULL, early, (void *)20) == 0);
    for (int i = 0; i < 10; i++)
        sched_yield();
    usleep(5000);
    CHECK(pthread_join(a, &r) == 0);
    printf("early %ld\n", (long)r);

    CHECK(pthread_create(&a, NULL, early, NULL) == 0);
    CHECK(pthread_join(a, NULL) == 0);

    CHECK(pthread_create(&a, NULL, late, (void *)30) == 0);
    CHECK(pthread_create(&b, NULL, joiner, &a) == 0);
    CHECK(pthread_join(b, &r) == 0);
    printf("sibling %ld\n", (long)r);

    CHECK(pthread_create(&chain[0], NULL, late, (void *)100) == 0);
    for (int i = 1; i <= 50; i++)
        CHECK(pthread_create(&chain[i], NULL, joiner, &chain[i - 1]) == 0);
    CHECK(pthread_join(chain[50], &r) == 0);
    printf("chain %ld\n", (long)r);
    return 0;
}
