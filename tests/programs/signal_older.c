/* The calls for signals from before sigaction: masks of one word, hold and release, sigset, sigpause, siginterrupt.
 * usage: signal_older THREADS: in main, or in so many threads, one after the other */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #e, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

extern int __sigpause(int, int);
extern int word_sigpause(int) __asm__("sigpause"); /* the old one, with a mask */

static volatile sig_atomic_t handled;

static void handler(int sig)
{
    handled++;
}

static int held(int sig)
{
    sigset_t now;
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0);
    return sigismember(&now, sig);
}

static void masks(void)
{
    int usr1 = 1 << (SIGUSR1 - 1), usr2 = 1 << (SIGUSR2 - 1), n = handled;
    CHECK(siggetmask() == 0);
    CHECK(sigblock(usr1) == 0 && siggetmask() == usr1 && held(SIGUSR1));
    CHECK(raise(SIGUSR1) == 0 && handled == n);
    CHECK(sigblock(usr2) == usr1 && siggetmask() == (usr1 | usr2));
    CHECK(sigsetmask(usr2) == (usr1 | usr2) && handled == n + 1 && !held(SIGUSR1) && held(SIGUSR2));
    CHECK(sigsetmask(0) == usr2 && siggetmask() == 0);
    CHECK(sighold(SIGUSR1) == 0 && held(SIGUSR1) && raise(SIGUSR1) == 0 && handled == n + 1);
    CHECK(sigrelse(SIGUSR1) == 0 && !held(SIGUSR1) && handled == n + 2);
    errno = 0;
    CHECK(sighold(0) == -1 && errno == EINVAL && sigrelse(65) == -1 && sigignore(-1) == -1);
}

static void sets(void)
{
    struct sigaction a;
    int n = handled;
    CHECK(sigset(SIGUSR2, handler) == SIG_DFL);
    CHECK(raise(SIGUSR2) == 0 && handled == n + 1);
    CHECK(sigset(SIGUSR2, SIG_HOLD) == handler && held(SIGUSR2));
    CHECK(sigset(SIGUSR2, SIG_HOLD) == SIG_HOLD);
    CHECK(raise(SIGUSR2) == 0 && handled == n + 1);
    CHECK(sigset(SIGUSR2, handler) == SIG_HOLD && handled == n + 2 && !held(SIGUSR2));
    CHECK(sigaction(SIGUSR2, NULL, &a) == 0 && a.sa_handler == handler && a.sa_flags % 0x1000000 == 0);
    CHECK(sigignore(SIGUSR2) == 0 && raise(SIGUSR2) == 0 && handled == n + 2);
    CHECK(sigaction(SIGUSR2, NULL, &a) == 0 && a.sa_handler == SIG_IGN);
    CHECK(sigset(SIGUSR2, SIG_DFL) == SIG_IGN);
    errno = 0;
    CHECK(signal(SIGUSR2, SIG_ERR) == SIG_ERR && errno == EINVAL);
    CHECK(sigset(SIGKILL, handler) == SIG_ERR && sigset(99, handler) == SIG_ERR);
}

static int restarts(int sig)
{
    struct sigaction a;
    CHECK(sigaction(sig, NULL, &a) == 0);
    return (a.sa_flags & SA_RESTART) != 0;
}

static void interrupts(void)
{
    CHECK(signal(SIGALRM, handler) != SIG_ERR && restarts(SIGALRM));
    CHECK(siginterrupt(SIGALRM, 1) == 0 && !restarts(SIGALRM));
    CHECK(signal(SIGALRM, handler) == handler && !restarts(SIGALRM));
    CHECK(siginterrupt(SIGALRM, 0) == 0 && restarts(SIGALRM));
    CHECK(signal(SIGALRM, handler) == handler && restarts(SIGALRM));
    errno = 0;
    CHECK(siginterrupt(0, 1) == -1 && errno == EINVAL);
}

/* The signal comes for sure only inside the wait. */
static void pauses(void)
{
    int usr1 = 1 << (SIGUSR1 - 1), n = handled;
    CHECK(sigblock(usr1) == 0 && raise(SIGUSR1) == 0);
    errno = 0;
    CHECK(word_sigpause(0) == -1 && errno == EINTR && handled == n + 1 && held(SIGUSR1));
    CHECK(raise(SIGUSR1) == 0);
    CHECK(sigpause(SIGUSR1) == -1 && errno == EINTR && handled == n + 2 && held(SIGUSR1)); /* X/Open's */
    CHECK(raise(SIGUSR1) == 0);
    CHECK(__sigpause(SIGUSR1, 1) == -1 && handled == n + 3);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(__sigpause(0, 0) == -1 && handled == n + 4 && held(SIGUSR1));
    CHECK(sigsetmask(0) == usr1);
    struct itimerval soon = {.it_value.tv_usec = 20000};
    CHECK(signal(SIGALRM, handler) == handler && setitimer(ITIMER_REAL, &soon, NULL) == 0);
    n = handled;
    while (handled == n)
        CHECK(word_sigpause(0) == -1 && errno == EINTR);
}

static void *work(void *unused)
{
    CHECK(signal(SIGUSR1, handler) != SIG_ERR);
    masks();
    sets();
    interrupts();
    pauses();
    return NULL;
}

int main(int argc, char **argv)
{
    int n = atoi(argv[1]);
    if (n == 0)
        work(NULL);
    for (int i = 0; i < n; i++) {
        pthread_t t;
        sigset_t some;
        sigemptyset(&some);
        sigaddset(&some, SIGALRM); /* which thread takes it is open: here only the new one */
        CHECK(pthread_create(&t, NULL, work, NULL) == 0);
        CHECK(pthread_sigmask(SIG_BLOCK, &some, NULL) == 0);
        CHECK(pthread_join(t, NULL) == 0);
        CHECK(pthread_sigmask(SIG_UNBLOCK, &some, NULL) == 0);
    }
    printf("handled %d\n", (int)handled);
    return 0;
}
