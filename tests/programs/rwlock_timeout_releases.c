/* Readers queued behind a writer that gives up come in when it does. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* The time on a clock this many milliseconds from now. */
static struct timespec at(clockid_t clock, long ms)
{
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static pthread_rwlock_t lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

static void *impatient_writer(void *arg)
{
    struct timespec limit = at(CLOCK_REALTIME, 40);
    EQ(pthread_rwlock_timedwrlock(&lock, &limit), ETIMEDOUT);
    return NULL;
}

static void *reader(void *arg)
{
    EQ(pthread_rwlock_rdlock(&lock), 0);
    EQ(pthread_rwlock_unlock(&lock), 0);
    return (void *)1;
}

int main(void)
{
    pthread_t w, t[10];
    void *r;
    int in = 0;
    EQ(pthread_rwlock_rdlock(&lock), 0);
    EQ(pthread_create(&w, NULL, impatient_writer, NULL), 0);
    usleep(10000);
    for (int i = 0; i < 10; i++)
        EQ(pthread_create(&t[i], NULL, reader, NULL), 0);
    /* main keeps its read lock all the time */
    for (int i = 0; i < 10; i++) {
        EQ(pthread_join(t[i], &r), 0);
        in += (long)r;
    }
    EQ(pthread_join(w, NULL), 0);
    EQ(pthread_rwlock_unlock(&lock), 0);
    printf("%d\n", in);
    return 0;
}
