/* Thirty threads block at the same time in the kernel, half of them for the same thing, and main still runs. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 30 };

static int queue, set, got;
static sem_t blocking;

static void *receives(void *arg)
{
    struct {
        long type;
        int value;
    } m;
    sem_post(&blocking);
    CHECK(msgrcv(queue, &m, sizeof m.value, (long)arg + 1, 0) == sizeof m.value);
    CHECK(m.value == 100 + (int)(long)arg);
    __atomic_add_fetch(&got, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void *takes(void *arg)
{
    struct sembuf take = {0, -1, 0};
    sem_post(&blocking);
    CHECK(semop(set, &take, 1) == 0);
    __atomic_add_fetch(&got, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    queue = msgget(IPC_PRIVATE, 0600);
    set = semget(IPC_PRIVATE, 1, 0600);
    CHECK(queue >= 0 && set >= 0);
    sem_init(&blocking, 0, 0);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, i % 2 ? takes : receives, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(sem_wait(&blocking) == 0);
    usleep(20000);
    CHECK(got == 0);
    for (int i = THREADS - 1; i >= 0; i--) {
        struct {
            long type;
            int value;
        } m = {i + 1, 100 + i};
        struct sembuf give = {0, 1, 0};
        CHECK((i % 2 ? semop(set, &give, 1) : msgsnd(queue, &m, sizeof m.value, 0)) == 0);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(msgctl(queue, IPC_RMID, NULL) == 0 && semctl(set, 0, IPC_RMID) == 0);
    printf("%d\n", got);
    return 0;
}
