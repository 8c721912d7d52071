// Handlers that do not return to the call they have interrupted, and leave by a way that libc knows nothing of: a C++
// exception, and the compiler's own longjmp, as languages with jumps of their own have them. Afterwards the thread
// waits in the same and other calls as if nothing had been, and nobody's clock goes wrong.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

enum { CALLS = 5, ROUNDS = 20 };

struct left {
};
static int pipe_ends[2];
static sem_t sem;
static bool by_exception;
static void *jump[5];
static volatile int waiting;

__attribute__((noreturn, noinline)) static void leave()
{
    __builtin_longjmp(jump, 1);
}

static void handler(int)
{
    if (by_exception)
        throw left();
    leave();
}

static void unblock()
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

static void wait_in(int which)
{
    char c;
    struct timespec t = {5, 0}, until;
    struct pollfd p = {pipe_ends[0], POLLIN, 0};
    waiting = 1;
    switch (which) {
    case 0:
        nanosleep(&t, nullptr);
        break;
    case 1:
        (void)!read(pipe_ends[0], &c, 1);
        break;
    case 2:
        poll(&p, 1, 5000);
        break;
    case 3:
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 5;
        sem_timedwait(&sem, &until);
        break;
    default:
        sleep(5);
    }
    waiting = 0;
    puts("not left");
}

/* Uses the stack where the call was. */
__attribute__((noinline)) static long scribble(int n)
{
    volatile long room[200];
    for (int i = 0; i < 200; i++)
        room[i] = n * i;
    return room[n % 200];
}

__attribute__((noinline)) static int once(int which)
{
    if (by_exception) {
        try {
            wait_in(which);
        } catch (const left &) {
            return 1;
        }
        return 0;
    }
    if (__builtin_setjmp(jump) == 0) {
        wait_in(which);
        return 0;
    }
    return 1;
}

static void *thread(void *)
{
    int count = 0;
    for (int i = 0; i < CALLS * ROUNDS; i++) {
        count += once(i % CALLS);
        waiting = 0;
        scribble(i);
        unblock();
        struct timespec t = {0, 1000 * (i % 7)};
        nanosleep(&t, nullptr);
    }
    printf("left %d times\n", count);
    return nullptr;
}

static void *sleeper(void *stop)
{
    int n = 0;
    while (!*static_cast<volatile bool *>(stop)) {
        struct timespec t = {0, 300000}, a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        nanosleep(&t, nullptr);
        clock_gettime(CLOCK_MONOTONIC, &b);
        if ((b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec < 300000)
            puts("woken early");
        n++;
    }
    return nullptr;
}

int main()
{
    (void)!pipe(pipe_ends);
    sem_init(&sem, 0, 0);
    struct sigaction act = {};
    act.sa_handler = handler;
    sigaction(SIGUSR1, &act, nullptr);
    for (int way = 0; way < 2; way++) {
        static volatile bool stop;
        pthread_t t, s;
        by_exception = way == 1;
        stop = false;
        pthread_create(&s, nullptr, sleeper, const_cast<bool *>(&stop));
        pthread_create(&t, nullptr, thread, nullptr);
        for (int i = 0; i < CALLS * ROUNDS; i++) {
            while (!waiting)
                usleep(100);
            usleep(4000 + rand() % 3000); /* it has begun to wait */
            waiting = 0;
            pthread_kill(t, SIGUSR1);
        }
        pthread_join(t, nullptr);
        stop = true;
        pthread_join(s, nullptr);
        puts(by_exception ? "by exceptions" : "by jumps of the compiler's");
    }
    return 0;
}
