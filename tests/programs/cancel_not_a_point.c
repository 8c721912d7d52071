/* Waiting for a lock or a barrier is no cancellation point: the thread gets what it waits for first. */
#include <pthread.h>
#include <semaphore.h>
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

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_spinlock_t spin;
static sem_t ready;
static int passed;

static void *thread(void *arg)
{
    sem_post(&ready);
    switch ((long)arg) {
    case 0:
        CHECK(pthread_mutex_lock(&mutex) == 0);
        passed++;
        CHECK(pthread_mutex_unlock(&mutex) == 0);
        break;
    case 1:
        CHECK(pthread_rwlock_rdlock(&rwlock) == 0);
        passed++;
        CHECK(pthread_rwlock_unlock(&rwlock) == 0);
        break;
    case 2:
        CHECK(pthread_rwlock_wrlock(&rwlock) == 0);
        passed++;
        CHECK(pthread_rwlock_unlock(&rwlock) == 0);
        break;
    case 3:
        pthread_barrier_wait(&barrier);
        passed++;
        break;
    case 4:
        CHECK(pthread_spin_lock(&spin) == 0);
        passed++;
        CHECK(pthread_spin_unlock(&spin) == 0);
        break;
    }
    pthread_testcancel();
    passed += 100;
    return NULL;
}

int main(void)
{
    sem_init(&ready, 0, 0);
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    for (long i = 0; i < 5; i++) {
        pthread_t t;
        void *r;
        CHECK(pthread_mutex_lock(&mutex) == 0);
        CHECK(pthread_rwlock_wrlock(&rwlock) == 0);
        CHECK(pthread_spin_lock(&spin) == 0);
        CHECK(pthread_create(&t, NULL, thread, (void *)i) == 0);
        sem_wait(&ready);
        usleep(5000);
        CHECK(pthread_cancel(t) == 0);
        usleep(5000);
        CHECK(passed == i);
        if (i == 3)
            pthread_barrier_wait(&barrier);
        CHECK(pthread_spin_unlock(&spin) == 0);
        CHECK(pthread_rwlock_unlock(&rwlock) == 0);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
        CHECK(pthread_join(t, &r) == 0);
        CHECK(r == PTHREAD_CANCELED);
    }
    printf("%d\n", passed);
    return 0;
}
