/* Waiters moved from one word to another wait there; the counts are right, and a changed value moves nobody. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 12 };

static int from, to, ready, woken;

static void *thread(void *arg)
{
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    EQ(syscall(SYS_futex, &from, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), 0);
    __atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static int settled(int n)
{
    for (int i = 0; i < 400 && __atomic_load_n(&woken, __ATOMIC_SEQ_CST) < n; i++)
        usleep(1000);
    usleep(5000);
    return __atomic_load_n(&woken, __ATOMIC_SEQ_CST);
}

int main(void)
{
    for (int compare = 0; compare < 2; compare++) {
        pthread_t t[THREADS];
        int op = compare ? FUTEX_CMP_REQUEUE_PRIVATE : FUTEX_REQUEUE_PRIVATE;
        ready = woken = 0;
        for (int i = 0; i < THREADS; i++)
            EQ(pthread_create(&t[i], NULL, thread, NULL), 0);
        while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < THREADS)
            usleep(500);
        usleep(60000);
        if (compare) {
            EQ(syscall(SYS_futex, &from, op, 1, 3l, &to, 99), -1);
            EQ(errno, EAGAIN);
            EQ(settled(0), 0);
        }
        /* Wakes 2, moves 3; the result counts both. */
        EQ(syscall(SYS_futex, &from, op, 2, 3l, &to, 0), 5);
        EQ(settled(2), 2);
        EQ(syscall(SYS_futex, &to, FUTEX_WAKE_PRIVATE, 1), 1);
        EQ(settled(3), 3);
        EQ(syscall(SYS_futex, &from, op, 0, (long)INT_MAX, &to, 0), THREADS - 5);
        EQ(syscall(SYS_futex, &from, FUTEX_WAKE_PRIVATE, INT_MAX), 0);
        EQ(syscall(SYS_futex, &to, FUTEX_WAKE_PRIVATE, INT_MAX), THREADS - 3);
        for (int i = 0; i < THREADS; i++)
            EQ(pthread_join(t[i], NULL), 0);
        EQ(woken, THREADS);
    }
    puts("ok");
    return 0;
}
