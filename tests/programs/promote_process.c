/* Signals to the process while one thread is a kernel thread of its own: they are the main thread's. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static __thread int is_main;
static volatile int count, elsewhere, stop;

static void handler(int sig)
{
    count++;
    elsewhere += !is_main;
}

static void *thread(void *unused)
{
    CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    while (!stop)
        usleep(300);
    return NULL;
}

int main(void)
{
    pthread_t t[2];
    is_main = 1;
    struct sigaction act = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &act, NULL);
    sigaction(SIGALRM, &act, NULL);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&t[i], NULL, thread, NULL) == 0);
    for (int i = 0; i < 100; i++) {
        int was = count;
        CHECK(kill(getpid(), SIGUSR1) == 0);
        while (count == was)
            usleep(100);
    }
    struct itimerval timer = {{0, 2000}, {0, 2000}};
    setitimer(ITIMER_REAL, &timer, NULL);
    while (count < 120)
        usleep(1000);
    memset(&timer, 0, sizeof timer);
    setitimer(ITIMER_REAL, &timer, NULL);
    stop = 1;
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    /* The kernel gives one to another thread when the main one has another pending. */
    printf("elsewhere: %s\n", elsewhere <= 12 ? "few" : "many");
    return 0;
}
