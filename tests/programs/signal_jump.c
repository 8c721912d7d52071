/* Jumps within threads, and out of a handler that interrupted a wait: the wait is over, the mask is the saved one, and
   the thread waits again as if nothing had been. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 4, ROUNDS = 20 };

static __thread sigjmp_buf out;
static sem_t ready[THREADS];
static int pipes[2];

static void handler(int sig)
{
    siglongjmp(out, sig);
}

static void blocks(int n)
{
    char c;
    struct timespec far = {1000, 0};
    struct pollfd p = {.fd = pipes[0], .events = POLLIN};
    switch (n) {
    case 0:
        read(pipes[0], &c, 1);
        break;
    case 1:
        nanosleep(&far, NULL);
        break;
    case 2:
        poll(&p, 1, -1);
        break;
    case 3:
        pause();
        break;
    }
}

static void *jumps_out(void *arg)
{
    long n = (long)arg;
    volatile int jumped = 0;
    sigset_t set;
    for (int i = 0; i < ROUNDS; i++) {
        if (sigsetjmp(out, 1) == 0) {
            sem_post(&ready[n]);
            blocks(n);
            CHECK(!"a wait came to its end");
        }
        jumped++;
        CHECK(pthread_sigmask(SIG_BLOCK, NULL, &set) == 0);
        CHECK(!sigismember(&set, SIGUSR1));
        usleep(100);
    }
    return (void *)(long)jumped;
}

static jmp_buf plain[THREADS];

static __attribute__((noinline)) void deep(int n, int depth, int value)
{
    volatile char frame[200];
    memset((char *)frame, depth, sizeof frame);
    sched_yield();
    if (depth == 0) {
        if (value % 2)
            longjmp(plain[n], value);
        _longjmp(plain[n], value);
    }
    deep(n, depth - 1, value);
    frame[0]++;
}

static void *jumps_inside(void *arg)
{
    int n = (int)(long)arg;
    volatile int next = 1;
    for (;;) {
        int value = setjmp(plain[n]);
        CHECK(value == 0 || value == next - 1);
        if (next > ROUNDS)
            return NULL;
        deep(n, 5, next++);
    }
}

int main(void)
{
    pthread_t t[THREADS];
    void *r;
    char c = 'x';
    CHECK(pipe(pipes) == 0);
    CHECK(signal(SIGUSR1, handler) != SIG_ERR);
    for (int i = 0; i < THREADS; i++)
        CHECK(sem_init(&ready[i], 0, 0) == 0);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, jumps_out, (void *)i) == 0);
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < THREADS; i++) {
            CHECK(sem_wait(&ready[i]) == 0);
            usleep(500);
            CHECK(pthread_kill(t[i], SIGUSR1) == 0);
        }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(t[i], &r) == 0);
        CHECK(r == (void *)ROUNDS);
    }
    CHECK(write(pipes[1], &c, 1) == 1 && read(pipes[0], &c, 1) == 1);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, jumps_inside, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    puts("ok");
    return 0;
}
