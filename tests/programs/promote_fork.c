/* A thread that has become a kernel thread of its own forks, while others run; the child makes threads of its own, some of
   which change, too. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
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

static volatile int stop;
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

static void *busy(void *unused)
{
    while (!stop) {
        pthread_mutex_lock(&m);
        pthread_mutex_unlock(&m);
        usleep(100);
    }
    return NULL;
}

static void *grandchild(void *change)
{
    if (change)
        CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    usleep(1000);
    CHECK(gettid() != getpid());
    return change;
}

static int in_child(void)
{
    pthread_t t[4];
    void *r;
    int sum = 0;
    CHECK(gettid() == getpid());
    for (long i = 0; i < 4; i++)
        CHECK(pthread_create(&t[i], NULL, grandchild, (void *)(i % 2)) == 0);
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(t[i], &r) == 0);
        sum += (int)(long)r;
    }
    CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    CHECK(gettid() == getpid());
    CHECK(pthread_create(&t[0], NULL, grandchild, (void *)1) == 0);
    CHECK(pthread_join(t[0], &r) == 0);
    return sum + (int)(long)r;
}

static void *forks(void *unused)
{
    int sum = 0, status;
    CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    for (int i = 0; i < 10; i++) {
        pid_t pid = i % 2 ? fork() : _Fork();
        CHECK(pid >= 0);
        if (pid == 0)
            _exit(i % 2 ? in_child() : 3);
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFEXITED(status));
        sum += WEXITSTATUS(status);
    }
    return (void *)(long)sum;
}

int main(void)
{
    pthread_t t[2], b[3];
    void *r;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&b[i], NULL, busy, NULL) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&t[i], NULL, forks, NULL) == 0);
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_join(t[i], &r) == 0);
        printf("%ld\n", (long)r);
    }
    r = forks(NULL); /* main, too */
    printf("%ld\n", (long)r);
    stop = 1;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(b[i], NULL) == 0);
    return 0;
}
