/*
 * A handler ends a sleep: EINTR, with the time that is left; with a handler of the process and, in threads, of one
 * thread; an ignored signal ends nothing; pause returns only so.
 * usage: sleep_signal THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <threads.h>
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

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static __thread volatile sig_atomic_t seen;

static void on_signal(int sig)
{
    seen++;
}

static int threads;

struct victim {
    pthread_t thread;
    atomic_int awake;
};

/* SIGALRM every 50 ms: for the process if it has one thread, else for this thread by another. */
static void *later(void *arg)
{
    struct victim *v = arg;
    do {
        usleep(50000);
        CHECK(pthread_kill(v->thread, SIGALRM) == 0);
    } while (!atomic_load(&v->awake));
    return NULL;
}

static __thread struct victim me;

static pthread_t soon(void)
{
    pthread_t t = 0;
    struct itimerval often = {{0, 50000}, {0, 50000}};
    me.thread = pthread_self();
    atomic_store(&me.awake, 0);
    seen = 0;
    if (!threads)
        CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    else
        CHECK(pthread_create(&t, NULL, later, &me) == 0);
    return t;
}

static void ended(pthread_t t)
{
    struct itimerval never = {{0, 0}, {0, 0}};
    CHECK(seen >= 1);
    atomic_store(&me.awake, 1);
    if (threads)
        CHECK(pthread_join(t, NULL) == 0);
    else
        CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
}

/* Less than ten seconds, how much less depends on when the signal came. */
static void about_ten(struct timespec left)
{
    CHECK(left.tv_sec >= 1 && left.tv_sec <= 9);
}

static void *scenario(void *unused)
{
    struct timespec ten = {10, 0}, left = {0, 0}, at;
    struct timeval tv = {10, 0};
    pthread_t t;

    t = soon();
    CHECK(nanosleep(&ten, &left) == -1 && errno == EINTR);
    about_ten(left);
    ended(t);

    t = soon();
    CHECK(nanosleep(&ten, NULL) == -1 && errno == EINTR);
    ended(t);

    t = soon();
    CHECK(nanosleep(&ten, (struct timespec *)8) == -1 && errno == EFAULT);
    ended(t);

    t = soon();
    CHECK(nanosleep(&ten, &ten) == -1 && errno == EINTR); /* in and out in one */
    about_ten(ten);
    ended(t);
    ten = (struct timespec){10, 0};

    t = soon();
    left = (struct timespec){0, 0};
    CHECK(clock_nanosleep(CLOCK_REALTIME, 0, &ten, &left) == EINTR);
    about_ten(left);
    ended(t);

    t = soon();
    left = (struct timespec){3, 4};
    CHECK(clock_gettime(CLOCK_MONOTONIC, &at) == 0);
    at.tv_sec += 10;
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, &left) == EINTR);
    CHECK(left.tv_sec == 3 && left.tv_nsec == 4); /* an absolute sleep leaves it alone */
    ended(t);

    t = soon();
    int seconds = sleep(10);
    CHECK(seconds >= 1 && seconds <= 10);
    ended(t);

    t = soon();
    CHECK(usleep(9000000) == -1 && errno == EINTR);
    ended(t);

    t = soon();
    CHECK(thrd_sleep(&ten, &left) == -1);
    about_ten(left);
    ended(t);

    t = soon();
    CHECK(select(0, NULL, NULL, NULL, &tv) == -1 && errno == EINTR);
    ended(t);

    t = soon();
    CHECK(pause() == -1 && errno == EINTR);
    ended(t);
    return NULL;
}

static void *pester(void *arg)
{
    pthread_t *who = arg;
    for (int i = 0; i < 10; i++) {
        usleep(5000);
        CHECK(pthread_kill(*who, SIGURG) == 0 && pthread_kill(*who, SIGUSR2) == 0);
    }
    return NULL;
}

/* SIGURG is ignored by default, SIGUSR2 by the program: the sleep goes on. */
static void ignored(void)
{
    pthread_t self = pthread_self(), t;
    struct timespec tenth = {0, 100000000};
    double start = now();
    signal(SIGUSR2, SIG_IGN);
    if (threads)
        CHECK(pthread_create(&t, NULL, pester, &self) == 0);
    else {
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            for (int i = 0; i < 10; i++) {
                usleep(5000);
                kill(getppid(), i % 2 ? SIGURG : SIGUSR2);
            }
            _exit(0);
        }
    }
    CHECK(nanosleep(&tenth, NULL) == 0);
    CHECK(now() - start >= 0.1);
    if (threads)
        CHECK(pthread_join(t, NULL) == 0);
    else
        CHECK(wait(NULL) > 0);
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    threads = argc > 1 ? atoi(argv[1]) : 0;
    pthread_t t[threads + 1];
    CHECK(sigaction(SIGALRM, &act, NULL) == 0);
    if (!threads)
        scenario(NULL);
    for (int i = 0; i < threads; i++)
        CHECK(pthread_create(&t[i], NULL, scenario, NULL) == 0);
    for (int i = 0; i < threads; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    ignored();
    puts("interrupted sleeps ok");
    return 0;
}
