/* A lock and a condition built on the futex call, as language runtimes build theirs: nothing is lost under load. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
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

enum { THREADS = 30, ROUNDS = 300 };

static int lock_word; /* 0 free, 1 taken, 2 taken and waited for */
static int counter, inside, sequence, turn;

static void lock(void)
{
    int c = 0;
    if (__atomic_compare_exchange_n(&lock_word, &c, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    while (__atomic_exchange_n(&lock_word, 2, __ATOMIC_ACQUIRE) != 0) {
        long r = syscall(SYS_futex, &lock_word, FUTEX_WAIT_PRIVATE, 2, NULL);
        if (r != 0)
            EQ(errno, EAGAIN);
    }
}

static void unlock(void)
{
    if (__atomic_exchange_n(&lock_word, 0, __ATOMIC_RELEASE) == 2)
        syscall(SYS_futex, &lock_word, FUTEX_WAKE_PRIVATE, 1);
}

static void cond_wait(void)
{
    int s = __atomic_load_n(&sequence, __ATOMIC_SEQ_CST);
    unlock();
    syscall(SYS_futex, &sequence, FUTEX_WAIT_PRIVATE, s, NULL);
    lock();
}

static void cond_broadcast(void)
{
    __atomic_add_fetch(&sequence, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &sequence, FUTEX_WAKE_PRIVATE, INT_MAX);
}

static void *thread(void *arg)
{
    int me = (long)arg;
    for (int i = 0; i < ROUNDS; i++) {
        lock();
        EQ(inside++, 0);
        counter++;
        if (i % 10 == 0)
            sched_yield();
        EQ(--inside, 0);
        unlock();
    }
    for (int i = 0; i < 10; i++) {
        lock();
        while (turn % THREADS != me)
            cond_wait();
        turn++;
        cond_broadcast();
        unlock();
    }
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    for (long i = 0; i < THREADS; i++)
        EQ(pthread_create(&t[i], NULL, thread, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_join(t[i], NULL), 0);
    printf("%d %d\n", counter, turn);
    return 0;
}
