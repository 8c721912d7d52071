/* Fibers, the main one among them, and threads that have become kernel threads hand a lock with priority inheritance to
   each other, with random times in between: all get it as often as they want it, and none meets another inside. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s kind %d\n", __FILE__, __LINE__, #e, kind);                                           \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { FIBERS = 3, CHANGED = 2, THREADS = FIBERS + CHANGED, ROUNDS = 1000 };

static pthread_mutex_t m;
static pthread_cond_t turns = PTHREAD_COND_INITIALIZER;
static int kind, inside, counter;

static void spend(unsigned *seed, unsigned most)
{
    for (volatile unsigned left = rand_r(seed) % most; left > 0; left--)
        ;
}

static void lock(unsigned *seed)
{
    if (rand_r(seed) % 4 != 0) {
        CHECK(pthread_mutex_lock(&m) == 0);
        return;
    }
    struct timespec until;
    int e;
    do {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += rand_r(seed) % 300000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        e = pthread_mutex_timedlock(&m, &until);
        CHECK(e == 0 || e == ETIMEDOUT);
    } while (e != 0);
}

static void *takes(void *arg)
{
    long id = (long)arg;
    unsigned seed = (unsigned)id + 1;
    if (id < CHANGED)
        CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        lock(&seed);
        CHECK(inside++ == 0);
        counter++;
        if (kind == PTHREAD_MUTEX_RECURSIVE)
            CHECK(pthread_mutex_lock(&m) == 0);
        spend(&seed, 2000);
        if (rand_r(&seed) % 64 == 0)
            usleep(50);
        if (kind == PTHREAD_MUTEX_RECURSIVE)
            CHECK(pthread_mutex_unlock(&m) == 0);
        if (kind == PTHREAD_MUTEX_ERRORCHECK)
            CHECK(pthread_mutex_lock(&m) == EDEADLK);
        inside--;
        if (rand_r(&seed) % 64 == 0) { /* gives the lock up, too */
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            CHECK(pthread_cond_timedwait(&turns, &m, &now) == ETIMEDOUT);
        }
        CHECK(pthread_mutex_unlock(&m) == 0);
        if (kind != PTHREAD_MUTEX_NORMAL && rand_r(&seed) % 64 == 0)
            CHECK(pthread_mutex_unlock(&m) == EPERM);
        spend(&seed, 2000);
    }
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    for (kind = PTHREAD_MUTEX_NORMAL; kind <= PTHREAD_MUTEX_ERRORCHECK; kind++) {
        pthread_mutexattr_t a;
        CHECK(pthread_mutexattr_init(&a) == 0);
        CHECK(pthread_mutexattr_settype(&a, kind) == 0);
        CHECK(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT) == 0);
        CHECK(pthread_mutex_init(&m, &a) == 0);
        counter = 0;
        for (long i = 0; i < THREADS; i++)
            CHECK(pthread_create(&t[i], NULL, takes, (void *)i) == 0);
        takes((void *)THREADS);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_join(t[i], NULL) == 0);
        printf("kind %d: %d\n", kind, counter);
        CHECK(pthread_mutex_destroy(&m) == 0);
    }
    return 0;
}
