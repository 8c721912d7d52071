/*
 * What a thread is told about itself and about others by their ids: ids, names, policies, the time slice, processor time.
 * usage: thread_identity THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

enum { MOST = 64 };
static int tids[MOST + 1];
static pthread_barrier_t all;
static int threads;

static double used(void)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void *scenario(void *arg)
{
    int me = (int)(long)arg, tid = gettid();
    char name[16], other[16];
    struct timespec slice, own;
    struct rusage usage;
    CHECK(tid == syscall(SYS_gettid) && (me != 0 || threads || tid == getpid()));
    tids[me] = tid;
    snprintf(name, sizeof name, "thread %d", me);
    CHECK(prctl(PR_SET_NAME, name) == 0);
    if (threads)
        pthread_barrier_wait(&all);
    CHECK(prctl(PR_GET_NAME, other) == 0 && !strcmp(name, other));
    CHECK(pthread_getname_np(pthread_self(), other, sizeof other) == 0 && !strcmp(name, other));
    for (int i = 0; i < threads; i++) {
        CHECK(i == me || tids[i] != tid);
        CHECK(sched_getscheduler(tids[i]) == SCHED_OTHER);
        CHECK(getpriority(PRIO_PROCESS, tids[i]) == 0);
        CHECK(sched_rr_get_interval(tids[i], &slice) == 0 && sched_rr_get_interval(0, &own) == 0);
        CHECK(slice.tv_sec == own.tv_sec);
        CHECK(syscall(SYS_sched_rr_get_interval, tids[i], &slice) == 0);
    }
    errno = 0;
    CHECK(sched_rr_get_interval(-1, &slice) == -1 && errno == EINVAL);
    CHECK(sched_rr_get_interval(0x3fffffff, &slice) == -1 && errno == ESRCH);
    CHECK(syscall(SYS_sched_rr_get_interval, 0, 8) == -1 && errno == EFAULT);
    double start = used();
    while (used() < start + 0.002)
        ;
    CHECK(getrusage(RUSAGE_THREAD, &usage) == 0);
    CHECK(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec > 0 || usage.ru_utime.tv_usec + usage.ru_stime.tv_usec >= 1000);
    if (threads)
        pthread_barrier_wait(&all);
    return NULL;
}

int main(int argc, char **argv)
{
    threads = atoi(argv[1]);
    pthread_t t[MOST];
    if (!threads)
        scenario(NULL);
    else
        CHECK(pthread_barrier_init(&all, NULL, threads) == 0);
    for (long i = 0; i < threads; i++)
        CHECK(pthread_create(&t[i], NULL, scenario, (void *)i) == 0);
    for (int i = 0; i < threads; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    puts("good");
    return 0;
}
