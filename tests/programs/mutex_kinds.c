/* The errors of each kind: recursive counts, error-checking says EDEADLK and EPERM, all say EBUSY to a try from
   another thread and to destroy while locked. */
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

static void *try_busy(void *m)
{
    EQ(pthread_mutex_trylock(m), EBUSY);
    return NULL;
}

static void *unlock_not_owner(void *m)
{
    EQ(pthread_mutex_unlock(m), EPERM);
    return NULL;
}

static void *locks_late(void *m)
{
    EQ(pthread_mutex_lock(m), 0);
    EQ(pthread_mutex_unlock(m), 0);
    return (void *)1;
}

static void *run(void *(*start)(void *), void *m)
{
    pthread_t t;
    void *r;
    EQ(pthread_create(&t, NULL, start, m), 0);
    EQ(pthread_join(t, &r), 0);
    return r;
}

static void common(pthread_mutex_t *m)
{
    pthread_t t;
    void *r;
    EQ(pthread_mutex_lock(m), 0);
    EQ(pthread_mutex_destroy(m), EBUSY);
    run(try_busy, m);
    EQ(pthread_create(&t, NULL, locks_late, m), 0);
    usleep(2000);
    EQ(pthread_tryjoin_np(t, &r), EBUSY);
    EQ(pthread_mutex_unlock(m), 0);
    EQ(pthread_join(t, &r), 0);
    EQ(r, 1);
    EQ(pthread_mutex_trylock(m), 0);
    EQ(pthread_mutex_unlock(m), 0);
}

static void recursive(pthread_mutex_t *m)
{
    common(m);
    for (int i = 0; i < 10; i++)
        EQ(i % 2 ? pthread_mutex_lock(m) : pthread_mutex_trylock(m), 0);
    run(unlock_not_owner, m);
    for (int i = 0; i < 10; i++) {
        run(try_busy, m);
        EQ(pthread_mutex_unlock(m), 0);
    }
    EQ(pthread_mutex_unlock(m), EPERM);
    EQ((long)run(locks_late, m), 1);
    EQ(pthread_mutex_destroy(m), 0);
}

static void errorcheck(pthread_mutex_t *m)
{
    common(m);
    EQ(pthread_mutex_unlock(m), EPERM);
    EQ(pthread_mutex_lock(m), 0);
    EQ(pthread_mutex_lock(m), EDEADLK);
    EQ(pthread_mutex_trylock(m), EBUSY);
    run(unlock_not_owner, m);
    EQ(pthread_mutex_unlock(m), 0);
    EQ(pthread_mutex_destroy(m), 0);
}

static void ordinary(pthread_mutex_t *m)
{
    common(m);
    EQ(pthread_mutex_lock(m), 0);
    EQ(pthread_mutex_trylock(m), EBUSY);
    EQ(pthread_mutex_unlock(m), 0);
    EQ(pthread_mutex_destroy(m), 0);
}

static pthread_mutex_t made(int kind)
{
    pthread_mutexattr_t a;
    pthread_mutex_t m;
    EQ(pthread_mutexattr_init(&a), 0);
    EQ(pthread_mutexattr_settype(&a, kind), 0);
    EQ(pthread_mutex_init(&m, &a), 0);
    EQ(pthread_mutexattr_destroy(&a), 0);
    return m;
}

int main(void)
{
    static pthread_mutex_t fast = PTHREAD_MUTEX_INITIALIZER, adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP,
                           nested = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
                           checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP, m;
    ordinary(&fast);
    ordinary(&adaptive);
    recursive(&nested);
    errorcheck(&checking);
    m = made(PTHREAD_MUTEX_NORMAL);
    ordinary(&m);
    m = made(PTHREAD_MUTEX_ADAPTIVE_NP);
    ordinary(&m);
    m = made(PTHREAD_MUTEX_RECURSIVE);
    recursive(&m);
    m = made(PTHREAD_MUTEX_ERRORCHECK);
    errorcheck(&m);
    puts("ok");
    return 0;
}
