/* Process-shared mutexes with priority inheritance: threads of two processes and both main threads exclude each other; a
   robust one is handed on when its owner's process dies. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { ROUNDS = 150 };

static struct shared {
    pthread_mutex_t m, robust;
    int inside, counter, locked;
} * shared;

static void *thread(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 10 == 0)
            while (pthread_mutex_trylock(&shared->m) != 0)
                usleep(50);
        else
            CHECK(pthread_mutex_lock(&shared->m) == 0);
        CHECK(shared->inside++ == 0);
        shared->counter++;
        if (i % 20 == 0)
            usleep(100);
        shared->inside--;
        CHECK(pthread_mutex_unlock(&shared->m) == 0);
    }
    return NULL;
}

static void *holder(void *unused)
{
    CHECK(pthread_mutex_lock(&shared->robust) == 0);
    __atomic_store_n(&shared->locked, 1, __ATOMIC_SEQ_CST);
    usleep(20000);
    kill(getpid(), SIGKILL);
    return NULL;
}

static void init(pthread_mutex_t *m, int robust)
{
    pthread_mutexattr_t a;
    CHECK(pthread_mutexattr_init(&a) == 0);
    CHECK(pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT) == 0);
    CHECK(pthread_mutexattr_setrobust(&a, robust ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED) == 0);
    CHECK(pthread_mutex_init(m, &a) == 0);
}

int main(void)
{
    pthread_t t[3];
    int status;
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    init(&shared->m, 0);
    init(&shared->robust, 1);
    pid_t child = fork();
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&t[i], NULL, thread, NULL) == 0);
    thread(NULL);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    if (child == 0)
        _exit(0);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    printf("%d\n", shared->counter);
    child = fork();
    if (child == 0) {
        CHECK(pthread_create(&t[0], NULL, holder, NULL) == 0);
        pthread_join(t[0], NULL);
    }
    while (!__atomic_load_n(&shared->locked, __ATOMIC_SEQ_CST))
        usleep(1000);
    int r = pthread_mutex_lock(&shared->robust);
    printf("%s\n", strerror(r));
    CHECK(pthread_mutex_consistent(&shared->robust) == 0);
    CHECK(pthread_mutex_unlock(&shared->robust) == 0);
    CHECK(waitpid(child, NULL, 0) == child);
    return 0;
}
