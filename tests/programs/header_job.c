/* Jobs, the pool and processors. Says what it saw; a line that begins with "wrong" if something is. */
#define _GNU_SOURCE
#include <coax.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void check(int good, const char *what)
{
    if (!good)
        printf("wrong: %s (errno %d)\n", what, errno);
}

struct work {
    volatile int began, ended, frees, hold;
    int value, tid, fails;
    unsigned usec;
    char *memory;
};

static void run(void *arg)
{
    struct work *w = arg;
    w->tid = (int)syscall(SYS_gettid);
    w->began++;
    while (w->hold)
        usleep(1000);
    if (w->usec)
        usleep(w->usec);
    w->memory[0] = 'x';
    w->ended++;
}

static int result(void *arg)
{
    struct work *w = arg;
    check(w->ended == 1 && w->frees == 0, "result after run, before free");
    if (w->fails) {
        errno = EDOM;
        return -1;
    }
    return w->value;
}

static void release(void *arg)
{
    struct work *w = arg;
    free(w->memory);
    w->memory = NULL;
    w->frees++;
}

static void prepare(struct work *w, int value)
{
    memset(w, 0, sizeof *w);
    w->memory = malloc(64);
    w->value = value;
}

static int execute(struct work *w, int method)
{
    return coax_execute_job(method, run, w, result, release);
}

static int wait_for(volatile int *count, int want)
{
    int i;
    for (i = 0; i < 20000 && *count < want; i++)
        usleep(1000);
    return *count >= want;
}

static void nothing(void *arg)
{
    (void)arg;
}

static void methods(void)
{
    int method;
    for (method = -1; method <= 2; method++) {
        struct work w;
        prepare(&w, 40 + method);
        check(execute(&w, method) == 40 + method, "result");
        check(w.began == 1 && w.ended == 1 && w.frees == 1, "run once, freed once");
        prepare(&w, 0);
        w.fails = 1;
        errno = 0;
        check(execute(&w, method) == -1 && errno == EDOM && w.frees == 1, "a result that fails");
        check(coax_execute_job(method, nothing, NULL, NULL, NULL) == 0, "no result, no free");
    }
    check(coax_execute_job(-2, nothing, NULL, NULL, NULL) == -1 && errno == EINVAL, "method -2");
    check(coax_execute_job(3, nothing, NULL, NULL, NULL) == -1 && errno == EINVAL, "method 3");
    check(coax_execute_job(0, NULL, NULL, NULL, NULL) == -1 && errno == EINVAL, "no run");
    printf("methods\n");
}

/* ---- under coax ---- */

static void *start(void *arg)
{
    struct work *w = arg;
    int r = execute(w, COAX_ASYNC_DETACH);
    return (void *)(long)(r == -1 ? -errno : r);
}

static void where(void)
{
    struct work w;
    prepare(&w, 1);
    execute(&w, COAX_ASYNC_NONE);
    check(w.tid == (int)syscall(SYS_gettid), "none: here");
    prepare(&w, 1);
    execute(&w, COAX_ASYNC_DETACH);
    check(w.tid != (int)syscall(SYS_gettid), "detach: elsewhere");
    check(coax_thread_count() >= 1, "a helper");
    check(coax_thread_waiting_count() >= 0 && coax_thread_waiting_count() <= coax_thread_count(), "helpers that wait");
    printf("where\n");
}

static void cancelled(void)
{
    struct work w;
    pthread_t thread;
    void *r;
    prepare(&w, 1);
    w.hold = 1;
    pthread_create(&thread, NULL, start, &w);
    check(wait_for(&w.began, 1), "began");
    check(coax_cancel(thread) == 0, "coax_cancel");
    pthread_join(thread, &r);
    check((long)r == -ECANCELED, "ECANCELED");
    check(w.frees == 0 && w.memory != NULL, "it has its memory");
    w.hold = 0;
    check(wait_for(&w.frees, 1) && w.ended == 1, "freed when it has ended");

    prepare(&w, 1);
    w.hold = 1;
    pthread_create(&thread, NULL, start, &w);
    check(wait_for(&w.began, 1), "began");
    check(pthread_cancel(thread) == 0, "pthread_cancel");
    pthread_join(thread, &r);
    check(r == PTHREAD_CANCELED && w.frees == 0, "cancelled");
    w.hold = 0;
    check(wait_for(&w.frees, 1), "freed when it has ended");
    printf("cancelled\n");
}

static int under_timeout(void *arg)
{
    return execute(arg, COAX_ASYNC_DETACH);
}

static void timed_out(void)
{
    struct work w;
    prepare(&w, 1);
    w.hold = 1;
    check(coax_with_timeout(0.03, under_timeout, &w) == -1 && errno == ETIMEDOUT, "ETIMEDOUT");
    check(w.frees == 0, "it has its memory");
    w.hold = 0;
    check(wait_for(&w.frees, 1), "freed when it has ended");
    prepare(&w, 7);
    check(coax_with_timeout(20, under_timeout, &w) == 7 && w.frees == 1, "in time");
    printf("timed out\n");
}

enum { CROWD = 30 };

