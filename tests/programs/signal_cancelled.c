/* Asynchronous cancellation and signals. A thread that computes is cancelled right after a signal, and handles another
 * one in its cleanup handler ("cleanup"); the same by the first pthread_cancel of a process ("first"); a thread that
 * was just given a mutex is cancelled before it runs ("mutex"). */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 5, PROCESSES = 10, LIMIT = 3 /* s */, IN_CODE = 20000 /* us */ };

static atomic_int started, cleaning, handled;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* The cancellation may leave this one. */
static void on_first(int sig)
{
    (void)sig;
}

static void on_second(int sig)
{
    (void)sig;
    handled++;
}

static void compute(void)
{
    for (volatile unsigned long n = 0;; n++)
        ;
}

static struct timespec limit(void)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += LIMIT;
    return end;
}

static int passed(const struct timespec *end)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec > end->tv_sec || (now.tv_sec == end->tv_sec && now.tv_nsec > end->tv_nsec);
}

static void fail(const char *what)
{
    puts(what);
    fflush(stdout);
    _exit(1);
}

static void join(pthread_t thread)
{
    struct timespec end = limit();
    void *result;
    if (pthread_timedjoin_np(thread, &result, &end) != 0)
        fail("not cancelled");
    if (result != PTHREAD_CANCELED)
        fail("not by that");
}

static void on_cancel(void *arg)
{
    struct timespec end = limit();
    (void)arg;
    cleaning = 1;
    while (!handled && !passed(&end))
        ;
}

static void *computes(void *arg)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    pthread_cleanup_push(on_cancel, NULL);
    started = 1;
    compute();
    pthread_cleanup_pop(0);
    return arg;
}

static pthread_t start(void *(*function)(void *))
{
    pthread_t thread;
    started = 0;
    pthread_create(&thread, NULL, function, NULL);
    while (!started)
        usleep(1000);
    usleep(IN_CODE);
    return thread;
}

static void *waits(void *arg)
{
    started = 1;
    pause();
    return arg;
}

static void cancel_while_it_computes(void)
{
    struct timespec end;
    cleaning = handled = 0;
    pthread_t thread = start(computes);
    pthread_kill(thread, SIGUSR1);
    pthread_cancel(thread);
    for (end = limit(); !cleaning;) {
        if (passed(&end))
            fail("the cancellation is lost");
        usleep(1000);
    }
    pthread_kill(thread, SIGUSR2);
    join(thread);
    if (handled != 1)
        fail("not handled");
}

static void cleanup(void)
{
    pthread_t thread = start(waits);
    pthread_cancel(thread); /* libc makes itself ready at the first */
    join(thread);
    for (int i = 0; i < ROUNDS; i++)
        cancel_while_it_computes();
    printf("%d cancelled\n", ROUNDS);
}

static void cancel_first(void)
{
    int failed = 0;
    for (int i = 0; i < PROCESSES && failed == 0; i++) {
        pid_t child = fork();
        int status;
        if (child == 0) {
            cancel_while_it_computes();
            _exit(0);
        }
        waitpid(child, &status, 0);
        failed += status != 0;
    }
    puts(failed == 0 ? "all end" : "not all end");
}

static void *locks(void *arg)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    started = 1;
    pthread_mutex_lock(&mutex);
    compute();
    return arg;
}

static void given_a_mutex(void)
{
    pthread_mutex_lock(&mutex);
    pthread_t thread = start(locks);
    pthread_mutex_unlock(&mutex);
    pthread_cancel(thread);
    join(thread);
    puts("cancelled");
}

int main(int argc, char **argv)
{
    signal(SIGUSR1, on_first);
    signal(SIGUSR2, on_second);
    if (argc != 2)
        return 2;
    if (strcmp(argv[1], "cleanup") == 0)
        cleanup();
    else if (strcmp(argv[1], "first") == 0)
        cancel_first();
    else
        given_a_mutex();
    return 0;
}
