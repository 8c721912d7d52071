/* A thread that has become a kernel thread of its own ends as every thread: joined with its result, detached, cancelled,
   by pthread_exit; its destructors run; it joins, detaches and cancels others. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static pthread_key_t key;
static sem_t ready, gone;
static int pipes[2], destroyed;
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static volatile int spin = 1;

static void become(void)
{
    CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
}

static void destroy(void *value)
{
    __atomic_add_fetch(&destroyed, (int)(long)value, __ATOMIC_SEQ_CST);
    if ((long)value == 100)
        sem_post(&gone);
}

static void *returns(void *arg)
{
    become();
    pthread_setspecific(key, (void *)1);
    return arg;
}

static void *exits(void *arg)
{
    become();
    pthread_setspecific(key, (void *)10);
    pthread_exit(arg);
}

static void *detached(void *unused)
{
    pthread_setspecific(key, (void *)100);
    pthread_detach(pthread_self());
    become();
    return NULL;
}

static void *slow(void *unused)
{
    become();
    sem_post(&ready);
    usleep(20000);
    return "slow";
}

static void cleaned(void *what)
{
    printf("cleaned %s\n", (char *)what);
}

static void cleaned_lock(void *what)
{
    CHECK(pthread_mutex_unlock(&m) == 0);
    printf("cleaned %s\n", (char *)what);
}

static void *reads(void *unused)
{
    char byte;
    become();
    sem_post(&ready);
    pthread_cleanup_push(cleaned, "read");
    read(pipes[0], &byte, 1);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *waits(void *unused)
{
    become();
    CHECK(pthread_mutex_lock(&m) == 0);
    pthread_cleanup_push(cleaned_lock, "condition");
    sem_post(&ready);
    for (;;)
        pthread_cond_wait(&c, &m);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *computes(void *unused)
{
    int old;
    become();
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old) == 0);
    sem_post(&ready);
    while (spin)
        ;
    return NULL;
}

static void *sleeps(void *forever)
{
    sem_post(&ready);
    sleep(forever ? 1000 : 0);
    return "slept";
}

static void *joins(void *unused)
{
    pthread_t t;
    void *r;
    become();
    sem_post(&ready);
    CHECK(pthread_create(&t, NULL, sleeps, (void *)1) == 0);
    pthread_cleanup_push(cleaned, "join");
    pthread_join(t, &r);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *disabled(void *unused)
{
    int old;
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old) == 0);
    become();
    sem_post(&ready);
    usleep(20000);
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old) == 0);
    pthread_testcancel();
    return NULL;
}

static void *manages(void *unused)
{
    pthread_t t[3];
    void *r;
    struct timespec now;
    become();
    CHECK(pthread_create(&t[0], NULL, sleeps, NULL) == 0);
    CHECK(pthread_join(t[0], &r) == 0 && strcmp(r, "slept") == 0);
    CHECK(pthread_create(&t[1], NULL, sleeps, (void *)1) == 0);
    CHECK(pthread_tryjoin_np(t[1], &r) == EBUSY);
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_nsec = (now.tv_nsec + 10000000) % 1000000000;
    CHECK(pthread_timedjoin_np(t[1], &r, &now) == ETIMEDOUT);
    CHECK(pthread_cancel(t[1]) == 0);
    CHECK(pthread_join(t[1], &r) == 0 && r == PTHREAD_CANCELED);
    CHECK(pthread_create(&t[2], NULL, sleeps, NULL) == 0);
    CHECK(pthread_detach(t[2]) == 0);
    CHECK(pthread_create(&t[2], NULL, returns, "other") == 0);
    CHECK(pthread_join(t[2], &r) == 0 && strcmp(r, "other") == 0);
    CHECK(pthread_join(pthread_self(), NULL) == EDEADLK);
    for (int i = 0; i < 3; i++)
        sem_wait(&ready);
    return "managed";
}

static void cancelled(void *(*start)(void *), const char *name)
{
    pthread_t t;
    void *r;
    CHECK(pthread_create(&t, NULL, start, NULL) == 0);
    sem_wait(&ready);
    usleep(3000);
    CHECK(pthread_cancel(t) == 0);
    CHECK(pthread_join(t, &r) == 0);
    printf("%s: %s\n", name, r == PTHREAD_CANCELED ? "cancelled" : "ended");
}

int main(void)
{
    pthread_t t;
    void *r;
    CHECK(pthread_key_create(&key, destroy) == 0);
    CHECK(pipe(pipes) == 0);
    sem_init(&ready, 0, 0);
    sem_init(&gone, 0, 0);
    CHECK(pthread_create(&t, NULL, returns, "returned") == 0);
    CHECK(pthread_join(t, &r) == 0 && strcmp(r, "returned") == 0);
    CHECK(pthread_create(&t, NULL, exits, "exited") == 0);
    CHECK(pthread_join(t, &r) == 0 && strcmp(r, "exited") == 0);
    CHECK(pthread_create(&t, NULL, detached, NULL) == 0);
    sem_wait(&gone);
    printf("destroyed %d\n", destroyed);
    CHECK(pthread_create(&t, NULL, slow, NULL) == 0);
    sem_wait(&ready);
    CHECK(pthread_tryjoin_np(t, &r) == EBUSY);
    CHECK(pthread_join(t, &r) == 0 && strcmp(r, "slow") == 0);
    cancelled(reads, "read");
    cancelled(waits, "condition");
    CHECK(pthread_mutex_trylock(&m) == 0 && pthread_mutex_unlock(&m) == 0);
    cancelled(computes, "computing");
    cancelled(joins, "join");
    cancelled(disabled, "disabled");
    sem_wait(&ready);
    CHECK(pthread_create(&t, NULL, manages, NULL) == 0);
    CHECK(pthread_join(t, &r) == 0);
    puts(r);
    return 0;
}