static void limits(void)
{
    static struct work works[CROWD];
    pthread_t threads[CROWD];
    int i, size = coax_pool_size(), most = 0;
    void *r;
    check(size == 64, "the default");
    check(coax_set_pool_size(-1) == -1 && errno == EINVAL, "size -1");
    check(coax_set_pool_size(10001) == -1 && errno == EINVAL, "size 10001");
    check(coax_set_pool_size(0) == 0 && coax_pool_size() == 0, "size 0");
    for (i = 0; i < 20000 && coax_thread_count() > 0; i++)
        usleep(1000);
    check(coax_thread_count() == 0, "idle helpers leave");
    prepare(&works[0], 9);
    check(execute(&works[0], COAX_ASYNC_DETACH) == 9 && coax_thread_count() == 0, "no helper: the caller");
    check(coax_set_pool_size(10000) == 0 && coax_set_pool_size(5) == 0 && coax_pool_size() == 5, "size 5");
    for (i = 0; i < CROWD; i++) {
        prepare(&works[i], i);
        works[i].usec = 10000;
        pthread_create(&threads[i], NULL, start, &works[i]);
    }
    for (i = 0; i < CROWD; i++) {
        if (coax_thread_count() > most)
            most = coax_thread_count();
        pthread_join(threads[i], &r);
        check((long)r == i && works[i].frees == 1, "one of a crowd");
    }
    check(most > 0 && most <= 5, "no more than the limit");
    coax_set_pool_size(size);
    printf("limits\n");
}

/* fork while helpers are busy: both go on. */
static void forks(void)
{
    static struct work works[8];
    pthread_t threads[8];
    int i, round, status;
    for (round = 0; round < 20; round++) {
        pid_t child;
        for (i = 0; i < 8; i++) {
            prepare(&works[i], i);
            works[i].usec = 3000;
            pthread_create(&threads[i], NULL, start, &works[i]);
        }
        usleep((unsigned)round * 200);
        fflush(stdout);
        child = fork();
        if (child == 0) {
            struct work w;
            prepare(&w, 5);
            if (coax_thread_count() != 0)
                _exit(1);
            _exit(execute(&w, COAX_ASYNC_DETACH) == 5 && w.frees == 1 ? 0 : 2);
        }
        check(waitpid(child, &status, 0) == child && status == 0, "child");
        for (i = 0; i < 8; i++) {
            pthread_join(threads[i], NULL);
            check(works[i].frees == 1, "freed");
        }
    }
    printf("forks\n");
}

/* ---- processors: the same without coax ---- */

static void processors(void)
{
    cpu_set_t all, one, now;
    int cpu = coax_get_cpu(), i;
    CPU_ZERO(&all);
    check(coax_get_affinity(0, sizeof all, &all) == 0 && CPU_COUNT(&all) > 0, "get_affinity");
    check(cpu >= 0 && CPU_ISSET(cpu, &all), "get_cpu");
    CPU_ZERO(&one);
    for (i = 0; i < CPU_SETSIZE && !CPU_ISSET(i, &all); i++)
        ;
    CPU_SET(i, &one);
    check(coax_set_affinity(0, sizeof one, &one) == 0, "set_affinity");
    CPU_ZERO(&now);
    check(coax_get_affinity(0, sizeof now, &now) == 0 && CPU_EQUAL(&now, &one), "what was set");
    check(coax_get_cpu() == i, "and is so");
    check(coax_set_affinity(0, sizeof all, &all) == 0, "back");
    CPU_ZERO(&one);
    check(coax_set_affinity(0, sizeof one, &one) == -1 && errno == EINVAL, "none");
    check(coax_get_affinity(0, 0, &now) == -1 && errno == EINVAL, "no room");
    check(coax_get_affinity(0x3fffffff, sizeof now, &now) == -1 && errno == ESRCH, "no such thread");
    printf("processors\n");
}

static void *processors_of_thread(void *arg)
{
    processors();
    return arg;
}

/* ---- the first call of all is a job ---- */

static volatile int called;

static void count_call(void *arg)
{
    (void)arg;
    called++;
}

static void *return_it(void *arg)
{
    return arg;
}

static void run_first(void *arg)
{
    pthread_t thread;
    check(pthread_create(&thread, NULL, return_it, arg) == 0 && pthread_join(thread, NULL) == 0, "a job's thread");
    *(int *)arg = coax_make_notification(0, count_call, NULL);
}

static void first(void)
{
    pthread_t thread;
    int id = 0;
    check(coax_execute_job(COAX_ASYNC_DETACH, run_first, &id, NULL, NULL) == 0, "the first job");
    check(id > 0, "a job's notification");
    check(pthread_create(&thread, NULL, return_it, NULL) == 0 && pthread_join(thread, NULL) == 0, "a thread");
    check(coax_send_notification(id) == 0 && wait_for(&called, 1), "a call");
    printf("first\n");
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    pthread_t thread;
    if (strcmp(what, "processors") == 0) {
        processors();
        pthread_create(&thread, NULL, processors_of_thread, NULL);
        pthread_join(thread, NULL);
        return 0;
    }
    if (strcmp(what, "first") == 0) {
        first();
        return 0;
    }
    methods();
    if (strcmp(what, "methods") == 0) {
        check(coax_pool_size() == (coax_active() ? 64 : 0), "size");
        check(coax_set_pool_size(64) == (coax_active() ? 0 : -1), "set size");
        check(coax_active() || (coax_thread_count() == 0 && coax_thread_waiting_count() == 0), "no helpers");
        return 0;
    }
    where();
    cancelled();
    timed_out();
    limits();
    forks();
    return 0;
}
