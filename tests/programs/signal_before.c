/* What a thread sends to its process, and what a timer that it stops has sent, is handled before the call returns, with
 * the handler that was there: also when others compute and the main thread has changed its kernel thread. Of what the
 * kernel sends, to a group or for a timer, a few may come later: it had just taken them out for another kernel thread. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

enum { ROUNDS = 40, COMPUTING = 3, LONG = 8000000, PIECE = 300000, FEW = 3 };

static atomic_int first, second, stop;

static void on_first(int sig)
{
    (void)sig;
    first++;
}

static void on_second(int sig)
{
    (void)sig;
    second++;
}

static void compute(int n)
{
    for (volatile int i = 0; i < n; i++)
        ;
}

static void *others(void *pause)
{
    while (!stop) {
        compute(PIECE);
        if (pause != NULL)
            usleep(100);
    }
    return NULL;
}

/* On another kernel thread than before, and away. */
static void wander(void)
{
    usleep(1000);
    compute(LONG);
}

static int sent(int way)
{
    switch (way) {
    case 0:
        return kill(getpid(), SIGUSR1);
    case 1:
        return sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 1});
    case 2:
        return (int)syscall(SYS_kill, getpid(), SIGUSR1);
    case 3:
        return kill(0, SIGUSR1);
    default:
        return killpg(getpgrp(), SIGUSR1);
    }
}

static int missed_sent(int way, int ways)
{
    int missed = 0;
    for (int i = 0; i < ROUNDS; i++) {
        wander();
        first = 0;
        if (sent(way + i % ways) != 0 || first != 1)
            missed++;
    }
    return missed;
}

static int late_timers(void)
{
    struct itimerval off = {{0, 0}, {0, 0}};
    int late = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct itimerval soon = {{0, 0}, {0, 1 + rand() % 30}};
        wander();
        setitimer(ITIMER_REAL, &soon, NULL);
        compute(rand() % 20000);
        if (i % 2 == 0)
            alarm(0);
        else
            setitimer(ITIMER_REAL, &off, NULL);
        int seen = first;
        usleep(2000);
        if (first != seen)
            late++;
    }
    return late;
}

static int wrong_handlers(void)
{
    int wrong = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct itimerval soon = {{0, 0}, {0, 1}};
        wander();
        signal(SIGALRM, on_first);
        first = second = 0;
        setitimer(ITIMER_REAL, &soon, NULL);
        for (struct itimerval left = soon; left.it_value.tv_sec + left.it_value.tv_usec != 0;)
            getitimer(ITIMER_REAL, &left);
        signal(SIGALRM, on_second);
        usleep(2000);
        if (first != 1 || second != 0)
            wrong++;
    }
    return wrong;
}

static void tell(const char *what, int n)
{
    if (n <= FEW)
        printf("%s: next to none\n", what);
    else
        printf("%s: %d of %d\n", what, n, ROUNDS);
}

int main(void)
{
    pthread_t threads[COMPUTING];
    for (int i = 0; i < COMPUTING; i++)
        pthread_create(&threads[i], NULL, others, i > 0 ? &first : NULL);
    setpgid(0, 0); /* nobody else in it */
    signal(SIGUSR1, on_first);
    signal(SIGALRM, on_first);
    printf("sent: %d missed\n", missed_sent(0, 3));
    tell("sent to the group late", missed_sent(3, 2));
    tell("timers late", late_timers());
    tell("wrong handlers", wrong_handlers());
    stop = 1;
    for (int i = 0; i < COMPUTING; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
