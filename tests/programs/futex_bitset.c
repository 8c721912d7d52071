/* Waits for some bits are woken by those bits alone; absolute times on either clock. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* The time on a clock this many milliseconds from now. */
static struct timespec at(clockid_t clock, long ms)
{
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static int passed(clockid_t clock, struct timespec when)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec > when.tv_sec || (now.tv_sec == when.tv_sec && now.tv_nsec >= when.tv_nsec);
}

static int word, ready;

static void *thread(void *arg)
{
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    EQ(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, (unsigned)(long)arg), 0);
    return NULL;
}

static long wake(unsigned bits)
{
    return syscall(SYS_futex, &word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, bits);
}

int main(void)
{
    static const long bits[] = {1, 2, 4, 3, 0x80000000, FUTEX_BITSET_MATCH_ANY};
    pthread_t t[6];
    struct timespec limit;
    for (int i = 0; i < 6; i++)
        EQ(pthread_create(&t[i], NULL, thread, (void *)bits[i]), 0);
    while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < 6)
        usleep(500);
    usleep(60000);
    EQ(wake(0x100), 1); /* the one for any */
    EQ(wake(0x100), 0);
    EQ(wake(2), 2);
    EQ(wake(0x80000004), 2);
    EQ(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 5), 1); /* a plain wake is for any bits */
    for (int i = 0; i < 6; i++)
        EQ(pthread_join(t[i], NULL), 0);

    EQ(wake(0), -1);
    EQ(errno, EINVAL);
    EQ(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, 0), -1);
    EQ(errno, EINVAL);
    limit = at(CLOCK_MONOTONIC, 20);
    EQ(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &limit, NULL, 1), -1);
    EQ(errno, ETIMEDOUT);
    EQ(passed(CLOCK_MONOTONIC, limit), 1);
    limit = at(CLOCK_REALTIME, 20);
    EQ(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &limit, NULL, 1), -1);
    EQ(errno, ETIMEDOUT);
    EQ(passed(CLOCK_REALTIME, limit), 1);
    limit = at(CLOCK_MONOTONIC, 0);
    EQ(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &limit, NULL, 1), -1);
    EQ(errno, ETIMEDOUT);
    puts("ok");
    return 0;
}
