/* A timer's notification function runs on a thread that libc makes by itself. It unlocks, signals, posts, joins and
   writes what the program's threads wait for, and waits for what they do. */
#define _GNU_SOURCE
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

enum { ROUNDS = 5 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, back = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t sem, reply, handler_done;
static int pipes[2], pipes_back[2], flag, back_flag, counter, promised;
static pthread_t joinable;

/* What the notification does first, while a thread of the program waits for it. */
static void gives(int what)
{
    char c = 'x';
    void *r;
    switch (what) {
    case 0:
        CHECK(pthread_mutex_lock(&mutex) == 0);
        flag = 1;
        CHECK(pthread_cond_signal(&cond) == 0);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
        break;
    case 1:
        CHECK(sem_post(&sem) == 0);
        break;
    case 2:
        CHECK(write(pipes[1], &c, 1) == 1);
        break;
    case 3: /* a thread that still runs: it sleeps */
        CHECK(pthread_join(joinable, &r) == 0);
        CHECK(r == (void *)33);
        break;
    case 4: /* held by a thread that sleeps with it */
        CHECK(pthread_mutex_lock(&held) == 0);
        counter++;
        CHECK(pthread_mutex_unlock(&held) == 0);
        break;
    case 5:
        CHECK(sem_wait(&reply) == 0);
        break;
    case 6:
        CHECK(read(pipes_back[0], &c, 1) == 1);
        break;
    case 7:
        CHECK(pthread_mutex_lock(&mutex) == 0);
        while (!back_flag)
            CHECK(pthread_cond_wait(&back, &mutex) == 0);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
        break;
    case 8:
        CHECK(pthread_rwlock_wrlock(&rwlock) == 0);
        counter++;
        CHECK(pthread_rwlock_unlock(&rwlock) == 0);
        break;
    case 9:
        pthread_barrier_wait(&barrier);
        break;
    case 10: /* holds it for a while: a thread of the program must wait */
        CHECK(pthread_mutex_lock(&held) == 0);
        promised = counter + 1;
        sem_post(&sem);
        usleep(5000);
        counter++;
        CHECK(pthread_mutex_unlock(&held) == 0);
        break;
    }
    CHECK(sem_post(&handler_done) == 0);
}

/* The other side, in a thread of the program. */
static void *takes(void *arg)
{
    char c = 'x';
    switch ((long)arg) {
    case 0:
        CHECK(pthread_mutex_lock(&mutex) == 0);
        while (!flag)
            CHECK(pthread_cond_wait(&cond, &mutex) == 0);
        flag = 0;
        CHECK(pthread_mutex_unlock(&mutex) == 0);
        break;
    case 1:
        CHECK(sem_wait(&sem) == 0);
        break;
    case 2:
        CHECK(read(pipes[0], &c, 1) == 1);
        break;
    case 4:
        CHECK(pthread_mutex_lock(&held) == 0);
        usleep(8000);
        CHECK(pthread_mutex_unlock(&held) == 0);
        break;
    case 5:
        usleep(8000);
        CHECK(sem_post(&reply) == 0);
        break;
    case 6:
        usleep(8000);
        CHECK(write(pipes_back[1], &c, 1) == 1);
        break;
    case 7:
        usleep(8000);
        CHECK(pthread_mutex_lock(&mutex) == 0);
        back_flag = 1;
        CHECK(pthread_cond_broadcast(&back) == 0);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
        break;
    case 8:
        CHECK(pthread_rwlock_rdlock(&rwlock) == 0);
        usleep(8000);
        CHECK(pthread_rwlock_unlock(&rwlock) == 0);
        break;
    case 9:
        pthread_barrier_wait(&barrier);
        break;
    case 10:
        CHECK(sem_wait(&sem) == 0);
        CHECK(pthread_mutex_lock(&held) == 0);
        CHECK(counter == promised);
        CHECK(pthread_mutex_unlock(&held) == 0);
        break;
    }
    return (void *)33;
}

static void notified(union sigval v)
{
    gives(v.sival_int);
}

int main(void)
{
    sem_init(&sem, 0, 0);
    sem_init(&reply, 0, 0);
    sem_init(&handler_done, 0, 0);
    pthread_barrier_init(&barrier, NULL, 2);
    CHECK(pipe(pipes) == 0 && pipe(pipes_back) == 0);
    for (int round = 0; round < ROUNDS; round++)
        for (long what = 0; what <= 10; what++) {
            struct sigevent e;
            struct itimerspec when = {.it_value = {0, 2000000}};
            timer_t timer;
            pthread_t t;
            memset(&e, 0, sizeof e);
            e.sigev_notify = SIGEV_THREAD;
            e.sigev_notify_function = notified;
            e.sigev_value.sival_int = what;
            back_flag = 0;
            CHECK(timer_create(CLOCK_MONOTONIC, &e, &timer) == 0);
            if (what == 3) {
                when.it_value.tv_nsec = 1000000;
                CHECK(pthread_create(&joinable, NULL, takes, (void *)5l) == 0);
                CHECK(timer_settime(timer, 0, &when, NULL) == 0);
                CHECK(sem_wait(&reply) == 0);
            } else {
                CHECK(pthread_create(&t, NULL, takes, (void *)what) == 0);
                CHECK(timer_settime(timer, 0, &when, NULL) == 0);
                CHECK(pthread_join(t, NULL) == 0);
            }
            CHECK(sem_wait(&handler_done) == 0);
            CHECK(timer_delete(timer) == 0);
        }
    printf("%d\n", counter);
    return 0;
}
