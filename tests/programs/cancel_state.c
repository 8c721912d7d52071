/* Cancellation waits while it is disabled and acts at the first cancellation point after it was enabled. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
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

static sem_t ready, go;
static int steps;

static void *disabled(void *arg)
{
    int old;
    EQ(pthread_setcancelstate(77, &old), EINVAL);
    EQ(pthread_setcanceltype(77, &old), EINVAL);
    EQ(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old), 0);
    EQ(old, PTHREAD_CANCEL_ENABLE);
    EQ(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &old), 0);
    EQ(old, PTHREAD_CANCEL_DEFERRED);
    sem_post(&ready);
    sem_wait(&go);
    steps = 1;
    pthread_testcancel();
    usleep(1000);
    steps = 2;
    EQ(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old), 0);
    EQ(old, PTHREAD_CANCEL_DISABLE);
    steps = 3;
    if (arg)
        pthread_testcancel();
    steps = 4;
    return "not cancelled";
}

static void run(void *arg, int want)
{
    pthread_t t;
    void *r;
    EQ(pthread_create(&t, NULL, disabled, arg), 0);
    sem_wait(&ready);
    EQ(pthread_cancel(t), 0);
    EQ(pthread_cancel(t), 0);
    sem_post(&go);
    EQ(pthread_join(t, &r), 0);
    EQ(steps, want);
    puts(r == PTHREAD_CANCELED ? "cancelled" : r);
}

/* A call that a signal would end early is not ended. */
static void *disabled_in_sigtimedwait(void *arg)
{
    sigset_t set;
    struct timespec t = {0, 100000000};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    EQ(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL), 0);
    sem_post(&ready);
    EQ(sigtimedwait(&set, NULL, &t), -1);
    EQ(errno, EAGAIN);
    return NULL;
}

static void waits_for_a_signal(void)
{
    pthread_t t;
    void *r;
    EQ(pthread_create(&t, NULL, disabled_in_sigtimedwait, NULL), 0);
    sem_wait(&ready);
    usleep(20000);
    EQ(pthread_cancel(t), 0);
    EQ(pthread_join(t, &r), 0);
    puts(r == NULL ? "waited" : "?");
}

int main(void)
{
    sem_init(&ready, 0, 0);
    sem_init(&go, 0, 0);
    run("test", 3);
    run(NULL, 4);
    waits_for_a_signal();
    return 0;
}
