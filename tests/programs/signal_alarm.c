/* Alarms and interval timers reach their handler while threads wait, sleep and compute. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static volatile sig_atomic_t alarms;
static volatile int stop;

static void handler(int sig)
{
    alarms++;
}

static void *computes(void *arg)
{
    unsigned long x = 1;
    while (!stop)
        x = x * 3 + 1;
    return NULL;
}

static void *sleeps(void *arg)
{
    while (!stop)
        usleep(1000);
    return NULL;
}

int main(void)
{
    struct itimerval every = {{0, 5000}, {0, 5000}}, none = {{0, 0}, {0, 0}};
    pthread_t t[2];
    CHECK(signal(SIGALRM, handler) != SIG_ERR);
    CHECK(pthread_create(&t[0], NULL, sleeps, NULL) == 0);
    alarm(1);
    CHECK(sleep(1000) >= 990); /* cut short */
    CHECK(alarms == 1);
    CHECK(pthread_create(&t[1], NULL, computes, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
    while (alarms < 6)
        pause();
    CHECK(setitimer(ITIMER_REAL, &none, NULL) == 0);
    int before = alarms;
    CHECK(ualarm(20000, 0) == 0);
    CHECK(ualarm(20000, 0) > 0);
    while (alarms == before)
        usleep(1000);
    stop = 1;
    CHECK(pthread_join(t[0], NULL) == 0);
    CHECK(pthread_join(t[1], NULL) == 0);
    puts("ok");
    return 0;
}
