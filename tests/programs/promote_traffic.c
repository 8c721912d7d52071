/* Traffic between threads that have become kernel threads of their own and others, both ways, many rounds: mutex and
   condition variable, semaphores, a pipe, a barrier. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { ROUNDS = 2000, BARRIER_ROUNDS = 300 };

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static sem_t sem[2];
static int turn, pipes[2][2];
static pthread_barrier_t barrier;
static long sums[2];

static void *side(void *arg)
{
    long me = (long)arg & 1, change = (long)arg >> 1 & 1;
    if (change)
        CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pthread_mutex_lock(&m) == 0);
        while (turn % 2 != me)
            CHECK(pthread_cond_wait(&c, &m) == 0);
        turn++;
        CHECK(pthread_cond_broadcast(&c) == 0);
        CHECK(pthread_mutex_unlock(&m) == 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(sem_wait(&sem[me]) == 0);
        CHECK(sem_post(&sem[!me]) == 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        char byte = (char)i;
        if (me)
            CHECK(read(pipes[0][0], &byte, 1) == 1);
        CHECK(write(pipes[me][1], &byte, 1) == 1);
        if (!me)
            CHECK(read(pipes[1][0], &byte, 1) == 1);
        sums[me] += byte;
    }
    for (int i = 0; i < BARRIER_ROUNDS; i++)
        pthread_barrier_wait(&barrier);
    return NULL;
}

static void *napper(void *stop)
{
    while (!__atomic_load_n((int *)stop, __ATOMIC_SEQ_CST))
        usleep(500);
    return NULL;
}

int main(void)
{
    pthread_t t[2], n[4];
    int stop = 0;
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&n[i], NULL, napper, &stop) == 0);
    for (long change = 0; change < 4; change++) {
        turn = sums[0] = sums[1] = 0;
        CHECK(sem_init(&sem[0], 0, 1) == 0 && sem_init(&sem[1], 0, 0) == 0);
        CHECK(pipe(pipes[0]) == 0 && pipe(pipes[1]) == 0);
        CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
        for (long i = 0; i < 2; i++)
            CHECK(pthread_create(&t[i], NULL, side, (void *)(i | (change >> i & 1) << 1)) == 0);
        for (int i = 0; i < 2; i++)
            CHECK(pthread_join(t[i], NULL) == 0);
        printf("%ld: %d %ld %ld\n", change, turn, sums[0], sums[1]);
        CHECK(pthread_barrier_destroy(&barrier) == 0);
        for (int i = 0; i < 4; i++)
            close(pipes[i / 2][i % 2]);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(n[i], NULL) == 0);
    return 0;
}
