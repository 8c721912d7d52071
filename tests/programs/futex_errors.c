/* What the futex call refuses, also while other threads run. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
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

static int word;

static long futex(void *w, int op, int value, void *timeout)
{
    return syscall(SYS_futex, w, op, value, timeout, NULL, 0);
}

static void *all(void *arg)
{
    struct timespec bad = {1, 1000000000}, negative = {-1, 0}, soon = {0, 20000000}, zero = {0, 0}, limit;
    void *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int private = 0; private <= FUTEX_PRIVATE_FLAG; private += FUTEX_PRIVATE_FLAG) {
        EQ(futex(nowhere, FUTEX_WAIT | private, 0, NULL), -1);
        EQ(errno, EFAULT);
        EQ(futex((char *)&word + 1, FUTEX_WAIT | private, 0, NULL), -1);
        EQ(errno, EINVAL);
        EQ(futex((char *)&word + 1, FUTEX_WAKE | private, 1, NULL), -1);
        EQ(errno, EINVAL);
        EQ(futex(&word, FUTEX_WAIT | private, 0, &bad), -1);
        EQ(errno, EINVAL);
        EQ(futex(&word, FUTEX_WAIT | private, 0, &negative), -1);
        EQ(errno, EINVAL);
        EQ(futex(&word, FUTEX_WAIT | private, 0, nowhere), -1);
        EQ(errno, EFAULT);
        EQ(futex(&word, FUTEX_WAIT | private, 0, &zero), -1);
        EQ(errno, ETIMEDOUT);
        limit = at(CLOCK_MONOTONIC, 20);
        EQ(futex(&word, FUTEX_WAIT | private, 0, &soon), -1);
        EQ(errno, ETIMEDOUT);
        EQ(passed(CLOCK_MONOTONIC, limit), 1);
        EQ(futex(&word, FUTEX_WAIT | private, 1, &bad), -1); /* the time is looked at first */
        EQ(errno, EINVAL);
        EQ(futex(&word, FUTEX_WAIT | private, 1, &soon), -1);
        EQ(errno, EAGAIN);
        EQ(futex(&word, FUTEX_WAKE | private | FUTEX_CLOCK_REALTIME, 1, NULL), -1);
        EQ(errno, ENOSYS);
    }
    EQ(futex(&word, 99, 0, NULL), -1);
    EQ(errno, ENOSYS);
    EQ(futex(nowhere, FUTEX_WAKE, 1, NULL), -1);
    EQ(errno, EFAULT);
    munmap(nowhere, 4096);
    return NULL;
}

int main(void)
{
    pthread_t t[3];
    all(NULL);
    for (int i = 0; i < 3; i++)
        EQ(pthread_create(&t[i], NULL, all, NULL), 0);
    for (int i = 0; i < 3; i++)
        EQ(pthread_join(t[i], NULL), 0);
    puts("ok");
    return 0;
}
