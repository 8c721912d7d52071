/*
 * Timers on a thread's processor time, the caller's and another's, and timers that signal another thread.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static long us(clockid_t clock)
{
    struct timespec t;
    CHECK(clock_gettime(clock, &t) == 0);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static clockid_t clock_of(pthread_t thread)
{
    clockid_t clock;
    CHECK(pthread_getcpuclockid(thread, &clock) == 0);
    return clock;
}

static void wait_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000}, left;
    while (nanosleep(&t, &left) != 0)
        t = left;
}

static struct itimerspec after(long first_us, long every_us)
{
    return (struct itimerspec){.it_value = {first_us / 1000000, first_us % 1000000 * 1000},
                               .it_interval = {every_us / 1000000, every_us % 1000000 * 1000}};
}

static atomic_int fired, ids_differ;
static pthread_t on;

static void handler(int sig, siginfo_t *info, void *context)
{
    on = pthread_self();
    if (info->si_code != SI_TIMER || info->si_value.sival_int != 7)
        atomic_fetch_add(&ids_differ, 1);
    atomic_fetch_add(&fired, 1);
}

static void by_thread(union sigval value)
{
    if (value.sival_int == 9)
        atomic_fetch_add(&fired, 1);
}

static struct sigevent event(int how, int sig, pid_t tid)
{
    struct sigevent e;
    memset(&e, 0, sizeof e);
    e.sigev_notify = how;
    e.sigev_signo = sig;
    e.sigev_value.sival_int = 7;
    if (how == SIGEV_THREAD_ID)
        e.sigev_notify_thread_id = tid;
    return e;
}

static void await_fired(int n)
{
    for (int i = 0; i < 10000 && atomic_load(&fired) < n; i++)
        wait_ms(1);
    CHECK(atomic_load(&fired) >= n);
}

/* ---- on the caller's own clock ---- */

static void *own(void *unused)
{
    timer_t timer;
    struct sigevent e = event(SIGEV_SIGNAL, SIGRTMIN, 0);
    struct itimerspec t = after(40000, 0), left;
    CHECK(timer_create(CLOCK_THREAD_CPUTIME_ID, &e, &timer) == 0);
    CHECK(timer_gettime(timer, &left) == 0 && left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
    long start = us(CLOCK_THREAD_CPUTIME_ID);
    CHECK(timer_settime(timer, 0, &t, NULL) == 0);
    wait_ms(60);
    CHECK(atomic_load(&fired) == 0);
    CHECK(timer_gettime(timer, &left) == 0);
    CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 40000000);
    while (atomic_load(&fired) == 0)
        CHECK(us(CLOCK_THREAD_CPUTIME_ID) - start < 10000000);
    CHECK(us(CLOCK_THREAD_CPUTIME_ID) - start >= 40000);
    CHECK(timer_gettime(timer, &left) == 0 && left.it_value.tv_nsec == 0);
    t = after(50000, 0);
    CHECK(timer_settime(timer, 0, &t, NULL) == 0);
    t = after(0, 0);
    CHECK(timer_settime(timer, 0, &t, &left) == 0);
    CHECK(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 50000000);
    t.it_value.tv_nsec = 1000000000;
    CHECK(timer_settime(timer, 0, &t, NULL) == -1 && errno == EINVAL);
    CHECK(timer_settime(timer, 0, (void *)8, NULL) == -1 && errno == EFAULT);
    CHECK(timer_gettime(timer, (void *)8) == -1 && errno == EFAULT);
    CHECK(timer_delete(timer) == 0);
    return NULL;
}

/* ---- on another's ---- */

static atomic_int stop;

static void *busy(void *unused)
{
    while (!atomic_load(&stop))
        ;
    return NULL;
}

