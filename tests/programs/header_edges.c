/* Deadlines and cancellation where they are easily got wrong: nested, left by a jump, by an exit, at the moment of
 * success, for a thread that has ended. "first" calls one function in a program that has made no thread yet. Bad
 * arguments last. */
#define _GNU_SOURCE
#include <coax.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int wrong;

static void check(int good, const char *what)
{
    if (!good) {
        printf("wrong: %s (%s)\n", what, strerror(errno));
        wrong = 1;
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int sleep_a(void *arg) { return coax_sleep(*(double *)arg); }

/* ---- nested ---- */

static double outer_left;

static int inner_earlier(void *arg)
{
    double s = 1000, before = now();
    (void)arg;
    check(coax_with_timeout(0.02, sleep_a, &s) == -1 && errno == ETIMEDOUT, "the inner deadline");
    check(now() - before < 0.15, "the inner deadline is the earlier one");
    s = 0.02;
    check(sleep_a(&s) == 0, "the outer one is not over");
    s = 1000;
    check(sleep_a(&s) == -1 && errno == ETIMEDOUT, "the outer one is back");
    outer_left = now();
    return 5;
}

static int inner_later(void *arg)
{
    double s = 1000;
    (void)arg;
    check(coax_with_timeout(500, sleep_a, &s) == -1 && errno == ETIMEDOUT, "the outer deadline within the inner");
    return 6;
}

static int sleep_short(void *arg)
{
    double s = 0.05;
    (void)arg;
    return sleep_a(&s);
}

static int shielded(void *arg)
{
    double s = 1000;
    (void)arg;
    check(coax_protect(sleep_short, NULL) == 0, "protected from the deadline");
    check(sleep_a(&s) == -1 && errno == ETIMEDOUT, "the deadline after the protection");
    return 0;
}

static int deadline_inside(void *arg)
{
    double s = 1000;
    (void)arg;
    check(coax_with_timeout(0.02, sleep_a, &s) == -1 && errno == ETIMEDOUT, "a deadline inside the protection");
    return 0;
}

static int try_pipe(void *arg)
{
    int *fds = arg, r;
    char c;
    usleep(30000);
    check(write(fds[1], "x", 1) == 1, "a write that need not wait, after the deadline");
    check(read(fds[0], &c, 1) == 1, "a read that need not wait, after the deadline");
    r = (int)read(fds[0], &c, 1);
    check(r == -1 && errno == ETIMEDOUT, "one that would");
    r = poll(NULL, 0, 0);
    check(r == 0, "a poll that does not wait");
    return 0;
}

static void nested(void)
{
    int fds[2];
    struct timespec at;
    double s = 0.01, before = now();
    check(coax_with_timeout(0.2, inner_earlier, NULL) == 5, "nested");
    check(outer_left - before > 0.19 && outer_left - before < 5, "the time of the outer deadline");
    check(coax_with_timeout(0.02, inner_later, NULL) == 6, "nested the other way");
    check(coax_sleep(0.01) == 0, "no deadline afterwards");
    check(coax_with_timeout(0.02, shielded, NULL) == 0, "shielded");
    check(coax_protect(deadline_inside, NULL) == 0, "inside");
    check(pipe(fds) == 0, "pipe");
    check(coax_with_timeout(0, try_pipe, fds) == 0, "no time at all");
    clock_gettime(CLOCK_MONOTONIC, &at);
    check(coax_with_deadline(&at, sleep_a, &s) == -1 && errno == ETIMEDOUT, "a deadline now");
    at.tv_sec += 1000;
    check(coax_with_deadline(&at, sleep_a, &s) == 0, "a deadline later");
    check(coax_with_timeout(1e300, sleep_a, &s) == 0, "a deadline never");
}

/* ---- left by other ways than return ---- */

static jmp_buf out;

static int jump_out(void *arg)
{
    (void)arg;
    longjmp(out, 1);
    return 0;
}

static int cancel_in_protect(void *arg)
{
    (void)arg;
    coax_cancel(pthread_self());
    check(coax_sleep(0.01) == 0, "shielded from its own request");
    longjmp(out, 1);
    return 0;
}

static int exit_within(void *arg)
{
    pthread_exit(arg);
    return 0;
}

static void *exits(void *arg)
{
    coax_with_timeout(0.5, exit_within, arg);
    return NULL;
}

static int fork_within(void *arg)
{
    double s = 0.05;
    pid_t child = fork();
    int status;
    (void)arg;
    if (child == 0)
        _exit(sleep_a(&s) == 0 || errno == ETIMEDOUT ? 3 : 4);
    check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 3, "a child made under a deadline");
    return 0;
}

static void left(void)
{
    pthread_t t;
    void *result;
    if (setjmp(out) == 0)
        coax_with_timeout(0.01, jump_out, NULL);
    check(coax_sleep(0.03) == 0, "a jump leaves the deadline behind");
    if (setjmp(out) == 0)
        coax_protect(cancel_in_protect, NULL);
    check(coax_sleep(1000) == -1 && errno == ECANCELED, "a jump leaves the protection");
    check(coax_sleep(0.001) == 0, "one request ends one call");
    pthread_create(&t, NULL, exits, &outer_left);
    check(coax_join(t, &result) == 0 && result == &outer_left, "pthread_exit under a deadline");
    check(coax_with_timeout(5, fork_within, NULL) == 0, "fork");
}

/* ---- at the moment of success: either the byte or ECANCELED, and no byte lost ---- */

struct race {
    int fds[2];
    int got, cancelled, other;
};

static void *racing_reader(void *arg)
{
    struct race *r = arg;
    char c;
    for (;;) {
        ssize_t n = read(r->fds[0], &c, 1);
        if (n == 1)
            r->got++;
        else if (n == 0)
            return NULL;
        else if (errno == ECANCELED)
            r->cancelled++;
        else
            r->other++;
    }
}

static void races(int rounds)
{
    struct race r;
    pthread_t t;
    int i;
    unsigned seed = 1;
    memset(&r, 0, sizeof r);
    check(pipe(r.fds) == 0, "pipe");
    pthread_create(&t, NULL, racing_reader, &r);
    for (i = 0; i < rounds; i++) {
        if (rand_r(&seed) % 2)
            coax_cancel(t);
        check(write(r.fds[1], "x", 1) == 1, "write");
        if (rand_r(&seed) % 2)
            coax_cancel(t);
        if (rand_r(&seed) % 4 == 0)
            sched_yield();
    }
    close(r.fds[1]);
    pthread_join(t, NULL);
    check(r.got == rounds, "bytes");
    check(r.cancelled > 0, "none was cancelled");
    check(r.other == 0, "another error");
    close(r.fds[0]);
}

/* As many posts as waits that succeed, cancelled ones not counted. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int turn, ends;

static void *racing_cond(void *arg)
{
    int *counts = arg;
    pthread_mutex_lock(&mutex);
    while (!ends) {
        int e = pthread_cond_wait(&cond, &mutex);
        if (e == 0)
            turn++;
        else if (e == ECANCELED)
            counts[0]++;
        else
            counts[1]++;
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void cond_races(int rounds)
{
    pthread_t t[4];
    int counts[4][2], i, cancelled = 0;
    unsigned seed = 2;
    memset(counts, 0, sizeof counts);
    for (i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, racing_cond, counts[i]);
    for (i = 0; i < rounds; i++) {
        coax_cancel(t[rand_r(&seed) % 4]);
        pthread_mutex_lock(&mutex);
        pthread_cond_signal(&cond);
        pthread_mutex_unlock(&mutex);
        if (rand_r(&seed) % 2)
            sched_yield();
    }
    pthread_mutex_lock(&mutex);
    ends = 1;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&mutex);
    for (i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
        cancelled += counts[i][0];
        check(counts[i][1] == 0, "another error of pthread_cond_wait");
    }
    check(cancelled > 0 && turn > 0, "only one way");
}

/* ---- coax_join, coax_pick ---- */

static void *returns(void *arg) { return arg; }
static void *sleeps(void *arg)
{
    return coax_sleep(*(double *)arg) == 0 ? arg : (void *)&wrong;
}

static void *joins(void *arg)
{
    int r = coax_join(*(pthread_t *)arg, NULL);
    return (void *)(long)(r == -1 ? errno : 0);
}

static void joining(void)
{
    pthread_t t, u;
    double s = 1000;
    void *result = NULL;
    pthread_create(&t, NULL, returns, &s);
    usleep(5000);
    check(coax_cancel(t) == 0, "cancel of one that has ended");
    check(coax_join(t, &result) == 0 && result == &s, "and nothing has happened to it");
    pthread_create(&t, NULL, sleeps, &s);
    pthread_create(&u, NULL, joins, &t);
    usleep(5000);
    check(coax_cancel(u) == 0 && pthread_join(u, &result) == 0 && result == (void *)EINTR, "the joiner is cancelled");
    check(coax_cancel(t) == 0 && coax_join(t, &result) == -1 && errno == ECANCELED && result == &wrong, "then the other");
    check(coax_join(pthread_self(), NULL) == -1 && errno == EDEADLK, "coax_join of itself");
}

static void picking(int n)
{
    pthread_t *t = malloc((size_t)n * sizeof *t);
    double soon = 0.02, late = 1000;
    void *result = NULL;
    size_t winner = 99;
    int i, last = n - 1;
    for (i = 0; i < n; i++)
        pthread_create(&t[i], NULL, sleeps, i == last ? &soon : &late);
    check(coax_pick(t, (size_t)n, &winner, &result) == 0, "coax_pick");
    check((int)winner == last && result == &soon, "the winner of coax_pick");
    for (i = 0; i < last; i++)
        check(coax_join(t[i], &result) == -1 && errno == ECANCELED && result == &wrong, "a loser of coax_pick");
    pthread_create(&t[0], NULL, returns, &late);
    usleep(1000);
    check(coax_pick(t, 1, NULL, NULL) == 0, "coax_pick of one that has ended");
    free(t);
}

static int pick_endless(void *arg) { return coax_pick(arg, 2, NULL, NULL); }

static void pick_errors(void)
{
    pthread_t t[3];
    double late = 1000;
    size_t winner;
    int i;
    for (i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, sleeps, &late);
    t[2] = t[0];
    check(coax_pick(NULL, 2, &winner, NULL) == -1 && errno == EINVAL, "coax_pick of nothing");
    check(coax_pick(t, 0, &winner, NULL) == -1 && errno == EINVAL, "coax_pick of none");
    check(coax_pick(t, 3, &winner, NULL) == -1 && errno == EINVAL, "coax_pick of one twice");
    check(coax_pick(t, (size_t)-1, &winner, NULL) == -1 && errno == EINVAL, "coax_pick of too many");
    check(coax_with_timeout(0.02, pick_endless, t) == -1 && errno == ETIMEDOUT, "coax_pick under a deadline");
    t[2] = pthread_self();
    check(coax_pick(t, 3, &winner, NULL) == -1 && errno == EDEADLK, "coax_pick of itself");
    for (i = 0; i < 2; i++)
        check(coax_cancel(t[i]) == 0 && coax_join(t[i], NULL) == -1 && errno == ECANCELED, "then they are still there");
}

static void bad(void)
{
    double nan = 0;
    struct timespec at = {0, 1000000000};
    nan = nan / nan;
    check(coax_with_timeout(nan, sleep_a, &nan) == -1 && errno == EINVAL, "with_timeout nan");
    check(coax_with_timeout(-1, sleep_a, &nan) == -1 && errno == EINVAL, "with_timeout -1");
    check(coax_with_timeout(1, NULL, NULL) == -1 && errno == EINVAL, "with_timeout of nothing");
    check(coax_with_deadline(NULL, sleep_a, &nan) == -1 && errno == EINVAL, "with_deadline NULL");
    check(coax_with_deadline(&at, sleep_a, &nan) == -1 && errno == EINVAL, "with_deadline of no time");
    check(coax_protect(NULL, NULL) == -1 && errno == EINVAL, "protect of nothing");
}

static int unsupported(int error)
{
    double s = 0.001;
    pthread_t t = pthread_self();
    check(coax_with_timeout(1, sleep_a, &s) == -1 && errno == error, "with_timeout");
    check(coax_cancel(t) == -1 && errno == error, "cancel");
    check(coax_pick(&t, 1, NULL, NULL) == -1 && errno == error, "pick");
    check(coax_protect(sleep_a, &s) == 0, "protect");
    pthread_create(&t, NULL, returns, &s);
    check(coax_join(t, NULL) == 0, "join");
    return wrong;
}

static void *foreign_cancel(void *arg)
{
    usleep(20000);
    check(coax_cancel(*(pthread_t *)arg) == 0, "cancel");
    return NULL;
}

/* From a thread with a kernel thread of its own. */
static void from_elsewhere(void)
{
    pthread_attr_t attr;
    cpu_set_t cpu;
    pthread_t t, self = pthread_self();
    CPU_ZERO(&cpu);
    CPU_SET(0, &cpu);
    pthread_attr_init(&attr);
    pthread_attr_setaffinity_np(&attr, sizeof cpu, &cpu);
    check(pthread_create(&t, &attr, foreign_cancel, &self) == 0, "create");
    check(coax_sleep(1000) == -1 && errno == ECANCELED, "cancelled from a kernel thread");
    check(coax_join(t, NULL) == 0, "join of a kernel thread");
}

int main(int argc, char **argv)
{
    double s = 1000;
    alarm(100);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && strcmp(argv[1], "unsupported") == 0)
        return unsupported(atoi(argv[2]));
    if (argc > 1 && strcmp(argv[1], "timeout") == 0) {
        check(coax_with_timeout(0.05, sleep_a, &s) == -1 && errno == ETIMEDOUT, "the first call");
        printf("done\n");
        return wrong;
    }
    if (argc > 1 && strcmp(argv[1], "cancel") == 0) {
        check(coax_cancel(pthread_self()) == 0, "the first call");
        check(coax_sleep(1000) == -1 && errno == ECANCELED, "its own");
        printf("done\n");
        return wrong;
    }
    bad();
    nested();
    left();
    races(20000);
    cond_races(20000);
    joining();
    picking(2);
    picking(300);
    pick_errors();
    from_elsewhere();
    printf("done\n");
    return wrong;
}
