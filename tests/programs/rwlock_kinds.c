/* With a writer waiting, a new reader goes in, unless the lock prefers writers (the non-recursive kind). */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static pthread_rwlock_t lock;
static int wrote;

static void *writer(void *arg)
{
    EQ(pthread_rwlock_wrlock(&lock), 0);
    wrote = 1;
    EQ(pthread_rwlock_unlock(&lock), 0);
    return NULL;
}

static void *try_reader(void *arg)
{
    int r = pthread_rwlock_tryrdlock(&lock);
    if (r == 0)
        EQ(pthread_rwlock_unlock(&lock), 0);
    return (void *)(long)r;
}

static void *reader(void *arg)
{
    EQ(pthread_rwlock_rdlock(&lock), 0);
    int w = wrote;
    EQ(pthread_rwlock_unlock(&lock), 0);
    return (void *)(long)w;
}

int main(void)
{
    static const int kinds[] = {PTHREAD_RWLOCK_PREFER_READER_NP, PTHREAD_RWLOCK_PREFER_WRITER_NP,
                                PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP};
    for (int k = 0; k < 3; k++) {
        pthread_rwlockattr_t a;
        pthread_t w, t;
        void *r;
        int got;
        EQ(pthread_rwlockattr_init(&a), 0);
        EQ(pthread_rwlockattr_setkind_np(&a, 77), EINVAL);
        EQ(pthread_rwlockattr_setkind_np(&a, kinds[k]), 0);
        EQ(pthread_rwlockattr_getkind_np(&a, &got), 0);
        EQ(got, kinds[k]);
        EQ(pthread_rwlock_init(&lock, &a), 0);
        EQ(pthread_rwlockattr_destroy(&a), 0);

        wrote = 0;
        EQ(pthread_rwlock_rdlock(&lock), 0);
        EQ(pthread_create(&w, NULL, writer, NULL), 0);
        if (kinds[k] == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) {
            /* as soon as it waits, nobody else comes in */
            do {
                usleep(1000);
                EQ(pthread_create(&t, NULL, try_reader, NULL), 0);
                EQ(pthread_join(t, &r), 0);
            } while (r == 0);
            EQ(r, EBUSY);
            EQ(pthread_create(&t, NULL, reader, NULL), 0);
            usleep(10000);
            EQ(pthread_tryjoin_np(t, &r), EBUSY);
            EQ(pthread_rwlock_unlock(&lock), 0);
            EQ(pthread_join(t, &r), 0);
        } else {
            usleep(20000);
            EQ(pthread_create(&t, NULL, try_reader, NULL), 0);
            EQ(pthread_join(t, &r), 0);
            EQ(r, 0);
            EQ(pthread_create(&t, NULL, reader, NULL), 0);
            EQ(pthread_join(t, &r), 0);
            EQ(pthread_rwlock_unlock(&lock), 0);
        }
        printf("kind %d: the reader came %s the writer\n", k, r ? "after" : "before");
        EQ(pthread_join(w, NULL), 0);
        EQ(wrote, 1);
        EQ(pthread_rwlock_destroy(&lock), 0);
    }
    return 0;
}
