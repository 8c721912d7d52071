/* Readers are inside at the same time; writers find nobody; waiters of both sorts all get their turn. */
#include <pthread.h>
#include <sched.h>
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

enum { READERS = 20, WRITERS = 5, ROUNDS = 50 };

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t all_inside;
static int readers, writers, most, value, copy;

static void *together(void *arg)
{
    CHECK(pthread_rwlock_rdlock(&lock) == 0);
    pthread_barrier_wait(&all_inside); /* never, unless all readers are inside at once */
    CHECK(pthread_rwlock_unlock(&lock) == 0);
    return NULL;
}

static void *reader(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pthread_rwlock_rdlock(&lock) == 0);
        int now = __atomic_add_fetch(&readers, 1, __ATOMIC_SEQ_CST);
        CHECK(now >= 1 && writers == 0);
        int v = value;
        sched_yield();
        if (i % 20 == 0)
            usleep(100);
        CHECK(value == v && copy == v && writers == 0);
        __atomic_sub_fetch(&readers, 1, __ATOMIC_SEQ_CST);
        CHECK(pthread_rwlock_unlock(&lock) == 0);
        sched_yield();
    }
    return NULL;
}

static void *writer(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pthread_rwlock_wrlock(&lock) == 0);
        CHECK(writers++ == 0 && readers == 0);
        value++;
        sched_yield();
        if (i % 20 == 0)
            usleep(100);
        copy++;
        CHECK(--writers == 0 && readers == 0);
        CHECK(pthread_rwlock_unlock(&lock) == 0);
        sched_yield();
    }
    return NULL;
}

int main(void)
{
    pthread_t t[READERS + WRITERS];
    CHECK(pthread_barrier_init(&all_inside, NULL, READERS) == 0);
    for (int i = 0; i < READERS; i++)
        CHECK(pthread_create(&t[i], NULL, together, NULL) == 0);
    for (int i = 0; i < READERS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    for (int i = 0; i < READERS + WRITERS; i++)
        CHECK(pthread_create(&t[i], NULL, i < READERS ? reader : writer, NULL) == 0);
    for (int i = 0; i < READERS + WRITERS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    printf("%d\n", value);
    return 0;
}
