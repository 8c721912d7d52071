/* A program linked against the first version of condition variables, which libc still serves. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef __x86_64__
__asm__(".symver pthread_cond_init,pthread_cond_init@GLIBC_2.2.5\n"
        ".symver pthread_cond_destroy,pthread_cond_destroy@GLIBC_2.2.5\n"
        ".symver pthread_cond_wait,pthread_cond_wait@GLIBC_2.2.5\n"
        ".symver pthread_cond_timedwait,pthread_cond_timedwait@GLIBC_2.2.5\n"
        ".symver pthread_cond_signal,pthread_cond_signal@GLIBC_2.2.5\n"
        ".symver pthread_cond_broadcast,pthread_cond_broadcast@GLIBC_2.2.5\n");
#endif

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 20 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond, ready;
static int waiting, generation, woken;

static void *thread(void *arg)
{
    struct timespec far = {time(NULL) + 1000, 0};
    EQ(pthread_mutex_lock(&mutex), 0);
    for (int i = 1; i <= 3; i++) {
        waiting++;
        EQ(pthread_cond_signal(&ready), 0);
        while (generation < i)
            EQ(arg ? pthread_cond_timedwait(&cond, &mutex, &far) : pthread_cond_wait(&cond, &mutex), 0);
        woken++;
    }
    EQ(pthread_mutex_unlock(&mutex), 0);
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    struct timespec past = {1, 0};
    EQ(pthread_cond_init(&cond, NULL), 0);
    EQ(pthread_cond_init(&ready, NULL), 0);
    EQ(pthread_mutex_lock(&mutex), 0);
    EQ(pthread_cond_timedwait(&cond, &mutex, &past), ETIMEDOUT);
    for (long i = 0; i < THREADS; i++)
        EQ(pthread_create(&t[i], NULL, thread, (void *)(i % 2)), 0);
    for (int i = 1; i <= 3; i++) {
        while (waiting < i * THREADS)
            EQ(pthread_cond_wait(&ready, &mutex), 0);
        generation = i;
        EQ(pthread_cond_broadcast(&cond), 0);
    }
    EQ(pthread_mutex_unlock(&mutex), 0);
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_join(t[i], NULL), 0);
    EQ(pthread_cond_destroy(&cond), 0);
    printf("%d\n", woken);
    return 0;
}
