/* Every name under which libc offers to set a handler, to send to a thread and to wait: they do the same in a thread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

typedef void (*handler_t)(int);
extern handler_t bsd_signal(int, handler_t), ssignal(int, handler_t), sysv_signal(int, handler_t),
    __sysv_signal(int, handler_t);
extern int gsignal(int), __sigaction(int, const struct sigaction *, struct sigaction *), __sigsuspend(const sigset_t *);

static volatile sig_atomic_t handled;
static sem_t ready;
static volatile pid_t tid;
static pthread_t target;

static void handler(int sig)
{
    CHECK(pthread_equal(pthread_self(), target));
    handled++;
}

static handler_t disposition(void)
{
    struct sigaction a;
    CHECK(__sigaction(SIGUSR1, NULL, &a) == 0);
    return a.sa_handler;
}

static void *sets(void *arg)
{
    struct sigaction a;
    int n = 0;
    target = pthread_self();
    CHECK(bsd_signal(SIGUSR1, handler) == SIG_DFL);
    CHECK(gsignal(SIGUSR1) == 0 && handled == ++n);
    CHECK(disposition() == handler);
    CHECK(ssignal(SIGUSR1, handler) == handler);
    CHECK(raise(SIGUSR1) == 0 && handled == ++n);
    CHECK(disposition() == handler);
    CHECK(sysv_signal(SIGUSR1, handler) == handler);
    CHECK(gsignal(SIGUSR1) == 0 && handled == ++n);
    CHECK(disposition() == SIG_DFL); /* once only */
    CHECK(__sysv_signal(SIGUSR1, handler) == SIG_DFL);
    CHECK(tgkill(getpid(), gettid(), SIGUSR1) == 0 && handled == ++n);
    CHECK(disposition() == SIG_DFL);
    memset(&a, 0, sizeof a);
    a.sa_handler = handler;
    CHECK(__sigaction(SIGUSR1, &a, NULL) == 0);
    CHECK(raise(SIGUSR1) == 0 && handled == ++n);
    CHECK(bsd_signal(SIGKILL, handler) == SIG_ERR && errno == EINVAL);
    CHECK(tgkill(getpid(), gettid(), 12345) == -1 && errno == EINVAL);
    CHECK(tgkill(getpid(), -1, SIGUSR1) == -1 && errno == EINVAL);
    return NULL;
}

/* Blocks the signal and lets it in only inside the wait. */
static void *waits(void *which)
{
    sigset_t set, none, old;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    target = pthread_self();
    CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0);
    CHECK(!sigismember(&old, SIGUSR1));
    tid = gettid();
    int before = handled;
    sem_post(&ready);
    CHECK((which ? __sigsuspend(&none) : sigsuspend(&none)) == -1 && errno == EINTR);
    CHECK(handled == before + 1);
    CHECK(sigprocmask(SIG_SETMASK, &old, &set) == 0);
    CHECK(sigismember(&set, SIGUSR1));
    return NULL;
}

int main(void)
{
    pthread_t t;
    CHECK(sem_init(&ready, 0, 0) == 0);
    CHECK(pthread_create(&t, NULL, sets, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    for (long i = 0; i < 6; i++) {
        CHECK(pthread_create(&t, NULL, waits, (void *)(i % 2)) == 0);
        CHECK(sem_wait(&ready) == 0);
        if (i % 3 == 0)
            usleep(1000);
        CHECK(tgkill(getpid(), tid, SIGUSR1) == 0);
        CHECK(pthread_join(t, NULL) == 0);
    }
    printf("%d\n", (int)handled);
    return 0;
}
