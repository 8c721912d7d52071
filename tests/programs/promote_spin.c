/* The only other thread computes, waiting for a flag, while one that has become a kernel thread of its own creates, joins
   and detaches; and the other way round. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
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

static volatile int flag;

static void *sets(void *unused)
{
    flag = 1;
    return NULL;
}

static void *nothing(void *unused)
{
    return NULL;
}

static void *manages(void *unused)
{
    pthread_t t;
    int status;
    CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    CHECK(pthread_create(&t, NULL, nothing, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(pthread_create(&t, NULL, nothing, NULL) == 0);
    CHECK(pthread_detach(t) == 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(4);
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 4);
    CHECK(pthread_create(&t, NULL, sets, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    return NULL;
}

static void *spins(void *change)
{
    if (change)
        CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    while (!flag)
        ;
    return NULL;
}

int main(void)
{
    pthread_t t;
    CHECK(pthread_create(&t, NULL, manages, NULL) == 0);
    while (!flag)
        ;
    CHECK(pthread_join(t, NULL) == 0);
    flag = 0;
    CHECK(pthread_create(&t, NULL, spins, (void *)1) == 0);
    usleep(2000);
    flag = 1;
    CHECK(pthread_join(t, NULL) == 0);
    puts("ok");
    return 0;
}
