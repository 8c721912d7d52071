/* main is cancelled by a thread: its handlers run, the process goes on and ends with status 0. */
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

static void cleanup(void *arg)
{
    puts("cleanup of main");
}

static void *thread(void *arg)
{
    void *r;
    CHECK(pthread_cancel(main_thread) == 0);
    CHECK(pthread_join(main_thread, &r) == 0);
    CHECK(r == PTHREAD_CANCELED);
    usleep(10000);
    puts("thread ends");
    return NULL;
}

int main(void)
{
    pthread_t t;
    main_thread = pthread_self();
    CHECK(pthread_create(&t, NULL, thread, NULL) == 0);
    pthread_cleanup_push(cleanup, NULL);
    sleep(1000);
    pthread_cleanup_pop(0);
    return 1;
}