static void others(void)
{
    pthread_t b;
    timer_t timer;
    atomic_store(&stop, 0);
    CHECK(pthread_create(&b, NULL, busy, NULL) == 0);
    clockid_t clock = clock_of(b);

    struct sigevent e = event(SIGEV_SIGNAL, SIGRTMIN, 0);
    struct itimerspec t = after(30000, 10000), left;
    atomic_store(&fired, 0);
    CHECK(timer_create(clock, &e, &timer) == 0);
    long start = us(clock);
    CHECK(timer_settime(timer, 0, &t, NULL) == 0);
    await_fired(4);
    CHECK(us(clock) - start >= 60000);
    CHECK(timer_gettime(timer, &left) == 0 && left.it_interval.tv_nsec == 10000000);
    CHECK(timer_delete(timer) == 0);
    CHECK(timer_delete(timer) == -1 && errno == EINVAL);

    e = event(SIGEV_THREAD, 0, 0);
    e.sigev_value.sival_int = 9;
    e.sigev_notify_function = by_thread;
    atomic_store(&fired, 0);
    CHECK(timer_create(clock, &e, &timer) == 0);
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0);
    now.tv_nsec += 20000000;
    now.tv_sec += now.tv_nsec / 1000000000;
    now.tv_nsec %= 1000000000;
    t = (struct itimerspec){.it_value = now};
    CHECK(timer_settime(timer, TIMER_ABSTIME, &t, NULL) == 0);
    await_fired(1);
    CHECK(us(clock) >= now.tv_sec * 1000000 + now.tv_nsec / 1000);
    CHECK(timer_delete(timer) == 0);
    wait_ms(5);

    int number;
    e = event(SIGEV_SIGNAL, SIGRTMIN, 0);
    t = after(5000, 0);
    atomic_store(&fired, 0);
    CHECK(syscall(SYS_timer_create, clock, &e, &number) == 0);
    CHECK(syscall(SYS_timer_settime, number, 0, &t, NULL) == 0);
    await_fired(1);
    CHECK(syscall(SYS_timer_gettime, number, &left) == 0 && left.it_value.tv_nsec == 0);
    CHECK(syscall(SYS_timer_delete, number) == 0);

    atomic_store(&stop, 1);
    CHECK(pthread_join(b, NULL) == 0);
    CHECK(ids_differ == 0);
}

/* ---- that signal another thread ---- */

static sem_t ready;
static atomic_int tid;

static void *parked(void *unused)
{
    sem_t never;
    sem_init(&never, 0, 0);
    atomic_store(&tid, (int)gettid());
    sem_post(&ready);
    while (atomic_load(&fired) < 3)
        CHECK(sem_wait(&never) == -1 && errno == EINTR);
    return (void *)(long)pthread_equal(on, pthread_self());
}

static void *computes(void *unused)
{
    atomic_store(&tid, (int)gettid());
    sem_post(&ready);
    while (atomic_load(&fired) < 3)
        ;
    return (void *)(long)pthread_equal(on, pthread_self());
}

/* It alone blocks the signal, whose default action would end us. */
static void *waits(void *unused)
{
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    atomic_store(&tid, (int)gettid());
    sem_post(&ready);
    for (int i = 0; i < 3; i++) {
        CHECK(sigwaitinfo(&set, &info) == SIGRTMIN + 1);
        CHECK(info.si_code == SI_TIMER && info.si_value.sival_int == 7);
    }
    return (void *)1;
}

/* It does not look for a while: the timer has one signal under way, which tells how many there would have been. */
static void *slow(void *unused)
{
    sigset_t set;
    siginfo_t info;
    struct timespec none = {0, 0};
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    atomic_store(&tid, (int)gettid());
    sem_post(&ready);
    wait_ms(60);
    CHECK(sigwaitinfo(&set, &info) == SIGRTMIN + 1 && info.si_code == SI_TIMER);
    CHECK(info.si_overrun >= 5 && info.si_overrun < 10000);
    while (sigtimedwait(&set, &info, &none) > 0)
        CHECK(info.si_overrun < 10); /* those since */
    return (void *)1;
}

