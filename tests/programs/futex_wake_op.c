/* FUTEX_WAKE_OP changes the second word and wakes there only if the comparison holds. */
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

static int first, second, ready, first_woken, second_woken, expected;

static void *on_first(void *arg)
{
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    EQ(syscall(SYS_futex, &first, FUTEX_WAIT_PRIVATE, 0, NULL), 0);
    __atomic_add_fetch(&first_woken, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void *on_second(void *arg)
{
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    EQ(syscall(SYS_futex, &second, FUTEX_WAIT_PRIVATE, 0, NULL), 0);
    __atomic_add_fetch(&second_woken, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static long wake_op(int n, long m, unsigned op)
{
    return syscall(SYS_futex, &first, FUTEX_WAKE_OP_PRIVATE, n, m, &second, op);
}

int main(void)
{
    pthread_t a[4], b[4];
    for (int i = 0; i < 4; i++) {
        EQ(pthread_create(&a[i], NULL, on_first, NULL), 0);
        EQ(pthread_create(&b[i], NULL, on_second, NULL), 0);
    }
    while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < 8)
        usleep(500);
    usleep(60000);
    /* add 5, and wake on the second word if it was > 100: it was 0 */
    EQ(wake_op(1, 1, FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_GT, 100)), 1);
    EQ(second, 5);
    /* set 7 if...: wakes 1 and 2 */
    EQ(wake_op(1, 2, FUTEX_OP(FUTEX_OP_SET, 7, FUTEX_OP_CMP_EQ, 5)), 3);
    EQ(second, 7);
    EQ(wake_op(INT_MAX, INT_MAX, FUTEX_OP(FUTEX_OP_ANDN, 3, FUTEX_OP_CMP_NE, 0)), 4);
    EQ(second, 4);
    EQ(wake_op(1, 1, FUTEX_OP(FUTEX_OP_OR, 3, FUTEX_OP_CMP_LT, 5)), 0);
    EQ(second, 7);
    EQ(wake_op(1, 1, FUTEX_OP(FUTEX_OP_XOR, 2, FUTEX_OP_CMP_GE, 7)), 0);
    EQ(second, 5);
    for (int i = 0; i < 4; i++) {
        EQ(pthread_join(a[i], NULL), 0);
        EQ(pthread_join(b[i], NULL), 0);
    }
    printf("%d %d\n", first_woken, second_woken);
    return 0;
}
