/* Named semaphores: opened twice they are one, unlinked they live on; waited for by threads. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t *a;

static void *thread(void *arg)
{
    EQ(sem_wait(a), 0);
    return NULL;
}

int main(void)
{
    char name[60];
    pthread_t t[10];
    int value;
    snprintf(name, sizeof name, "/victim-%d", (int)getpid());
    EQ(sem_open(name, 0) == SEM_FAILED, 1);
    EQ(errno, ENOENT);
    a = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
    EQ(a != SEM_FAILED, 1);
    EQ(sem_open(name, O_CREAT | O_EXCL, 0600, 0) == SEM_FAILED, 1);
    EQ(errno, EEXIST);
    sem_t *b = sem_open(name, 0);
    EQ(b == a, 1);
    EQ(sem_close(b), 0);
    EQ(sem_open("/", O_CREAT, 0600, 0) == SEM_FAILED, 1);
    EQ(errno, EINVAL);
    for (int i = 0; i < 10; i++)
        EQ(pthread_create(&t[i], NULL, thread, NULL), 0);
    EQ(sem_unlink(name), 0);
    EQ(sem_unlink(name), -1);
    EQ(errno, ENOENT);
    for (int i = 0; i < 11; i++) {
        EQ(sem_post(a), 0);
        usleep(200);
    }
    for (int i = 0; i < 10; i++)
        EQ(pthread_join(t[i], NULL), 0);
    EQ(sem_getvalue(a, &value), 0);
    EQ(value, 1);
    EQ(sem_close(a), 0);
    puts("ok");
    return 0;
}
