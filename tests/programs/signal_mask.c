/* Masks are one per thread: a blocked signal waits for the thread that it is meant for, one for the process goes to a
   thread that does not block it. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t ready, go;
static volatile sig_atomic_t handled;
static pthread_t open_thread;
static volatile sig_atomic_t elsewhere;

static void handler(int sig)
{
    handled++;
    if (!pthread_equal(pthread_self(), open_thread))
        elsewhere++;
}

static void *blocks(void *arg)
{
    sigset_t set, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    sem_post(&ready);
    sem_wait(&go);
    for (int i = 0; i < 10; i++) {
        sched_yield();
        CHECK(handled == 0);
    }
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
    open_thread = pthread_self();
    CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
    CHECK(handled == 1); /* before the call returned */
    CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR1));
    return NULL;
}

static void *open_for_usr1(void *arg)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
    open_thread = pthread_self();
    sem_post(&ready);
    while (sem_wait(&go) != 0)
        CHECK(errno == EINTR);
    return NULL;
}

int main(void)
{
    sigset_t set, old;
    pthread_t t;
    sem_init(&ready, 0, 0);
    sem_init(&go, 0, 0);
    CHECK(signal(SIGUSR1, handler) != SIG_ERR);
    CHECK(pthread_create(&t, NULL, blocks, NULL) == 0);
    sem_wait(&ready);
    CHECK(pthread_kill(t, SIGUSR1) == 0);
    usleep(2000);
    sem_post(&go);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(handled == 1 && elsewhere == 0);

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, &old) == 0);
    CHECK(!sigismember(&old, SIGUSR1));
    CHECK(pthread_sigmask(77, &set, NULL) == EINVAL);
    CHECK(pthread_create(&t, NULL, open_for_usr1, NULL) == 0);
    sem_wait(&ready);
    for (int i = 0; i < 5; i++) {
        CHECK(kill(getpid(), SIGUSR1) == 0);
        for (int j = 0; handled < 2 + i && j < 2000; j++)
            usleep(1000);
    }
    sem_post(&go);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(handled == 6 && elsewhere == 0);
    puts("ok");
    return 0;
}
