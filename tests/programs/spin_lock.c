/* Spin locks: try, exclusion, and a holder that sleeps and reads a pipe while others spin. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 8, ROUNDS = 20 };

static pthread_spinlock_t lock;
static int inside, counter, pipes[2];

static void *thread(void *arg)
{
    char c = 'x';
    for (int i = 0; i < ROUNDS; i++) {
        EQ(pthread_spin_lock(&lock), 0);
        EQ(inside++, 0);
        counter++;
        if (i % 10 == 0)
            usleep(200);
        else if (i % 10 == 5) {
            EQ(write(pipes[1], &c, 1), 1);
            EQ(read(pipes[0], &c, 1), 1);
        } else
            sched_yield();
        EQ(--inside, 0);
        EQ(pthread_spin_unlock(&lock), 0);
    }
    return NULL;
}

static void *tries(void *arg)
{
    EQ(pthread_spin_trylock(&lock), EBUSY);
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    EQ(pipe(pipes), 0);
    EQ(pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE), 0);
    EQ(pthread_spin_trylock(&lock), 0);
    EQ(pthread_create(&t[0], NULL, tries, NULL), 0);
    EQ(pthread_join(t[0], NULL), 0);
    EQ(pthread_spin_unlock(&lock), 0);
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_create(&t[i], NULL, thread, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_join(t[i], NULL), 0);
    EQ(pthread_spin_destroy(&lock), 0);
    printf("%d\n", counter);
    return 0;
}
