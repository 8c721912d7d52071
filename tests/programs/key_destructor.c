/* Destructors get the thread's value after the key was cleared, run again for values set meanwhile, and give up after
   PTHREAD_DESTRUCTOR_ITERATIONS rounds. */
#include <limits.h>
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

static pthread_key_t plain, stubborn, chained, none;
static int plain_runs, stubborn_runs, chained_runs;

static void on_plain(void *value)
{
    CHECK(value == (void *)1);
    CHECK(pthread_getspecific(plain) == NULL);
    usleep(100);
    plain_runs++;
}

static void on_stubborn(void *value)
{
    CHECK(pthread_getspecific(stubborn) == NULL);
    stubborn_runs++;
    CHECK(pthread_setspecific(stubborn, value) == 0);
}

/* Sets the plain key again, which is then destroyed a second time. */
static void on_chained(void *value)
{
    if (chained_runs++ == 0)
        CHECK(pthread_setspecific(plain, (void *)1) == 0);
}

static void *thread(void *how)
{
    CHECK(pthread_getspecific(plain) == NULL);
    CHECK(pthread_setspecific(plain, (void *)1) == 0);
    CHECK(pthread_setspecific(none, (void *)1) == 0);
    if (how)
        CHECK(pthread_setspecific(stubborn, (void *)2) == 0);
    else
        CHECK(pthread_setspecific(chained, (void *)3) == 0);
    CHECK(pthread_getspecific(plain) == (void *)1);
    return NULL;
}

int main(void)
{
    pthread_t t;
    CHECK(pthread_key_create(&plain, on_plain) == 0);
    CHECK(pthread_key_create(&stubborn, on_stubborn) == 0);
    CHECK(pthread_key_create(&chained, on_chained) == 0);
    CHECK(pthread_key_create(&none, NULL) == 0);
    CHECK(pthread_create(&t, NULL, thread, "stubborn") == 0);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(stubborn_runs == PTHREAD_DESTRUCTOR_ITERATIONS);
    printf("plain %d stubborn %d\n", plain_runs, stubborn_runs);
    CHECK(pthread_create(&t, NULL, thread, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    printf("plain %d chained %d\n", plain_runs, chained_runs);
    CHECK(pthread_getspecific(plain) == NULL);
    return 0;
}
