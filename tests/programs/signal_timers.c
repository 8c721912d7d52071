/* Timers of the process in a program with threads: every kind of notice, overruns, values, and to which thread. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (errno %d)\n", __FILE__, __LINE__, #e, errno);                                       \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static __thread int number;
static volatile sig_atomic_t handled, by, value, code, overrun;
static volatile int called, stop, started;

static void on_timer(int sig, siginfo_t *info, void *context)
{
    handled++;
    by = number;
    value = info->si_value.sival_int;
    code = info->si_code;
    overrun += info->si_overrun;
}

static void on_thread(union sigval v)
{
    called += v.sival_int;
}

static void reset(void)
{
    handled = by = value = code = overrun = 0;
}

static void until(volatile sig_atomic_t *what, int n)
{
    for (int i = 0; i < 5000 && *what < n; i++)
        usleep(1000);
}

static void arm(timer_t t, long first, long every)
{
    struct itimerspec s = {{0, every * 1000}, {0, first * 1000}}, was;
    CHECK(timer_settime(t, 0, &s, &was) == 0);
}

static void *idle(void *arg)
{
    number = (int)(long)arg;
    __atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
    while (!stop)
        usleep(2000);
    return NULL;
}

static void *targeted(void *arg)
{
    struct sigevent e = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
    timer_t t;
    number = 5;
    e.sigev_notify_thread_id = gettid();
    CHECK(timer_create(CLOCK_MONOTONIC, &e, &t) == 0);
    arm(t, 2000, 0);
    until(&handled, 1);
    CHECK(timer_delete(t) == 0);
    printf("thread id: %d by %d, value %d, code %d\n", handled, by, value, code);
    reset();
    e.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
    CHECK(timer_create(CLOCK_MONOTONIC, &e, &t) == 0);
    arm(t, 2000, 2000);
    until(&handled, 3);
    CHECK(timer_delete(t) == 0);
    CHECK(handled >= 3);
    printf("thread id, again and again: by %d\n", by);
    e.sigev_notify_thread_id = 0x7ffffff;
    errno = 0;
    CHECK(timer_create(CLOCK_MONOTONIC, &e, &t) == -1 && errno == EINVAL);
    return NULL;
}

static void *waits(void *arg)
{
    struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 5};
    siginfo_t info;
    sigset_t s;
    timer_t t;
    sigemptyset(&s);
    sigaddset(&s, SIGRTMIN);
    CHECK(timer_create(CLOCK_REALTIME, &e, &t) == 0);
    arm(t, 1000, 1000);
    for (int i = 0; i < 5; i++)
        CHECK(sigwaitinfo(&s, &info) == SIGRTMIN && info.si_code == SI_TIMER && info.si_value.sival_int == 5);
    CHECK(timer_delete(t) == 0);
    puts("sigwaitinfo takes a timer's signals");
    return NULL;
}

static void spin(long ms)
{
    struct timespec a, b;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    while ((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 < ms);
}

static void handle(int sig)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_sigaction = on_timer;
    a.sa_flags = SA_SIGINFO | SA_RESTART;
    CHECK(sigaction(sig, &a, NULL) == 0);
}

int main(void)
{
    struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
    struct itimerval once = {{0, 0}, {0, 3000}}, ticks = {{0, 3000}, {0, 3000}}, none = {{0, 0}, {0, 0}}, was;
    pthread_t t[3], one;
    timer_t timer;
    struct itimerspec left;
    sigset_t s;
    setvbuf(stdout, NULL, _IOLBF, 0);
    number = 1;
    sigemptyset(&s);
    sigaddset(&s, SIGRTMIN);
    CHECK(pthread_sigmask(SIG_BLOCK, &s, NULL) == 0);
    handle(SIGUSR1);
    handle(SIGALRM);
    handle(SIGVTALRM);
    handle(SIGPROF);
    for (long i = 0; i < 3; i++)
        CHECK(pthread_create(&t[i], NULL, idle, (void *)(i + 2)) == 0);
    while (started < 3)
        usleep(1000);

    CHECK(timer_create(CLOCK_MONOTONIC, &e, &timer) == 0);
    arm(timer, 2000, 0);
    until(&handled, 1);
    printf("signal: %d, value %d, code %d\n", handled, value, code);
    reset();
    arm(timer, 1000, 1000);
    until(&handled, 5);
    CHECK(handled >= 5);
    sigaddset(&s, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &s, NULL) == 0); /* the others do not: one of them takes it */
    reset();
    until(&handled, 3);
    CHECK(handled >= 3 && by > 1);
    CHECK(timer_gettime(timer, &left) == 0 && left.it_interval.tv_nsec == 1000000);
    CHECK(timer_delete(timer) == 0);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &s, NULL) == 0);
    sigdelset(&s, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &s, NULL) == 0);
    puts("every millisecond");

    reset();
    e.sigev_signo = SIGRTMIN;
    CHECK(timer_create(CLOCK_MONOTONIC, &e, &timer) == 0);
    stop = 1;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    stop = 0;
    arm(timer, 100, 100);
    usleep(20000);
    siginfo_t info;
    CHECK(sigwaitinfo(&s, &info) == SIGRTMIN && info.si_overrun > 10 && timer_getoverrun(timer) > 10);
    CHECK(timer_delete(timer) == 0);
    puts("overruns");

    for (long i = 0; i < 3; i++)
        CHECK(pthread_create(&t[i], NULL, idle, (void *)(i + 2)) == 0);
    e.sigev_notify = SIGEV_NONE;
    CHECK(timer_create(CLOCK_MONOTONIC, &e, &timer) == 0);
    arm(timer, 500000, 0);
    CHECK(timer_gettime(timer, &left) == 0 && left.it_value.tv_nsec > 0 && timer_delete(timer) == 0);
    memset(&e, 0, sizeof e);
    e.sigev_notify = SIGEV_THREAD;
    e.sigev_notify_function = on_thread;
    e.sigev_value.sival_int = 1;
    CHECK(timer_create(CLOCK_MONOTONIC, &e, &timer) == 0);
    arm(timer, 1000, 1000);
    for (int i = 0; i < 3000 && called < 3; i++)
        usleep(1000);
    CHECK(called >= 3 && timer_delete(timer) == 0);
    puts("none, and a thread");

    reset();
    CHECK(pthread_create(&one, NULL, targeted, NULL) == 0 && pthread_join(one, NULL) == 0);
    CHECK(pthread_create(&one, NULL, waits, NULL) == 0 && pthread_join(one, NULL) == 0);

    reset();
    CHECK(setitimer(ITIMER_REAL, &once, NULL) == 0);
    until(&handled, 1);
    printf("real: %d, code %d\n", handled, code == SI_KERNEL);
    reset();
    CHECK(setitimer(ITIMER_REAL, &ticks, NULL) == 0);
    until(&handled, 4);
    CHECK(handled >= 4 && setitimer(ITIMER_REAL, &none, &was) == 0 && was.it_interval.tv_usec == 3000);
    reset();
    CHECK(setitimer(ITIMER_VIRTUAL, &ticks, NULL) == 0);
    for (int i = 0; i < 200 && handled < 2; i++)
        spin(5);
    CHECK(handled >= 2 && setitimer(ITIMER_VIRTUAL, &none, NULL) == 0);
    reset();
    CHECK(setitimer(ITIMER_PROF, &ticks, NULL) == 0);
    for (int i = 0; i < 200 && handled < 2; i++)
        spin(5);
    CHECK(handled >= 2 && setitimer(ITIMER_PROF, &none, NULL) == 0);
    puts("interval timers");
    stop = 1;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    return 0;
}
