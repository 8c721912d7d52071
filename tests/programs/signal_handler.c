/* Handlers run while threads sleep, read and wait for locks: on the main thread for the process's signals, on the one
   that is meant by pthread_kill; errno survives, a wait without SA_RESTART ends with EINTR, one with it goes on. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
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

static volatile sig_atomic_t handled, on_target;
static pthread_t target;
static sem_t ready;
static int pipes[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void handler(int sig, siginfo_t *info, void *context)
{
    handled++;
    on_target += pthread_equal(pthread_self(), target) != 0;
    errno = 12345;
    if (info->si_pid != getpid())
        handled += 1000;
}

static void handle(int flags)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_sigaction = handler;
    a.sa_flags = SA_SIGINFO | flags;
    CHECK(sigaction(SIGUSR1, &a, NULL) == 0);
}

static void *reads(void *restart)
{
    char c;
    sem_post(&ready);
    if (restart)
        CHECK(read(pipes[0], &c, 1) == 1);
    else
        CHECK(read(pipes[0], &c, 1) == -1 && errno == EINTR);
    return NULL;
}

static void *sleeps(void *restart)
{
    struct timespec t = {1000, 0}, left;
    sem_post(&ready);
    CHECK(nanosleep(&t, &left) == -1 && errno == EINTR); /* with SA_RESTART too */
    CHECK(left.tv_sec >= 900 && left.tv_sec < 1000);
    return NULL;
}

static void *locks(void *restart)
{
    sem_post(&ready);
    CHECK(pthread_mutex_lock(&mutex) == 0); /* never interrupted */
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return NULL;
}

static void *pauses(void *restart)
{
    sem_post(&ready);
    CHECK(pause() == -1 && errno == EINTR);
    return NULL;
}

static void run(void *(*start)(void *), int flags, const char *name)
{
    int before = handled;
    handle(flags);
    on_target = 0;
    CHECK(pthread_mutex_lock(&mutex) == 0);
    CHECK(pthread_create(&target, NULL, start, flags ? "restart" : NULL) == 0);
    sem_wait(&ready);
    usleep(5000);
    CHECK(pthread_kill(target, SIGUSR1) == 0);
    usleep(5000);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    if (start == reads && flags)
        CHECK(write(pipes[1], "x", 1) == 1);
    /* Again if it came before the wait that it is to end. The others end by themselves, however late. */
    bool ends_by_signal = start != locks && (start != reads || !flags);
    struct timespec limit = {time(NULL) + 1, 0};
    while (ends_by_signal && pthread_timedjoin_np(target, NULL, &limit) == ETIMEDOUT) {
        CHECK(pthread_kill(target, SIGUSR1) == 0);
        limit.tv_sec++;
    }
    if (!ends_by_signal)
        CHECK(pthread_join(target, NULL) == 0);
    CHECK(handled > before);
    CHECK(on_target == handled - before);
    puts(name);
}

static void *kills_process(void *arg)
{
    for (int i = 0; i < 5; i++) {
        int before = handled;
        CHECK(kill(getpid(), SIGUSR1) == 0);
        while (handled == before)
            usleep(1000);
    }
    return NULL;
}

int main(void)
{
    pthread_t t;
    sem_init(&ready, 0, 0);
    CHECK(pipe(pipes) == 0);
    run(reads, 0, "read, no restart");
    run(reads, SA_RESTART, "read, restart");
    run(sleeps, 0, "nanosleep, no restart");
    run(sleeps, SA_RESTART, "nanosleep, restart");
    run(locks, 0, "mutex, no restart");
    run(locks, SA_RESTART, "mutex, restart");
    run(pauses, 0, "pause, no restart");
    run(pauses, SA_RESTART, "pause, restart");

    /* To the process, with main in a join. */
    int before = handled;
    target = pthread_self();
    on_target = 0;
    CHECK(pthread_create(&t, NULL, kills_process, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(handled == before + 5);
    CHECK(on_target == 5);

    /* raise is for the caller. */
    on_target = 0;
    CHECK(raise(SIGUSR1) == 0);
    CHECK(on_target == 1);
    puts("ok");
    return 0;
}
