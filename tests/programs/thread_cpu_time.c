/*
 * What a thread's processor time counts: what the thread computes, from its birth on, and nothing that others compute or
 * that it waits for. It never goes back, wherever the thread runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

static long us(clockid_t clock)
{
    struct timespec t;
    CHECK(clock_gettime(clock, &t) == 0);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static long mine(void)
{
    return us(CLOCK_THREAD_CPUTIME_ID);
}

static clockid_t clock_of(pthread_t thread)
{
    clockid_t clock;
    CHECK(pthread_getcpuclockid(thread, &clock) == 0);
    return clock;
}

static volatile unsigned long sink;

static void spin(int times)
{
    for (int i = 0; i < times; i++)
        sink += (unsigned long)i * i;
}

static void burn(long goal)
{
    long start = mine();
    while (mine() - start < goal)
        spin(2000);
}

static void wait_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    CHECK(nanosleep(&t, NULL) == 0);
}

/* ---- a busy thread, a sleeping one ---- */

static sem_t go, ready;

static void *busy(void *at_birth)
{
    *(long *)at_birth = mine();
    burn(150000);
    sem_post(&ready);
    sem_wait(&go);
    return NULL;
}

static void *sleeper(void *at_birth)
{
    *(long *)at_birth = mine();
    for (int i = 0; i < 50; i++)
        wait_ms(2);
    sem_post(&ready);
    sem_wait(&go);
    return NULL;
}

static void busy_and_asleep(void)
{
    pthread_t b, s;
    long birth[2], main_before = mine(), all_before = us(CLOCK_PROCESS_CPUTIME_ID);
    CHECK(main_before <= all_before);
    burn(60000);
    CHECK(pthread_create(&b, NULL, busy, &birth[0]) == 0 && pthread_create(&s, NULL, sleeper, &birth[1]) == 0);
    sem_wait(&ready);
    sem_wait(&ready);
    long of_busy = us(clock_of(b)), of_sleeper = us(clock_of(s)), of_main = mine() - main_before;
    long all = us(CLOCK_PROCESS_CPUTIME_ID) - all_before;
    CHECK(birth[0] < 20000 && birth[1] < 20000);
    CHECK(of_busy >= 150000);
    CHECK(of_sleeper < of_busy / 4);
    CHECK(of_main >= 60000 && of_main < 60000 + of_busy / 2);
    CHECK(of_busy + of_sleeper + of_main <= all + 5000);
    CHECK(us(clock_of(pthread_self())) >= main_before + of_main);
    clockid_t old = clock_of(b);
    sem_post(&go);
    sem_post(&go);
    CHECK(pthread_join(b, NULL) == 0 && pthread_join(s, NULL) == 0);
    struct timespec t;
    for (int i = 0; i < 1000 && clock_gettime(old, &t) == 0; i++)
        wait_ms(1); /* the kernel is not done with it yet */
    CHECK(clock_gettime(old, &t) == -1 && errno == EINVAL);
    puts("a busy thread and a sleeping one");
}

/* ---- two that compute in turns ---- */

static void *in_turns(void *used)
{
    long start = mine(), last = start, now;
    while ((now = mine()) - start < 80000) {
        CHECK(now >= last);
        last = now;
        spin(20000);
        sched_yield();
    }
    *(long *)used = mine();
    return NULL;
}

static void turns(void)
{
    pthread_t t[3];
    long used[3], all = us(CLOCK_PROCESS_CPUTIME_ID), sum = 0;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&t[i], NULL, in_turns, &used[i]) == 0);
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_join(t[i], NULL) == 0);
        sum += used[i];
    }
    all = us(CLOCK_PROCESS_CPUTIME_ID) - all;
    CHECK(sum >= 240000 && sum <= all + 5000);
    CHECK(sum >= all - all / 2);
    puts("three in turns");
}

/* ---- many short turns, seen from inside and outside ---- */

static atomic_int over;

