/* pthread_getattr_np tells the truth about main, about oneself and about another thread. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t ready, go;
static char *volatile address;

static void look(pthread_t t, char *local, size_t size, int detached)
{
    pthread_attr_t a;
    void *low;
    size_t got, guard;
    int state, inherit, policy;
    CHECK(pthread_getattr_np(t, &a) == 0);
    CHECK(pthread_attr_getstack(&a, &low, &got) == 0);
    CHECK(local > (char *)low && local < (char *)low + got);
    if (size)
        CHECK(got == size);
    CHECK(pthread_attr_getguardsize(&a, &guard) == 0);
    CHECK(pthread_attr_getdetachstate(&a, &state) == 0);
    CHECK(state == detached);
    CHECK(pthread_attr_getinheritsched(&a, &inherit) == 0);
    CHECK(pthread_attr_getschedpolicy(&a, &policy) == 0);
    CHECK(pthread_attr_destroy(&a) == 0);
    printf("guard %zu inherit %d policy %d\n", guard, inherit, policy);
}

static void *thread(void *arg)
{
    char here;
    size_t size = (size_t)arg;
    address = &here;
    sem_post(&ready);
    sem_wait(&go);
    look(pthread_self(), &here, size, PTHREAD_CREATE_JOINABLE);
    CHECK(pthread_detach(pthread_self()) == 0);
    look(pthread_self(), &here, size, PTHREAD_CREATE_DETACHED);
    sem_post(&ready);
    return NULL;
}

int main(void)
{
    static const size_t sizes[] = {16 << 10, 64 << 10, 100 << 10, 1 << 20, 8 << 20, 64 << 20};
    char here;
    pthread_attr_t a;
    pthread_t t;
    struct rlimit limit;

    sem_init(&ready, 0, 0);
    sem_init(&go, 0, 0);
    look(pthread_self(), &here, 0, PTHREAD_CREATE_JOINABLE);
    CHECK(pthread_attr_init(&a) == 0);
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        CHECK(pthread_attr_setstacksize(&a, sizes[i]) == 0);
        CHECK(pthread_create(&t, &a, thread, (void *)sizes[i]) == 0);
        sem_wait(&ready);
        look(t, address, sizes[i], PTHREAD_CREATE_JOINABLE);
        sem_post(&go);
        sem_wait(&ready);
    }
    CHECK(getrlimit(RLIMIT_STACK, &limit) == 0);
    CHECK(pthread_create(&t, NULL, thread, (void *)(limit.rlim_cur == RLIM_INFINITY ? 0 : limit.rlim_cur)) == 0);
    sem_wait(&ready);
    sem_post(&go);
    sem_wait(&ready);
    look(pthread_self(), &here, 0, PTHREAD_CREATE_JOINABLE);
    return 0;
}
