/* sigsetjmp saves the thread's mask and siglongjmp gives it back, also without a handler: filled before there are threads or
   after, jumped to once and again, by macro and by function. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* The function of that name, which saves the mask. */
extern int setjmp_function(jmp_buf env) __asm__("setjmp") __attribute__((returns_twice));

static volatile int stop;

static void change(int how, int sig)
{
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, sig);
    CHECK(pthread_sigmask(how, &s, NULL) == 0);
}

static int blocked(int sig)
{
    sigset_t s;
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &s) == 0);
    return sigismember(&s, sig);
}

static void show(const char *what)
{
    printf("%s: %d%d%d\n", what, blocked(SIGUSR1), blocked(SIGUSR2), blocked(SIGHUP));
}

static void other_mask(void)
{
    change(SIG_UNBLOCK, SIGUSR1);
    change(SIG_BLOCK, SIGUSR2);
    usleep(1000);
}

static void all(void)
{
    sigjmp_buf env;
    for (volatile int kind = 0; kind < 3; kind++) {
        change(SIG_BLOCK, SIGUSR1);
        change(SIG_UNBLOCK, SIGUSR2);
        volatile int n = 0;
        if (kind == 2)
            setjmp_function(env);
        else
            sigsetjmp(env, kind);
        show(kind == 2 ? "by function" : kind == 1 ? "saved" : "not saved");
        if (n++ < 2) {
            other_mask();
            siglongjmp(env, 1);
        }
    }
}

static void *runs(void *arg)
{
    all();
    return NULL;
}

static void *idle(void *arg)
{
    while (!stop)
        usleep(1000);
    return NULL;
}

int main(void)
{
    pthread_t t, i;
    static sigjmp_buf early;
    volatile int n = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    change(SIG_BLOCK, SIGHUP);
    sigsetjmp(early, 1);
    if (n == 0)
        CHECK(pthread_create(&i, NULL, idle, NULL) == 0);
    show("from before");
    if (n++ < 2) {
        change(SIG_UNBLOCK, SIGHUP);
        other_mask();
        siglongjmp(early, 1);
    }
    CHECK(pthread_create(&t, NULL, runs, NULL) == 0 && pthread_join(t, NULL) == 0);
    all();
    stop = 1;
    CHECK(pthread_join(i, NULL) == 0);
    return 0;
}
