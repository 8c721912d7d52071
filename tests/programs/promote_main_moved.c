/* The main thread becomes a kernel thread of its own while another one blocks in a call that nobody knows: its number is
   the process's all the same. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t going;

static void *blocks(void *unused)
{
    struct timespec t = {0, 30000000};
    sem_post(&going);
    syscall(SYS_nanosleep, &t, NULL);
    return NULL;
}

int main(void)
{
    pthread_t t[3];
    sem_init(&going, 0, 0);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&t[i], NULL, blocks, NULL) == 0);
    for (int i = 0; i < 3; i++)
        sem_wait(&going);
    CHECK(unshare(CLONE_FS) == 0);
    printf("%d\n", gettid() == getpid());
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    return 0;
}