static void *quick(void *rounds)
{
    long last = 0;
    for (int i = 0; i < 30000; i++) {
        sched_yield();
        if (i % 20 == 0) {
            long now = mine();
            CHECK(now >= last);
            last = now;
        }
    }
    atomic_fetch_add(&over, 1);
    while (atomic_load(&over) < 3)
        sched_yield();
    return NULL;
}

static void *watch(void *threads)
{
    pthread_t *t = threads;
    long last[2] = {0, 0};
    while (atomic_load(&over) < 2) {
        for (int i = 0; i < 2; i++) {
            long now = us(clock_of(t[i]));
            CHECK(now >= last[i]);
            last[i] = now;
        }
        sched_yield();
    }
    atomic_store(&over, 3);
    return NULL;
}

static void many_turns(void)
{
    pthread_t t[3];
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&t[i], NULL, quick, NULL) == 0);
    CHECK(pthread_create(&t[2], NULL, watch, t) == 0);
    CHECK(pthread_join(t[2], NULL) == 0);
    CHECK(pthread_join(t[0], NULL) == 0 && pthread_join(t[1], NULL) == 0);
    puts("many short turns");
}

/* ---- blocked where nobody sees it ---- */

static void raw_sleep(long ms)
{
    struct timespec t = {0, ms * 1000000};
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"((long)SYS_nanosleep), "D"(&t), "S"(0l) : "rcx", "r11", "memory");
    CHECK(r == 0);
}

static void *blocked(void *used)
{
    long start = mine();
    for (int i = 0; i < 10; i++)
        raw_sleep(10);
    *(long *)used = mine() - start;
    return NULL;
}

static void *beside(void *used)
{
    long start = mine();
    for (int i = 0; i < 40; i++) {
        burn(1000);
        sched_yield();
    }
    *(long *)used = mine() - start;
    return NULL;
}

static void not_seen(void)
{
    pthread_t t[2];
    long used[2];
    CHECK(pthread_create(&t[0], NULL, blocked, &used[0]) == 0 && pthread_create(&t[1], NULL, beside, &used[1]) == 0);
    CHECK(pthread_join(t[0], NULL) == 0 && pthread_join(t[1], NULL) == 0);
    CHECK(used[0] < 30000);
    CHECK(used[1] >= 40000 && used[1] < 100000);
    puts("blocked in a call of its own");
}

/* ---- a thread that moves to a kernel thread of its own ---- */

static void *moves(void *clock)
{
    cpu_set_t cpus;
    int cpu = 0;
    burn(30000);
    long before = mine(), start = us(CLOCK_PROCESS_CPUTIME_ID);
    CHECK(sched_getaffinity(0, sizeof cpus, &cpus) == 0);
    while (!CPU_ISSET(cpu, &cpus))
        cpu++;
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    CHECK(sched_setaffinity(0, sizeof cpus, &cpus) == 0);
    long after = mine();
    CHECK(after >= before && after - before < 20000);
    burn(30000);
    CHECK(mine() - after <= us(CLOCK_PROCESS_CPUTIME_ID) - start + 5000);
    sem_post(&ready);
    sem_wait(&go);
    return NULL;
}

static void moved(void)
{
    pthread_t t;
    CHECK(pthread_create(&t, NULL, moves, NULL) == 0);
    clockid_t clock = clock_of(t);
    sem_wait(&ready);
    long used = us(clock);
    CHECK(used >= 60000 && used < 150000);
    CHECK(us(clock_of(t)) >= used);
    sem_post(&go);
    CHECK(pthread_join(t, NULL) == 0);
    puts("a thread with a processor of its own");
}

/* ---- getrusage ---- */