/* Nor does another thread that waits for the same signal see it. */
static void *bystander(void *unused)
{
    sigset_t set;
    struct timespec soon = {0, 100000000};
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    sem_post(&ready);
    while (sigtimedwait(&set, NULL, &soon) == -1 && !atomic_load(&stop))
        CHECK(errno == EAGAIN);
    CHECK(atomic_load(&stop));
    return NULL;
}

static void aimed(void *(*start)(void *), int sig, const char *what)
{
    pthread_t t;
    timer_t timer;
    void *right;
    atomic_store(&fired, 0);
    CHECK(pthread_create(&t, NULL, start, NULL) == 0);
    sem_wait(&ready);
    struct sigevent e = event(SIGEV_THREAD_ID, sig, atomic_load(&tid));
    struct itimerspec i = after(3000, 3000);
    CHECK(timer_create(CLOCK_MONOTONIC, &e, &timer) == 0);
    CHECK(timer_settime(timer, 0, &i, NULL) == 0);
    CHECK(pthread_join(t, &right) == 0 && right == (void *)1);
    CHECK(timer_delete(timer) == 0);
    CHECK(ids_differ == 0);
    puts(what);
}

/* As programs have it that were linked before glibc 2.34. */
static void *older(void *unused)
{
    int (*create)(clockid_t, struct sigevent *, timer_t *) = dlvsym(RTLD_DEFAULT, "timer_create", "GLIBC_2.3.3");
    int (*set)(timer_t, int, const struct itimerspec *, void *) = dlvsym(RTLD_DEFAULT, "timer_settime", "GLIBC_2.3.3");
    int (*get)(timer_t, struct itimerspec *) = dlvsym(RTLD_DEFAULT, "timer_gettime", "GLIBC_2.3.3");
    int (*destroy)(timer_t) = dlvsym(RTLD_DEFAULT, "timer_delete", "GLIBC_2.3.3");
    struct sigevent e = event(SIGEV_SIGNAL, SIGRTMIN, 0);
    struct itimerspec t = after(20000, 0), left;
    timer_t timer;
    atomic_store(&fired, 0);
    CHECK(create(CLOCK_THREAD_CPUTIME_ID, &e, &timer) == 0 && set(timer, 0, &t, NULL) == 0);
    wait_ms(40);
    CHECK(get(timer, &left) == 0 && left.it_value.tv_nsec > 0 && atomic_load(&fired) == 0);
    while (atomic_load(&fired) == 0)
        ;
    CHECK(destroy(timer) == 0);
    return NULL;
}

int main(void)
{
    struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    pthread_t t, b;
    timer_t timer;
    sem_init(&ready, 0, 0);
    CHECK(sigaction(SIGRTMIN, &act, NULL) == 0);
    CHECK(pthread_create(&t, NULL, own, NULL) == 0 && pthread_join(t, NULL) == 0);
    puts("on one's own clock");
    others();
    puts("on another's clock");
    aimed(parked, SIGRTMIN, "for a thread that waits");
    aimed(computes, SIGRTMIN, "for a thread that computes");
    aimed(slow, SIGRTMIN + 1, "for a thread that is slow to look");
    atomic_store(&stop, 0);
    CHECK(pthread_create(&b, NULL, bystander, NULL) == 0);
    sem_wait(&ready);
    aimed(waits, SIGRTMIN + 1, "for a thread that awaits the signal");
    atomic_store(&stop, 1);
    CHECK(pthread_join(b, NULL) == 0);
    CHECK(pthread_create(&t, NULL, older, NULL) == 0 && pthread_join(t, NULL) == 0);
    puts("older names");
    struct sigevent e = event(SIGEV_THREAD_ID, SIGRTMIN, 0x3ffffff0);
    CHECK(timer_create(CLOCK_MONOTONIC, &e, &timer) == -1 && errno == EINVAL);
    return 0;
}
