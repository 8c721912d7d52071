/* A deferred thread that cancels itself goes on to its next cancellation point. */
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

static int reached;

static void *tests(void *arg)
{
    CHECK(pthread_cancel(pthread_self()) == 0);
    reached++;
    pthread_testcancel();
    reached += 100;
    return NULL;
}

static void *sleeps(void *arg)
{
    CHECK(pthread_cancel(pthread_self()) == 0);
    reached++;
    usleep(1);
    reached += 100;
    return NULL;
}

static void *returns(void *arg)
{
    CHECK(pthread_cancel(pthread_self()) == 0);
    return "returned";
}

static void *run(void *(*start)(void *))
{
    pthread_t t;
    void *r;
    CHECK(pthread_create(&t, NULL, start, NULL) == 0);
    CHECK(pthread_join(t, &r) == 0);
    return r;
}

int main(void)
{
    CHECK(run(tests) == PTHREAD_CANCELED);
    CHECK(run(sleeps) == PTHREAD_CANCELED);
    puts(run(returns));
    printf("%d\n", reached);
    return 0;
}
