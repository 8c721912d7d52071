/* Process-shared mutexes without an owner: two processes, several threads each, exclusion and time limits. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

enum { THREADS = 4, ROUNDS = 150 };

struct shared {
    int ready, attached, done;
    pthread_mutex_t normal, adaptive;
    int inside, counter;
} * shared;

static void init(struct shared *s)
{
    pthread_mutexattr_t a;
    CHECK(pthread_mutexattr_init(&a) == 0);
    CHECK(pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_mutex_init(&s->normal, &a) == 0);
    CHECK(pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ADAPTIVE_NP) == 0);
    CHECK(pthread_mutex_init(&s->adaptive, &a) == 0);
}

/* Runs as one of two processes over the same file: "fork FILE" is both, "first FILE" makes it and waits for "second
   FILE" to come. Each runs THREADS threads. */
static struct shared *attach(const char *role, const char *path)
{
    int fd, mine = strcmp(role, "second") != 0;
    if (mine)
        unlink(path);
    while ((fd = open(path, O_RDWR | (mine ? O_CREAT | O_TRUNC : 0), 0600)) < 0)
        usleep(2000);
    if (mine)
        CHECK(ftruncate(fd, sizeof(struct shared)) == 0);
    while (lseek(fd, 0, SEEK_END) < (off_t)sizeof(struct shared))
        usleep(2000);
    struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(s != MAP_FAILED);
    close(fd);
    if (mine) {
        init(s);
        __atomic_store_n(&s->ready, 1, __ATOMIC_SEQ_CST);
    }
    while (!__atomic_load_n(&s->ready, __ATOMIC_SEQ_CST))
        usleep(2000);
    return s;
}

static void both(const char *role, void *(*start)(void *))
{
    pthread_t t[THREADS];
    int child = 0, forked = strcmp(role, "fork") == 0, status;
    long side = strcmp(role, "second") == 0;
    if (forked) {
        child = fork();
        side = child == 0;
        if (side)
            alarm(100); /* not left behind if the parent fails */
    }
    __atomic_add_fetch(&shared->attached, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&shared->attached, __ATOMIC_SEQ_CST) < 2)
        usleep(1000);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, start, (void *)(side * THREADS + i)) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    /* Both are through before either looks at the result. */
    __atomic_add_fetch(&shared->done, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&shared->done, __ATOMIC_SEQ_CST) < 2)
        usleep(1000);
    if (forked && child == 0)
        _exit(0);
    if (forked)
        CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void *thread(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_t *m = i < ROUNDS / 2 ? &shared->normal : &shared->adaptive;
        if (i == ROUNDS / 2) {
            /* all threads of both processes change over to the other mutex together */
            __atomic_add_fetch(&shared->attached, 1, __ATOMIC_SEQ_CST);
            while (__atomic_load_n(&shared->attached, __ATOMIC_SEQ_CST) < 2 + 2 * THREADS)
                usleep(500);
        }
        struct timespec far = {time(NULL) + 1000, 0};
        CHECK((i % 3 ? pthread_mutex_lock(m) : pthread_mutex_timedlock(m, &far)) == 0);
        CHECK(shared->inside++ == 0);
        shared->counter++;
        if (i % 30 == 0)
            usleep(500);
        sched_yield();
        CHECK(--shared->inside == 0);
        CHECK(pthread_mutex_unlock(m) == 0);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    shared = attach(argv[1], argv[2]);
    both(argv[1], thread);
    printf("%d\n", shared->counter);
    return 0;
}
