/* Real-time, batch and idle scheduling and nice values of running threads: set by the thread itself, by another, by
   number; what the kernel says of the thread agrees; other threads keep theirs. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                  \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

int __sched_getscheduler(pid_t pid);
int __sched_getparam(pid_t pid, struct sched_param *param);
int __sched_setscheduler(pid_t pid, int policy, const struct sched_param *param);

static sem_t ready, go;

/* Nice value and policy of the calling thread as the kernel shows them. */
static void shown(const char *when)
{
    char path[64], text[1024], *p;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", gettid());
    FILE *f = fopen(path, "r");
    if (f == NULL)
        f = fopen("/proc/thread-self/stat", "r");
    CHECK(fgets(text, sizeof text, f) != NULL);
    fclose(f);
    long nice = 0, policy = 0;
    p = strrchr(text, ')') + 2;
    for (int field = 3; p != NULL && field <= 41; field++) {
        if (field == 19)
            nice = atol(p);
        if (field == 41)
            policy = atol(p);
        p = strchr(p, ' ');
        p = p != NULL ? p + 1 : NULL;
    }
    struct sched_param param;
    int told = sched_getscheduler(0);
    CHECK(told == syscall(SYS_sched_getscheduler, gettid()));
    CHECK(told == __sched_getscheduler(0));
    CHECK(sched_getparam(gettid(), &param) == 0);
    struct sched_param twin;
    CHECK(__sched_getparam(0, &twin) == 0 && twin.sched_priority == param.sched_priority);
    errno = 0;
    printf("%s: policy %ld %d priority %d nice %ld %d\n", when, policy, told, param.sched_priority, nice,
           getpriority(PRIO_PROCESS, 0));
}

static void *batch(void *unused)
{
    struct sched_param p = {0};
    CHECK(__sched_setscheduler(0, SCHED_BATCH, &p) == 0);
    shown("twin");
    CHECK(sched_setscheduler(0, SCHED_BATCH, &p) == 0);
    shown("batch");
    CHECK(setpriority(PRIO_PROCESS, 0, 5) == 0);
    CHECK(nice(2) == 7);
    shown("nice");
    return NULL;
}

static void *child(void *unused)
{
    shown("inherited");
    return NULL;
}

static void *real_time(void *unused)
{
    struct sched_param p = {.sched_priority = 7};
    pthread_t t;
    int e = pthread_setschedparam(pthread_self(), SCHED_RR, &p);
    printf("round robin: %d\n", e);
    if (e != 0)
        return NULL;
    shown("round robin");
    CHECK(pthread_create(&t, NULL, child, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(pthread_setschedprio(pthread_self(), 9) == 0);
    int policy;
    CHECK(pthread_getschedparam(pthread_self(), &policy, &p) == 0 && policy == SCHED_RR && p.sched_priority == 9);
    p.sched_priority = 3;
    shown("priority");
    CHECK(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &p) == 0);
    shown("first in, first out");
    p.sched_priority = 0;
    CHECK(syscall(SYS_sched_setscheduler, gettid(), SCHED_OTHER, &p) == 0);
    shown("other");
    return NULL;
}

static void *other(void *unused)
{
    sem_post(&ready);
    sem_wait(&go);
    sched_yield();
    shown("set by main");
    return NULL;
}

static void *bystander(void *unused)
{
    sem_wait(&go);
    shown("bystander");
    return NULL;
}

int main(void)
{
    pthread_t t, b;
    struct sched_param p = {0};
    sem_init(&ready, 0, 0);
    sem_init(&go, 0, 0);
    CHECK(pthread_create(&t, NULL, batch, NULL) == 0 && pthread_join(t, NULL) == 0);
    CHECK(pthread_create(&t, NULL, real_time, NULL) == 0 && pthread_join(t, NULL) == 0);
    CHECK(pthread_create(&t, NULL, other, NULL) == 0);
    sem_wait(&ready);
    CHECK(pthread_setschedparam(t, SCHED_IDLE, &p) == 0);
    sem_post(&go);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(pthread_create(&b, NULL, bystander, NULL) == 0);
    shown("main");
    CHECK(nice(1) == 1);
    shown("nice main");
    sem_post(&go);
    CHECK(pthread_join(b, NULL) == 0);
    CHECK(pthread_create(&t, NULL, child, NULL) == 0 && pthread_join(t, NULL) == 0);
    return 0;
}
