/* A child forked by a thread has that thread alone, as its main one: it prints, allocates, makes threads of its own,
   and ends with its status. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 5 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t key;
static __thread int own;
static volatile int ticks;

static void *adds(void *arg)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    usleep(100);
    *(int *)arg += 1;
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return NULL;
}

static void *ticker(void *arg)
{
    for (;;) {
        ticks++;
        usleep(500);
    }
}

static int child(pthread_t self, pid_t parent)
{
    pthread_t t[THREADS];
    int sum = 0, before;
    CHECK(getpid() != parent && getppid() == parent);
    CHECK(gettid() == getpid());
    CHECK(pthread_equal(self, pthread_self()));
    CHECK(own == 5);
    CHECK(strcmp(pthread_getspecific(key), "value") == 0);
    before = ticks;
    usleep(5000);
    CHECK(ticks == before); /* the other threads are not here */
    char *text = malloc(10000);
    CHECK(text);
    memset(text, 'x', 10000);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, adds, &sum) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    free(text);
    printf("child: %d\n", sum);
    fflush(stdout);
    return 10 + sum;
}

static void *forks(void *arg)
{
    pthread_t self = pthread_self();
    pid_t parent = getpid();
    int status;
    own = 5;
    CHECK(pthread_setspecific(key, "value") == 0);
    for (int i = 0; i < 3; i++) {
        fflush(stdout);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0)
            exit(child(self, parent));
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 10 + THREADS);
    }
    CHECK(waitpid(-1, &status, 0) == -1 && errno == ECHILD);
    return NULL;
}

int main(void)
{
    pthread_t t, tick;
    CHECK(pthread_key_create(&key, NULL) == 0);
    CHECK(pthread_create(&tick, NULL, ticker, NULL) == 0);
    CHECK(pthread_create(&t, NULL, forks, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(pthread_create(&t, NULL, forks, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    int before = ticks;
    while (ticks == before)
        usleep(1000);
    puts("parent: ok");
    return 0;
}
