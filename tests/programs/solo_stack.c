/*
 * Alternate signal stacks: a handler runs on one during a blocking call, also one that reads there itself; a stack
 * overflow is caught on it and left by siglongjmp; handlers nest and their order is the kernel's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static char *stack;
enum { SIZE = 65536 };
static int p[2], q[2], on_it, nested;
static sigjmp_buf out;

static int here(void)
{
    char c;
    return (char *)&c >= stack && (char *)&c < stack + SIZE;
}

static void on_usr1(int sig)
{
    nested++;
}

static void on_alarm(int sig, siginfo_t *info, void *context)
{
    int saved = errno;
    char c;
    stack_t now;
    CHECK(sig == SIGALRM && info->si_signo == SIGALRM);
    CHECK(sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_ONSTACK));
    CHECK(sigaltstack(&now, NULL) == -1 && errno == EPERM);
    on_it += here();
    raise(SIGUSR1);
    /* A blocking call in the handler, with what it waits for there. */
    CHECK(write(q[1], "q", 1) == 1 && read(q[0], &c, 1) == 1);
    CHECK(write(p[1], "p", 1) == 1);
    errno = saved;
}

static int deeper(int n)
{
    volatile char c[4096];
    c[0] = n;
    return deeper(n + 1) + c[0];
}

static void on_segv(int sig)
{
    siglongjmp(out, here() ? 1 : 2);
}

int main(void)
{
    struct sigaction act = {.sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t alt = {.ss_size = SIZE};
    char c;
    CHECK((stack = alt.ss_sp = malloc(SIZE)) != NULL && sigaltstack(&alt, NULL) == 0);
    CHECK(pipe(p) == 0 && pipe(q) == 0);
    signal(SIGUSR1, on_usr1);
    for (int restart = 0; restart < 2; restart++) {
        act.sa_flags = SA_SIGINFO | SA_ONSTACK | (restart ? SA_RESTART : 0);
        CHECK(sigaction(SIGALRM, &act, NULL) == 0);
        for (int i = 0; i < 5; i++) {
            struct itimerval soon = {{0, 0}, {0, 10000}};
            CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
            if (restart)
                CHECK(read(p[0], &c, 1) == 1);
            else {
                CHECK(read(p[0], &c, 1) == -1 && errno == EINTR);
                CHECK(read(p[0], &c, 1) == 1);
            }
        }
    }
    CHECK(on_it == 10 && nested == 10 && !here());

    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    act.sa_handler = on_segv;
    act.sa_flags = SA_ONSTACK;
    CHECK(sigaction(SIGSEGV, &act, NULL) == 0);
    volatile int caught = 0;
    for (volatile int i = 0; i < 3; i++) {
        int how = sigsetjmp(out, 1);
        if (how == 0)
            deeper(0);
        CHECK(how == 1);
        caught++;
    }
    CHECK(write(p[1], "p", 1) == 1 && read(p[0], &c, 1) == 1);
    CHECK(sigaltstack(NULL, &alt) == 0 && alt.ss_sp == stack && !(alt.ss_flags & SS_ONSTACK));
    printf("on the alternate stack %d times, overflow caught %d times\n", on_it, caught);
    return 0;
}
