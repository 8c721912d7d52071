/* Each round of a barrier lets all go at once and picks one; it is reused for many rounds without a mix-up. */
#include <errno.h>
#include <pthread.h>
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

enum { THREADS = 25, ROUNDS = 200 };

static pthread_barrier_t barrier;
static int serial[ROUNDS], arrived[ROUNDS];

static void *thread(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        __atomic_add_fetch(&arrived[i], 1, __ATOMIC_SEQ_CST);
        if (i % 50 == (long)arg)
            usleep(100);
        int r = pthread_barrier_wait(&barrier);
        EQ(__atomic_load_n(&arrived[i], __ATOMIC_SEQ_CST), THREADS);
        if (r == PTHREAD_BARRIER_SERIAL_THREAD)
            __atomic_add_fetch(&serial[i], 1, __ATOMIC_SEQ_CST);
        else
            EQ(r, 0);
    }
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    EQ(pthread_barrier_init(&barrier, NULL, 0), EINVAL);
    EQ(pthread_barrier_init(&barrier, NULL, 1), 0);
    for (int i = 0; i < 5; i++)
        EQ(pthread_barrier_wait(&barrier), PTHREAD_BARRIER_SERIAL_THREAD);
    EQ(pthread_barrier_destroy(&barrier), 0);
    EQ(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (long i = 0; i < THREADS; i++)
        EQ(pthread_create(&t[i], NULL, thread, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_join(t[i], NULL), 0);
    for (int i = 0; i < ROUNDS; i++)
        EQ(serial[i], 1);
    EQ(pthread_barrier_destroy(&barrier), 0);
    puts("ok");
    return 0;
}
