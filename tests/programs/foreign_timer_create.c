/* A notification function creates threads of its own, joins and cancels them, and uses keys and errno. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t done;
static pthread_key_t key;
static int sum, destroyed;

static void destructor(void *value)
{
    __atomic_add_fetch(&destroyed, 1, __ATOMIC_SEQ_CST);
    if (value == (void *)1)
        sem_post(&done);
}

static void *adds(void *arg)
{
    CHECK(pthread_setspecific(key, (void *)2) == 0);
    usleep(1000);
    return arg;
}

static void *waits(void *arg)
{
    pause();
    return NULL;
}

static void notified(union sigval v)
{
    pthread_t t[10], w;
    void *r;
    CHECK(pthread_getspecific(key) == NULL);
    for (long i = 0; i < 10; i++)
        CHECK(pthread_create(&t[i], NULL, adds, (void *)i) == 0);
    CHECK(pthread_create(&w, NULL, waits, NULL) == 0);
    for (int i = 0; i < 10; i++) {
        CHECK(pthread_join(t[i], &r) == 0);
        sum += (long)r;
    }
    CHECK(pthread_cancel(w) == 0);
    CHECK(pthread_join(w, &r) == 0 && r == PTHREAD_CANCELED);
    CHECK(close(-1) == -1 && errno == EBADF);
    CHECK(pthread_setspecific(key, (void *)1) == 0);
}

static void *idle(void *arg)
{
    for (int i = 0; i < 50; i++)
        usleep(1000);
    return NULL;
}

int main(void)
{
    struct sigevent e;
    struct itimerspec when = {.it_value = {0, 1000000}};
    timer_t timer;
    pthread_t t;
    CHECK(pthread_key_create(&key, destructor) == 0);
    sem_init(&done, 0, 0);
    CHECK(pthread_create(&t, NULL, idle, NULL) == 0);
    memset(&e, 0, sizeof e);
    e.sigev_notify = SIGEV_THREAD;
    e.sigev_notify_function = notified;
    CHECK(timer_create(CLOCK_MONOTONIC, &e, &timer) == 0);
    for (int i = 0; i < 3; i++) {
        CHECK(timer_settime(timer, 0, &when, NULL) == 0);
        CHECK(sem_wait(&done) == 0);
    }
    CHECK(timer_delete(timer) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    printf("%d %d\n", sum, destroyed);
    return 0;
}
