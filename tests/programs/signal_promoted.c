/* A thread that needs a kernel thread of its own (prctl) gets all signals that are sent to it on the way there, and
 * afterwards the process's, when it alone lets them in. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { ROUNDS = 50, EACH = 8, TO_PROCESS = 5 };

static atomic_int handled, own, stop;

static void handler(int sig)
{
    (void)sig;
    handled++;
}

static void *moves(void *arg)
{
    CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    own = 1;
    while (!stop)
        usleep(1000);
    return arg;
}

static void *computes(void *arg)
{
    for (volatile unsigned long n = 0; !stop; n++)
        ;
    return arg;
}

static void on_the_way(void)
{
    pthread_t thread;
    int sent = 0, errors = 0;
    for (int i = 0; i < ROUNDS; i++) {
        own = stop = 0;
        CHECK(pthread_create(&thread, NULL, moves, NULL) == 0);
        for (int k = 0; k < EACH; k++, sent++) {
            errors += pthread_kill(thread, SIGRTMIN) != 0;
            sched_yield();
        }
        while (!own)
            usleep(100);
        stop = 1;
        pthread_join(thread, NULL);
    }
    printf("on the way: sent %d, errors %d, handled %d\n", sent, errors, handled);
}

static void to_the_process(void)
{
    pthread_t thread, computing;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    handled = own = stop = 0;
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    CHECK(pthread_create(&computing, NULL, computes, NULL) == 0);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    CHECK(pthread_create(&thread, NULL, moves, NULL) == 0);
    while (!own)
        usleep(1000);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < TO_PROCESS; i++)
        sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
    for (int i = 0; i < 100 && handled < TO_PROCESS; i++)
        usleep(5000);
    stop = 1;
    pthread_join(thread, NULL);
    pthread_join(computing, NULL);
    printf("to the process: sent %d, handled %d\n", TO_PROCESS, handled);
}

int main(void)
{
    signal(SIGRTMIN, handler);
    on_the_way();
    to_the_process();
    return 0;
}
