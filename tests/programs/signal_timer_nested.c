/* A handler sets and reads a timer on the thread's processor time while its thread is just about to set it: both calls
 * may be made in handlers. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { HANDLERS = 4000, EVERY_US = 50 };

static const struct itimerspec hour = {{0, 0}, {3600, 0}};
static timer_t timer;
static volatile int handled, wrong;

static void set_and_read(void)
{
    struct itimerspec left;
    if (timer_settime(timer, 0, &hour, NULL) != 0 || timer_gettime(timer, &left) != 0)
        wrong = 1;
    if (left.it_value.tv_sec > 3600 || left.it_value.tv_sec < 3590)
        wrong = 1;
}

static void on_alarm(int sig)
{
    set_and_read();
    handled++;
}

static void *naps(void *arg)
{
    for (;;)
        usleep(300);
    return arg;
}

static void start_napping(void)
{
    pthread_t t;
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &set, &old);
    pthread_create(&t, NULL, naps, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

int main(void)
{
    struct sigevent none = {.sigev_notify = SIGEV_NONE};
    const struct itimerval often = {{0, EVERY_US}, {0, EVERY_US}}, never = {{0, 0}, {0, 0}};
    signal(SIGALRM, on_alarm);
    start_napping();
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &none, &timer) != 0)
        return 1;
    setitimer(ITIMER_REAL, &often, NULL);
    while (handled < HANDLERS)
        set_and_read();
    setitimer(ITIMER_REAL, &never, NULL);
    printf("%s\n", wrong ? "wrong" : "set and read");
    return 0;
}
