/* Each call that waits for time, a thread, a semaphore, a condition, a signal handler or a child is a cancellation
   point: while it blocks, and at its start when the request is already there. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t ready, go, empty;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static mtx_t mtx;
static cnd_t cnd;
static pthread_t forever;
static pid_t child;
static const struct timespec far = {1000, 0};
static struct timespec never; /* on the real-time clock */
static int cleaned;

static void do_sleep(void)
{
    sleep(1000);
}
static void do_usleep(void)
{
    usleep(999999999);
}
static void do_nanosleep(void)
{
    nanosleep(&far, NULL);
}
static void do_clock_nanosleep(void)
{
    clock_nanosleep(CLOCK_MONOTONIC, 0, &far, NULL);
}
static void do_thrd_sleep(void)
{
    thrd_sleep(&far, NULL);
}
static void do_pause(void)
{
    pause();
}
static void do_pthread_cond_wait(void)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push((void (*)(void *))pthread_mutex_unlock, &mutex);
    for (;;)
        pthread_cond_wait(&cond, &mutex);
    pthread_cleanup_pop(1);
}
static void do_pthread_cond_timedwait(void)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push((void (*)(void *))pthread_mutex_unlock, &mutex);
    for (;;)
        pthread_cond_timedwait(&cond, &mutex, &never);
    pthread_cleanup_pop(1);
}
static void do_pthread_cond_clockwait(void)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push((void (*)(void *))pthread_mutex_unlock, &mutex);
    for (;;)
        pthread_cond_clockwait(&cond, &mutex, CLOCK_REALTIME, &never);
    pthread_cleanup_pop(1);
}
static void do_cnd_wait(void)
{
    mtx_lock(&mtx);
    pthread_cleanup_push((void (*)(void *))mtx_unlock, &mtx);
    for (;;)
        cnd_wait(&cnd, &mtx);
    pthread_cleanup_pop(1);
}
static void do_cnd_timedwait(void)
{
    mtx_lock(&mtx);
    pthread_cleanup_push((void (*)(void *))mtx_unlock, &mtx);
    for (;;)
        cnd_timedwait(&cnd, &mtx, &never);
    pthread_cleanup_pop(1);
}
static void do_sem_wait(void)
{
    sem_wait(&empty);
}
static void do_sem_timedwait(void)
{
    sem_timedwait(&empty, &never);
}
static void do_sem_clockwait(void)
{
    sem_clockwait(&empty, CLOCK_REALTIME, &never);
}
static void do_pthread_join(void)
{
    pthread_join(forever, NULL);
}
static void do_pthread_timedjoin_np(void)
{
    pthread_timedjoin_np(forever, NULL, &never);
}
static void do_pthread_clockjoin_np(void)
{
    pthread_clockjoin_np(forever, NULL, CLOCK_REALTIME, &never);
}
static void do_wait(void)
{
    wait(NULL);
}
static void do_wait3(void)
{
    wait3(NULL, 0, NULL);
}
static void do_waitpid(void)
{
    waitpid(child, NULL, 0);
}
static void do_wait4(void)
{
    wait4(child, NULL, 0, NULL);
}
static void do_waitid(void)
{
    siginfo_t info;
    waitid(P_PID, child, &info, WEXITED);
}

#define POINT(name)                                                                                                    \
    {                                                                                                                  \
#name, do_##name                                                                                               \
    }
static const struct point {
    const char *name;
    void (*call)(void);
} points[] = {
    POINT(sleep),
    POINT(usleep),
    POINT(nanosleep),
    POINT(clock_nanosleep),
    POINT(thrd_sleep),
    POINT(pause),
    POINT(pthread_cond_wait),
    POINT(pthread_cond_timedwait),
    POINT(pthread_cond_clockwait),
    POINT(cnd_wait),
    POINT(cnd_timedwait),
    POINT(sem_wait),
    POINT(sem_timedwait),
    POINT(sem_clockwait),
    POINT(pthread_join),
    POINT(pthread_timedjoin_np),
    POINT(pthread_clockjoin_np),
    POINT(wait),
    POINT(wait3),
    POINT(waitpid),
    POINT(wait4),
    POINT(waitid),
};

static void cleanup(void *arg)
{
    cleaned++;
}

static void *blocks(void *arg)
{
    pthread_cleanup_push(cleanup, NULL);
    sem_post(&ready);
    ((const struct point *)arg)->call();
    pthread_cleanup_pop(0);
    return NULL;
}

static void *pending(void *arg)
{
    int old;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    sem_post(&ready);
    sem_wait(&go);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
    return blocks(arg);
}

static void *waits_forever(void *arg)
{
    sem_wait(&empty);
    return (void *)5;
}

static void run(const struct point *p, void *(*start)(void *))
{
    pthread_t t;
    void *r;
    cleaned = 0;
    CHECK(pthread_create(&t, NULL, start, (void *)p) == 0);
    sem_wait(&ready);
    if (start == blocks)
        usleep(4000);
    CHECK(pthread_cancel(t) == 0);
    if (start == pending) {
        sem_post(&go);
        sem_wait(&ready);
    }
    CHECK(pthread_join(t, &r) == 0);
    CHECK(r == PTHREAD_CANCELED);
    CHECK(cleaned == 1);
}

int main(void)
{
    void *r;
    int status;
    sem_init(&ready, 0, 0);
    sem_init(&go, 0, 0);
    sem_init(&empty, 0, 0);
    mtx_init(&mtx, mtx_plain);
    cnd_init(&cnd);
    never.tv_sec = time(NULL) + 1000;
    child = fork();
    if (child == 0) {
        pause();
        _exit(1);
    }
    CHECK(pthread_create(&forever, NULL, waits_forever, NULL) == 0);
    for (unsigned i = 0; i < sizeof points / sizeof *points; i++) {
        run(&points[i], blocks);
        run(&points[i], pending);
        puts(points[i].name);
    }
    /* What was waited for is all there. */
    CHECK(pthread_mutex_trylock(&mutex) == 0);
    CHECK(mtx_trylock(&mtx) == thrd_success);
    sem_post(&empty);
    CHECK(pthread_join(forever, &r) == 0 && r == (void *)5);
    CHECK(sem_trywait(&empty) == -1);
    CHECK(kill(child, SIGTERM) == 0);
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    return 0;
}
