/* The holder of a robust process-shared mutex ends without unlocking, by _exit or by SIGKILL: one waiter in the other
   process is told. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static struct shared {
    pthread_mutex_t mutex;
    int locked, told, passed;
} * shared;

static void *holder(void *how)
{
    CHECK(pthread_mutex_lock(&shared->mutex) == 0);
    __atomic_store_n(&shared->locked, 1, __ATOMIC_SEQ_CST);
    usleep(30000);
    if (how)
        kill(getpid(), SIGKILL);
    _exit(0);
}

static void *waiter(void *arg)
{
    int r = pthread_mutex_lock(&shared->mutex);
    if (r == EOWNERDEAD) {
        shared->told++;
        CHECK(pthread_mutex_consistent(&shared->mutex) == 0);
    } else
        CHECK(r == 0);
    shared->passed++;
    CHECK(pthread_mutex_unlock(&shared->mutex) == 0);
    return NULL;
}

static void run(const char *how)
{
    pthread_mutexattr_t a;
    pthread_t t[3];
    CHECK(pthread_mutexattr_init(&a) == 0);
    CHECK(pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST) == 0);
    CHECK(pthread_mutex_init(&shared->mutex, &a) == 0);
    shared->locked = shared->told = shared->passed = 0;
    pid_t child = fork();
    if (child == 0) {
        pthread_t h;
        pthread_create(&h, NULL, holder, (void *)how);
        pthread_join(h, NULL);
    }
    while (!__atomic_load_n(&shared->locked, __ATOMIC_SEQ_CST))
        usleep(1000);
    CHECK(pthread_mutex_trylock(&shared->mutex) == EBUSY);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&t[i], NULL, waiter, NULL) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(waitpid(child, NULL, 0) == child);
    CHECK(pthread_mutex_destroy(&shared->mutex) == 0);
    printf("told %d, passed %d\n", shared->told, shared->passed);
}

int main(void)
{
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    run(NULL);
    run("kill");
    return 0;
}