static long used_by(int who)
{
    struct rusage u;
    CHECK(getrusage(who, &u) == 0);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static void *usage(void *unused)
{
    CHECK(used_by(RUSAGE_THREAD) < 25000);
    burn(60000);
    long u = used_by(RUSAGE_THREAD), c = mine();
    CHECK(u > 40000 && u <= c + 12000);
    CHECK(used_by(RUSAGE_SELF) + 12000 >= u);
    struct rusage r;
    CHECK(syscall(SYS_getrusage, RUSAGE_THREAD, &r) == 0);
    CHECK(r.ru_utime.tv_usec + r.ru_stime.tv_usec > 40000);
    CHECK(getrusage(RUSAGE_THREAD, (void *)8) == -1 && errno == EFAULT);
    CHECK(getrusage(77, &r) == -1 && errno == EINVAL);
    return NULL;
}

/* ---- the ids of clocks, and what is refused ---- */

static void *ids(void *unused)
{
    struct timespec t, by_number;
    clockid_t self = clock_of(pthread_self());
    burn(2000);
    CHECK(self == (clockid_t)(~(unsigned)gettid() << 3 | 6));
    CHECK(syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &by_number) == 0);
    CHECK(clock_gettime(self, &t) == 0 && t.tv_nsec >= by_number.tv_nsec && t.tv_sec == 0);
    CHECK(clock_gettime((clockid_t)~0u << 3 | 6, &t) == 0 && t.tv_nsec >= by_number.tv_nsec);
    CHECK(clock_gettime(self, (void *)8) == -1 && errno == EFAULT);
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, (void *)8) == -1 && errno == EFAULT);
    CHECK(clock_getres(self, &t) == 0 && t.tv_sec == 0 && t.tv_nsec == 1);
    CHECK(clock_settime(self, &t) == -1 && errno == EPERM);
    CHECK(clock_settime(CLOCK_THREAD_CPUTIME_ID, &t) == -1 && errno == EINVAL);
    CHECK(clock_nanosleep(self, 0, &t, NULL) == EINVAL);
    CHECK(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL) == EINVAL);
    t.tv_nsec = -1;
    CHECK(clock_nanosleep(clock_of(*(pthread_t *)unused), 0, &t, NULL) == EINVAL);
    CHECK(clock_nanosleep(clock_of(*(pthread_t *)unused), 0, (void *)8, NULL) == EFAULT);
    return NULL;
}

static void run(void *(*start)(void *), void *arg, const char *what)
{
    pthread_t t;
    CHECK(pthread_create(&t, NULL, start, arg) == 0 && pthread_join(t, NULL) == 0);
    puts(what);
}

/* ---- a sleep on another thread's clock ---- */

static void *until_told(void *unused)
{
    while (!atomic_load(&over))
        spin(1000);
    return NULL;
}

static void sleeps(void)
{
    pthread_t t;
    atomic_store(&over, 0);
    CHECK(pthread_create(&t, NULL, until_told, NULL) == 0);
    clockid_t clock = clock_of(t);
    struct timespec some = {0, 60000000}, at;
    long before = us(clock);
    CHECK(clock_nanosleep(clock, 0, &some, NULL) == 0);
    CHECK(us(clock) - before >= 60000);
    CHECK(clock_gettime(clock, &at) == 0);
    at.tv_nsec += 30000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    CHECK(clock_nanosleep(clock, TIMER_ABSTIME, &at, NULL) == 0);
    CHECK(us(clock) >= at.tv_sec * 1000000 + at.tv_nsec / 1000);
    CHECK(clock_nanosleep(clock, TIMER_ABSTIME, &at, NULL) == 0);
    atomic_store(&over, 1);
    CHECK(pthread_join(t, NULL) == 0);
    puts("a sleep on another thread's clock");
}

/* ---- fork ---- */

static void *forks(void *unused)
{
    burn(50000);
    pid_t child = fork();
    if (child == 0)
        _exit(mine() < 25000 && mine() <= us(CLOCK_PROCESS_CPUTIME_ID) ? 0 : 1);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(mine() >= 50000);
    return NULL;
}

int main(void)
{
    pthread_t self = pthread_self();
    sem_init(&go, 0, 0);
    sem_init(&ready, 0, 0);
    long before = mine();
    CHECK(before <= us(CLOCK_PROCESS_CPUTIME_ID));
    burn(20000);
    busy_and_asleep();
    CHECK(mine() >= before + 80000);
    turns();
    many_turns();
    not_seen();
    moved();
    run(usage, NULL, "usage of a thread");
    run(ids, &self, "ids");
    sleeps();
    run(forks, NULL, "fork");
    return 0;
}
