/* The concurrency level is remembered and otherwise without effect. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static void *thread(void *arg)
{
    EQ(pthread_getconcurrency(), 4);
    EQ(pthread_setconcurrency(2), 0);
    return NULL;
}

int main(void)
{
    pthread_t t;
    EQ(pthread_getconcurrency(), 0);
    EQ(pthread_setconcurrency(-1), EINVAL);
    EQ(pthread_setconcurrency(4), 0);
    EQ(pthread_create(&t, NULL, thread, NULL), 0);
    EQ(pthread_join(t, NULL), 0);
    EQ(pthread_getconcurrency(), 2);
    puts("ok");
    return 0;
}
