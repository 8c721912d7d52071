/* A program linked long ago, against the names with two underscores that libc keeps for it. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef __x86_64__
#define OLD(name) __asm__(".symver old_" #name ",__" #name "@GLIBC_2.2.5")
#else
#define OLD(name) __asm__(".set old_" #name "," #name)
#endif
OLD(pthread_mutex_lock);
OLD(pthread_mutex_trylock);
OLD(pthread_mutex_unlock);
OLD(pthread_rwlock_rdlock);
OLD(pthread_rwlock_wrlock);
OLD(pthread_rwlock_tryrdlock);
OLD(pthread_rwlock_trywrlock);
OLD(pthread_rwlock_unlock);
OLD(pthread_once);
OLD(pthread_key_create);
OLD(pthread_setspecific);
OLD(pthread_getspecific);

extern int old_pthread_mutex_lock(pthread_mutex_t *), old_pthread_mutex_trylock(pthread_mutex_t *),
    old_pthread_mutex_unlock(pthread_mutex_t *), old_pthread_rwlock_rdlock(pthread_rwlock_t *),
    old_pthread_rwlock_wrlock(pthread_rwlock_t *), old_pthread_rwlock_tryrdlock(pthread_rwlock_t *),
    old_pthread_rwlock_trywrlock(pthread_rwlock_t *), old_pthread_rwlock_unlock(pthread_rwlock_t *),
    old_pthread_once(pthread_once_t *, void (*)(void)), old_pthread_key_create(pthread_key_t *, void (*)(void *)),
    old_pthread_setspecific(pthread_key_t, const void *);
extern void *old_pthread_getspecific(pthread_key_t);

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 10, ROUNDS = 100 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int inside, counter, written, runs, destroyed;

static void destructor(void *value)
{
    destroyed++;
}

static void routine(void)
{
    usleep(5000);
    CHECK(old_pthread_key_create(&key, destructor) == 0);
    runs++;
}

static void *thread(void *arg)
{
    CHECK(old_pthread_once(&once, routine) == 0);
    CHECK(runs == 1);
    CHECK(old_pthread_setspecific(key, arg) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 5 || old_pthread_mutex_trylock(&mutex) != 0)
            CHECK(old_pthread_mutex_lock(&mutex) == 0);
        CHECK(inside++ == 0);
        counter++;
        sched_yield();
        CHECK(--inside == 0);
        CHECK(old_pthread_mutex_unlock(&mutex) == 0);
        if (i % 4 == 0) {
            if (i % 8 || old_pthread_rwlock_trywrlock(&rwlock) != 0)
                CHECK(old_pthread_rwlock_wrlock(&rwlock) == 0);
            written++;
            sched_yield();
        } else {
            if (i % 3 || old_pthread_rwlock_tryrdlock(&rwlock) != 0)
                CHECK(old_pthread_rwlock_rdlock(&rwlock) == 0);
            int before = written;
            sched_yield();
            CHECK(written == before);
        }
        CHECK(old_pthread_rwlock_unlock(&rwlock) == 0);
    }
    CHECK(old_pthread_getspecific(key) == arg);
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, thread, (void *)(i + 1)) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    printf("%d %d %d\n", counter, written, destroyed);
    return 0;
}
