/* Threads that run coroutines of their own in turns, by a handler that swaps contexts whatever the coroutine waits in
   just then; the waits of one are over, begun again and ended while those of the others go on. At random times, many
   rounds. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 2, COROUTINES = 4, ROUNDS = 100, SIZE = 128 << 10 };

struct coroutine {
    ucontext_t context;
    int done;
};
static __thread struct coroutine all[COROUTINES];
static __thread int current;
static __thread ucontext_t home;
static __thread volatile int running;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t sem;
static int fds[2], inside, finished, sums[COROUTINES];

/* The next that has not ended; -1: none. */
static int next(void)
{
    for (int i = 1; i <= COROUTINES; i++)
        if (!all[(current + i) % COROUTINES].done)
            return (current + i) % COROUTINES;
    return -1;
}

static void swaps(int sig)
{
    int saved = errno, before = current, to = running ? next() : current;
    if (to != before) {
        current = to;
        CHECK(swapcontext(&all[before].context, &all[to].context) == 0);
    }
    errno = saved;
}

static void locks(void)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    CHECK(inside++ == 0);
    usleep(20);
    inside--;
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

static void counts(void)
{
    while (sem_wait(&sem) < 0)
        CHECK(errno == EINTR);
    usleep(10);
    CHECK(sem_post(&sem) == 0);
}

static void reads(void)
{
    char c;
    long n;
    while ((n = read(fds[0], &c, 1)) < 0)
        CHECK(errno == EINTR);
    CHECK(n == 1 && write(fds[1], &c, 1) == 1);
}

static void sleeps(void)
{
    struct timespec t = {0, 100000};
    nanosleep(&t, NULL);
}

static void (*const work[COROUTINES])(void) = {locks, counts, reads, sleeps};

static void block(int how)
{
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGUSR1);
    CHECK(pthread_sigmask(how, &s, NULL) == 0);
}

/* It begins with the signal blocked: a handler on the way to it would take its place. */
static void body(int number)
{
    block(SIG_UNBLOCK);
    for (int i = 0; i < ROUNDS; i++) {
        work[number]();
        __atomic_fetch_add(&sums[number], 1, __ATOMIC_SEQ_CST);
    }
    block(SIG_BLOCK);
    all[number].done = 1;
    int to = next();
    if (to < 0)
        setcontext(&home);
    current = to;
    setcontext(&all[to].context);
}

static void *thread(void *arg)
{
    volatile int back = 0;
    block(SIG_BLOCK);
    for (int i = 0; i < COROUTINES; i++) {
        CHECK(getcontext(&all[i].context) == 0);
        all[i].context.uc_stack.ss_sp = malloc(SIZE);
        all[i].context.uc_stack.ss_size = SIZE;
        all[i].context.uc_link = NULL;
        makecontext(&all[i].context, (void (*)(void))body, 1, i);
    }
    CHECK(getcontext(&home) == 0);
    if (!back) {
        back = running = 1;
        setcontext(&all[0].context);
    }
    running = 0;
    __atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
    return arg;
}

int main(void)
{
    struct sigaction act = {.sa_handler = swaps, .sa_flags = SA_RESTART};
    pthread_t t[THREADS];
    unsigned seed = 5;
    setbuf(stdout, NULL);
    alarm(40);
    CHECK(pipe(fds) == 0 && write(fds[1], "a", 1) == 1 && sem_init(&sem, 0, 1) == 0);
    sigaction(SIGUSR1, &act, NULL);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, thread, NULL) == 0);
    while (__atomic_load_n(&finished, __ATOMIC_SEQ_CST) < THREADS) {
        CHECK(pthread_kill(t[rand_r(&seed) % THREADS], SIGUSR1) == 0);
        usleep(rand_r(&seed) % 200);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    for (int i = 0; i < COROUTINES; i++)
        printf("%d ", sums[i]);
    puts("ok");
    return 0;
}
