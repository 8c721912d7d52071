/* A thread takes the process's signals by sigwait, as daemons do, while others are blocked or send them; signals meant
   for one thread stay with it; queued ones keep their order and values. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sigset_t set;
static sem_t took;
static int last, value;

static void *takes(void *arg)
{
    for (;;) {
        int sig;
        CHECK(sigwait(&set, &sig) == 0);
        last = sig;
        sem_post(&took);
        if (sig == SIGTERM)
            return NULL;
    }
}

static void *takes_own(void *arg)
{
    siginfo_t info;
    struct timespec soon = {0, 10000000}, far = {1000, 0};
    sigset_t own;
    sigemptyset(&own);
    sigaddset(&own, SIGUSR2);
    CHECK(sigtimedwait(&own, &info, &soon) == -1 && errno == EAGAIN);
    sem_post(&took);
    CHECK(sigtimedwait(&own, &info, &far) == SIGUSR2);
    CHECK(info.si_code == SI_USER);
    sem_post(&took);
    CHECK(sigwaitinfo(&own, &info) == SIGUSR2);
    CHECK(info.si_code == SI_QUEUE);
    value = info.si_value.sival_int;
    return NULL;
}

static void *sleeps(void *arg)
{
    sleep(1000);
    return NULL;
}

static void *sends(void *arg)
{
    CHECK(kill(getpid(), (int)(long)arg) == 0);
    return NULL;
}

int main(void)
{
    static const int signals[] = {SIGUSR1, SIGHUP, SIGINT, SIGUSR1, SIGTERM};
    pthread_t taker, t;
    sem_init(&took, 0, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    sigdelset(&set, SIGUSR2);
    CHECK(pthread_create(&taker, NULL, takes, NULL) == 0);
    CHECK(pthread_create(&t, NULL, sleeps, NULL) == 0);
    for (int i = 0; i < 5; i++) {
        CHECK(pthread_create(&t, NULL, sends, (void *)(long)signals[i]) == 0);
        CHECK(sem_wait(&took) == 0);
        CHECK(last == signals[i]);
        CHECK(pthread_join(t, NULL) == 0);
    }
    CHECK(pthread_join(taker, NULL) == 0);

    CHECK(pthread_create(&t, NULL, takes_own, NULL) == 0);
    CHECK(sem_wait(&took) == 0);
    CHECK(pthread_kill(t, SIGUSR2) == 0);
    CHECK(sem_wait(&took) == 0); /* two at once would be one */
    union sigval v = {.sival_int = 77};
    CHECK(pthread_sigqueue(t, SIGUSR2, v) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    printf("%d\n", value);
    return 0;
}
