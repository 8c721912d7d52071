/* What the calls refuse that change one thread's state, from a thread that has changed and from one that has not. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#define SHOW(e)                                                                                                        \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        long r_ = (long)(e);                                                                                           \
        printf("%s: %ld %d\n", #e, r_, r_ < 0 ? errno : 0);                                                            \
    } while (0)

extern int capset(void *, const void *);

static void all(void)
{
    void *bad = (void *)8;
    cpu_set_t none, every;
    struct sched_param zero = {0}, high = {.sched_priority = 500};
    CPU_ZERO(&none);
    memset(&every, 0xff, sizeof every);
    SHOW(sched_setaffinity(0, sizeof none, &none));
    SHOW(sched_setaffinity(0, 0, &every));
    SHOW(sched_setaffinity(0, sizeof every, bad));
    SHOW(sched_setaffinity(0x3ffffff0, sizeof every, &every));
    SHOW(sched_setaffinity(-1, sizeof every, &every));
    SHOW(sched_getaffinity(0, 1, &every));
    SHOW(sched_getaffinity(0, sizeof every, bad));
    SHOW(sched_getaffinity(-1, sizeof every, &every));
    SHOW(syscall(SYS_sched_getaffinity, 0, sizeof every, bad));
    SHOW(syscall(SYS_sched_getaffinity, 0, 3, &every));
    SHOW(syscall(SYS_sched_getaffinity, 0, sizeof every, &every) == syscall(SYS_sched_getaffinity, gettid(), sizeof every, &every));
    SHOW(sched_setscheduler(0, 77, &zero));
    SHOW(sched_setscheduler(0, SCHED_OTHER, &high));
    SHOW(sched_setscheduler(0, SCHED_FIFO, &zero));
    SHOW(sched_setscheduler(0, SCHED_OTHER, NULL));
    SHOW(sched_setscheduler(0, SCHED_OTHER, bad));
    SHOW(sched_setscheduler(0x3ffffff0, SCHED_OTHER, &zero));
    SHOW(sched_setscheduler(-1, SCHED_OTHER, &zero));
    SHOW(sched_getscheduler(0x3ffffff0));
    SHOW(sched_getscheduler(-1));
    SHOW(sched_setparam(0, &high));
    SHOW(sched_setparam(0, NULL));
    SHOW(sched_setparam(0, bad));
    SHOW(sched_setparam(0x3ffffff0, &zero));
    SHOW(sched_setparam(0, &zero));
    SHOW(sched_getparam(0, NULL));
    SHOW(sched_getparam(0, bad));
    SHOW(sched_getparam(0x3ffffff0, &zero));
    SHOW(sched_getparam(0, &zero));
    SHOW(setpriority(99, 0, 0));
    SHOW(setpriority(PRIO_PROCESS, 0x3ffffff0, 0));
    SHOW(getpriority(99, 0));
    SHOW(getpriority(PRIO_PROCESS, 0x3ffffff0));
    SHOW(getpriority(PRIO_PROCESS, 0));
    SHOW(getpriority(PRIO_PROCESS, gettid()));
    SHOW(syscall(SYS_getpriority, PRIO_PROCESS, 0));
    SHOW(setns(-1, 0));
    SHOW(unshare(0x10));
    SHOW(unshare(0));
    if (gettid() != getpid()) { /* main is alone: bare it may */
        SHOW(unshare(CLONE_NEWUSER));
        SHOW(unshare(CLONE_VM));
    }
    SHOW(prctl(12345, 0, 0, 0, 0));
    SHOW(prctl(PR_SET_PDEATHSIG, 1000));
    SHOW(prctl(PR_GET_PDEATHSIG, bad));
    SHOW(prctl(PR_SET_NAME, NULL));
    SHOW(prctl(PR_SET_NAME, bad));
    SHOW(prctl(PR_GET_NAME, bad));
    char name[16];
    SHOW(prctl(PR_SET_NAME, "more than sixteen letters"));
    SHOW(prctl(PR_GET_NAME, name));
    puts(name);
    SHOW(prctl(PR_GET_DUMPABLE));
    SHOW(capset(bad, bad));
    SHOW(setfsuid(-1) == geteuid());
    SHOW(setfsgid(-1) == getegid());
    SHOW(pthread_setaffinity_np(pthread_self(), sizeof none, &none));
    SHOW(pthread_setschedparam(pthread_self(), 77, &zero));
    SHOW(pthread_setschedprio(pthread_self(), 5));
}

static void *thread(void *change)
{
    if (change)
        CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    all();
    return NULL;
}

static void *nothing(void *unused)
{
    return NULL;
}

int main(void)
{
    pthread_t t;
    CHECK(pthread_create(&t, NULL, nothing, NULL) == 0 && pthread_join(t, NULL) == 0);
    for (long change = 0; change < 2; change++) {
        CHECK(pthread_create(&t, NULL, thread, (void *)change) == 0);
        CHECK(pthread_join(t, NULL) == 0);
    }
    all();
    return 0;
}
