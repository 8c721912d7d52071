/* The locking operations of the futex call: a word that holds the owner's thread id. */
#define _GNU_SOURCE
#include <errno.h>
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

enum { THREADS = 3, ROUNDS = 20 };

static int word, inside, counter;

static void *thread(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        EQ(syscall(SYS_futex, &word, FUTEX_LOCK_PI_PRIVATE, 0, NULL), 0);
        EQ(inside++, 0);
        counter++;
        usleep(50);
        EQ(--inside, 0);
        EQ(syscall(SYS_futex, &word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL), 0);
    }
    EQ(syscall(SYS_futex, &word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL), -1);
    EQ(errno, EPERM);
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_create(&t[i], NULL, thread, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_join(t[i], NULL), 0);
    printf("%d\n", counter);
    return 0;
}
