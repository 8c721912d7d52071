/*
 * Threads that wait for each other for ever: the process waits too, without computing, and signals still come.
 * usage: deadlock mutex|self|cond|join|pipe|sem|rwlock|exit
 */
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
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #e, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static const char *how;
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER, two = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t both;
static pthread_t first, second;
static sem_t sem;
static int p[2];

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int alarms;

/* Twice, so that the wait is seen to go on after the first. */
static void on_alarm(int sig)
{
    static double before;
    if (alarms++ == 0) {
        before = cpu();
        alarm(1);
        return;
    }
    const char *said = cpu() - before < 0.3 ? "waits\n" : "computes\n";
    write(1, said, strlen(said));
    if (!strcmp(how, "exit"))
        exit(3); /* handlers of exit, too */
    _exit(3);
}

static void *locks(void *order)
{
    CHECK(pthread_mutex_lock(order ? &one : &two) == 0);
    pthread_barrier_wait(&both);
    pthread_mutex_lock(order ? &two : &one);
    puts("not reached");
    return NULL;
}

static void *waits(void *which)
{
    char c;
    pthread_barrier_wait(&both);
    if (!strcmp(how, "cond")) {
        pthread_mutex_lock(&one);
        for (;;)
            pthread_cond_wait(&never, &one);
    } else if (!strcmp(how, "join")) {
        pthread_join(which ? second : first, NULL); /* each the other */
        sem_wait(&sem);                             /* libc sees the circle and refuses one of them */
    } else if (!strcmp(how, "pipe")) {
        read(p[0], &c, 1);
    } else if (!strcmp(how, "rwlock")) {
        pthread_rwlock_rdlock(&rw);
        pthread_rwlock_wrlock(&rw);
        sem_wait(&sem);
    } else {
        sem_wait(&sem);
    }
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    how = argv[1];
    setvbuf(stdout, NULL, _IONBF, 0);
    struct sigaction act = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    CHECK(pthread_barrier_init(&both, NULL, 2) == 0 && sem_init(&sem, 0, 0) == 0 && pipe(p) == 0);
    CHECK(sigaction(SIGALRM, &act, NULL) == 0);
    alarm(1);
    if (!strcmp(how, "self")) {
        pthread_mutex_lock(&one);
        pthread_mutex_lock(&one);
    }
    void *(*work)(void *) = !strcmp(how, "mutex") ? locks : waits;
    CHECK(pthread_create(&first, NULL, work, "first") == 0);
    CHECK(pthread_create(&second, NULL, work, NULL) == 0);
    for (;;) {
        if (!strcmp(how, "join"))
            pause();
        else
            pthread_join(first, NULL);
    }
}
