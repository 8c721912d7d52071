/* A named semaphore is posted and waited for by two processes. */
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 4, ROUNDS = 50 };

static sem_t *there, *back;

static void *waits(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(sem_wait(back) == 0);
        CHECK(sem_post(there) == 0);
    }
    return NULL;
}

int main(void)
{
    char name[2][60];
    pthread_t t[THREADS];
    int status, a, b;
    for (int i = 0; i < 2; i++)
        snprintf(name[i], sizeof name[i], "/victim-%d-%d", (int)getpid(), i);
    there = sem_open(name[0], O_CREAT | O_EXCL, 0600, THREADS);
    back = sem_open(name[1], O_CREAT | O_EXCL, 0600, 0);
    CHECK(there != SEM_FAILED && back != SEM_FAILED);
    pid_t child = fork();
    if (child == 0) {
        sem_t *t1 = sem_open(name[0], 0), *b1 = sem_open(name[1], 0);
        for (int i = 0; i < THREADS * ROUNDS; i++)
            if (sem_wait(t1) || sem_post(b1))
                _exit(1);
        _exit(0);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, waits, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(sem_getvalue(there, &a) == 0 && sem_getvalue(back, &b) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(sem_unlink(name[i]) == 0);
    printf("%d %d\n", a, b);
    return 0;
}
