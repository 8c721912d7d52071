/* The shared futex call between two processes, as a ring of turns. */
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
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 3, ROUNDS = 60 };

struct shared {
    int ready, attached, done;
    int turn;
} * shared;

static void init(struct shared *s)
{
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
    int n = (long)arg, me = n < THREADS ? 2 * n : 2 * (n - THREADS) + 1, now;
    for (int i = 0; i < ROUNDS; i++) {
        while ((now = __atomic_load_n(&shared->turn, __ATOMIC_SEQ_CST)) % (2 * THREADS) != me) {
            long r = syscall(SYS_futex, &shared->turn, FUTEX_WAIT, now, NULL, NULL, 0);
            CHECK(r == 0 || errno == EAGAIN);
        }
        __atomic_add_fetch(&shared->turn, 1, __ATOMIC_SEQ_CST);
        CHECK(syscall(SYS_futex, &shared->turn, FUTEX_WAKE, INT_MAX, NULL, NULL, 0) >= 0);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    shared = attach(argv[1], argv[2]);
    both(argv[1], thread);
    printf("%d\n", shared->turn);
    return 0;
}
