/* A thread joins main, which left by pthread_exit. */
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

static pthread_t main_thread;

static void *thread(void *arg)
{
    void *r;
    CHECK(pthread_join(main_thread, &r) == 0);
    printf("main left with %ld\n", (long)r);
    CHECK(getpid() > 0);
    return NULL;
}

int main(void)
{
    pthread_t t;
    main_thread = pthread_self();
    CHECK(pthread_create(&t, NULL, thread, NULL) == 0);
    usleep(10000);
    pthread_exit((void *)42);
}
