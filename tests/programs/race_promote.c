/* Threads become kernel threads of their own, end, are joined, detached and cancelled, many at a time, while others hold
   locks that they want. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { MANAGERS = 4, ROUNDS = 60, EACH = 4 };

static pthread_mutex_t m;
static int count, alive;

static void *thread(void *arg)
{
    long how = (long)arg;
    if (how & 1)
        CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    CHECK(pthread_mutex_lock(&m) == 0);
    if (how & 2)
        CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    count++;
    CHECK(pthread_mutex_unlock(&m) == 0);
    if (how & 8)
        pause();
    __atomic_sub_fetch(&alive, 1, __ATOMIC_SEQ_CST);
    return arg;
}

static void *manager(void *change)
{
    pthread_t t[EACH];
    void *r;
    if (change)
        CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        for (long j = 0; j < EACH; j++) {
            __atomic_add_fetch(&alive, 1, __ATOMIC_SEQ_CST);
            CHECK(pthread_create(&t[j], NULL, thread, (void *)(j + (i % 8 == 0 ? 8 : 0))) == 0);
        }
        for (long j = 0; j < EACH; j++) {
            if (i % 8 == 0) {
                CHECK(pthread_cancel(t[j]) == 0);
                { int e = pthread_join(t[j], &r); if (e || r != PTHREAD_CANCELED) { printf("%d %p %ld\n", e, r, j); exit(1); } }
                __atomic_sub_fetch(&alive, 1, __ATOMIC_SEQ_CST);
            } else if ((i + j) % 3 == 0) {
                CHECK(pthread_detach(t[j]) == 0);
            } else {
                CHECK(pthread_join(t[j], &r) == 0 && (long)r == j);
            }
        }
    }
    return NULL;
}

int main(void)
{
    pthread_t t[MANAGERS];
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&m, &a);
    for (long i = 0; i < MANAGERS; i++)
        CHECK(pthread_create(&t[i], NULL, manager, (void *)(i % 2)) == 0);
    for (int i = 0; i < MANAGERS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    while (__atomic_load_n(&alive, __ATOMIC_SEQ_CST) != 0)
        usleep(1000);
    puts("ok");
    return 0;
}
