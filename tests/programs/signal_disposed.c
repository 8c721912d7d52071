/* A process that has handled all of its alarms goes back to SIG_DFL and lives, whoever runs on its kernel threads
 * afterwards. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 10, EACH = 1500, LONG = 10000000 };

static atomic_int alarms, others;
static sem_t end;

static void on_alarm(int sig)
{
    (void)sig;
    alarms++;
}

static void on_other(int sig)
{
    (void)sig;
    others++;
}

/* Waits with a limit, as a watchdog does. */
static void *watchdog(void *arg)
{
    struct timespec late;
    clock_gettime(CLOCK_REALTIME, &late);
    late.tv_sec += 900;
    sem_timedwait(&end, &late);
    return arg;
}

static void *compute(void *arg)
{
    for (volatile int i = 0; i < LONG; i++)
        ;
    return arg;
}

static void alarms_and_others(void)
{
    alarms = others = 0;
    for (int i = 1; i <= EACH; i++) {
        struct itimerval soon = {{0, 0}, {0, 1 + rand() % 11}};
        setitimer(ITIMER_REAL, &soon, NULL);
        kill(getpid(), SIGUSR1);
        while (alarms < i || others < i)
            usleep(10);
    }
}

int main(void)
{
    pthread_t dog, thread;
    sem_init(&end, 0, 0);
    pthread_create(&dog, NULL, watchdog, NULL);
    signal(SIGUSR1, on_other);
    for (int i = 0; i < ROUNDS; i++) {
        signal(SIGALRM, on_alarm);
        alarms_and_others();
        signal(SIGALRM, SIG_DFL);
        pthread_create(&thread, NULL, compute, NULL);
        compute(NULL);
        pthread_join(thread, NULL);
    }
    sem_post(&end);
    pthread_join(dog, NULL);
    puts("lived");
    return 0;
}
