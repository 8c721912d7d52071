/* The futex system call through syscall(): wait and wake by number, values checked, private and shared. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
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

enum { THREADS = 20 };

static int word, private_flag, ready, ended;

static long futex(int *w, int op, int value)
{
    return syscall(SYS_futex, w, op | private_flag, value, NULL, NULL, 0);
}

static void *thread(void *arg)
{
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    EQ(futex(&word, FUTEX_WAIT, 0), 0);
    __atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static int wake(int n)
{
    return futex(&word, FUTEX_WAKE, n);
}

/* A kernel thread of its own wakes one at a time, and does not wait for them to wake. */
static void *waker(void *unused)
{
    EQ(prctl(PR_SET_PDEATHSIG, 0), 0);
    while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < THREADS)
        usleep(500);
    usleep(20000);
    while (__atomic_load_n(&ended, __ATOMIC_SEQ_CST) < THREADS)
        for (int i = 0; i < 10; i++)
            wake(-(i % 2));
    return NULL;
}

static void woken_by_another(void)
{
    pthread_t t[THREADS], other;
    ready = ended = 0;
    EQ(pthread_create(&other, NULL, waker, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_create(&t[i], NULL, thread, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_join(t[i], NULL), 0);
    EQ(pthread_join(other, NULL), 0);
}

int main(void)
{
    for (int k = 0; k < 2; k++) {
        pthread_t t[THREADS];
        private_flag = k ? FUTEX_PRIVATE_FLAG : 0;
        ready = 0;
        EQ(futex(&word, FUTEX_WAIT, 1), -1);
        EQ(errno, EAGAIN);
        EQ(wake(1), 0);
        for (int i = 0; i < THREADS; i++)
            EQ(pthread_create(&t[i], NULL, thread, NULL), 0);
        while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < THREADS)
            usleep(500);
        usleep(60000);  /* all in the wait */
        EQ(wake(0), 1); /* the kernel takes it for 1 */
        EQ(wake(-1), 1);
        EQ(wake(1), 1);
        EQ(wake(5), 5);
        EQ(wake(INT_MAX), THREADS - 8);
        EQ(wake(INT_MAX), 0);
        for (int i = 0; i < THREADS; i++)
            EQ(pthread_join(t[i], NULL), 0);
    }
    woken_by_another();
    puts("ok");
    return 0;
}
