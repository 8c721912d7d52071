/* A signal at the parent's death: the child of a thread gets it when that thread ends, not when another does; a thread of
   the child that asks for it gets it for its process. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t forked, end;
static pid_t child;

static void *asks(void *write_end)
{
    CHECK(prctl(PR_SET_PDEATHSIG, SIGTERM) == 0);
    int sig = 0;
    CHECK(prctl(PR_GET_PDEATHSIG, &sig) == 0 && sig == SIGTERM);
    CHECK(write((int)(long)write_end, "r", 1) == 1);
    sleep(100);
    return NULL;
}

static void *forks(void *unused)
{
    int p[2];
    char byte;
    CHECK(pipe(p) == 0);
    CHECK(prctl(PR_SET_TIMERSLACK, 60000) == 0); /* a kernel thread of its own */
    child = fork();
    if (child == 0) {
        pthread_t t;
        alarm(50);
        CHECK(pthread_create(&t, NULL, asks, (void *)(long)p[1]) == 0);
        pthread_join(t, NULL);
        _exit(0);
    }
    CHECK(read(p[0], &byte, 1) == 1);
    sem_post(&forked);
    sem_wait(&end);
    return NULL;
}

static void *other(void *unused)
{
    CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    return NULL;
}

int main(void)
{
    pthread_t t, o;
    int status;
    sem_init(&forked, 0, 0);
    sem_init(&end, 0, 0);
    CHECK(pthread_create(&t, NULL, forks, NULL) == 0);
    sem_wait(&forked);
    for (int i = 0; i < 5; i++) {
        CHECK(pthread_create(&o, NULL, other, NULL) == 0);
        CHECK(pthread_join(o, NULL) == 0);
    }
    usleep(30000);
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    puts("lives");
    sem_post(&end);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(waitpid(child, &status, 0) == child);
    printf("signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return 0;
}
