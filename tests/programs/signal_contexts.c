/* Contexts in threads: their masks, arguments, floating-point modes; coroutines that wait, with signals coming; what comes
   after the last one. */
#define _GNU_SOURCE
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 4, COROUTINES = 5, ROUNDS = 40, SIZE = 64 << 10 };
static volatile int stop;
static volatile sig_atomic_t handled;
static __thread ucontext_t back, there;
static __thread int steps;

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

static void other(int a, int b, int c, int d, int e, int f, int g, int h, int i)
{
    printf("%d %d %d %d %d %d %d %d %d, aligned %d\n", a, b, c, d, e, f, g, h, i,
           (int)((unsigned long)__builtin_frame_address(0) % 16));
    show("there");
    change(SIG_BLOCK, SIGHUP);
    fesetround(FE_UPWARD);
    swapcontext(&there, &back);
    show("there again");
    CHECK(fegetround() == FE_UPWARD);
    steps++;
}

static void masks(void)
{
    char *stack = malloc(SIZE);
    ucontext_t here;
    volatile int n = 0;
    steps = 0;
    change(SIG_BLOCK, SIGUSR1);
    change(SIG_UNBLOCK, SIGUSR2);
    CHECK(getcontext(&here) == 0);
    show("got");
    printf("in it %d%d\n", sigismember(&here.uc_sigmask, SIGUSR1), sigismember(&here.uc_sigmask, SIGUSR2));
    if (n++ < 2) {
        change(SIG_UNBLOCK, SIGUSR1);
        change(SIG_BLOCK, SIGUSR2);
        setcontext(&here);
    }
    CHECK(getcontext(&there) == 0);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = SIZE;
    there.uc_link = &back;
    sigaddset(&there.uc_sigmask, SIGUSR2);
    makecontext(&there, (void (*)(void))other, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    CHECK(swapcontext(&back, &there) == 0);
    show("back");
    CHECK(fegetround() == FE_TONEAREST);
    usleep(1000);
    CHECK(swapcontext(&back, &there) == 0);
    show("back for good");
    CHECK(steps == 1 && fegetround() == FE_TONEAREST);
    change(SIG_UNBLOCK, SIGUSR1);
    free(stack);
}

/* ---- a scheduler of the program's own in each thread ---- */

struct coroutine {
    ucontext_t context, *scheduler;
    int number, at, done;
};

static void runs(unsigned high, unsigned low)
{
    struct coroutine *c = (void *)((unsigned long)high << 32 | low);
    double x = 1;
    for (c->at = 0; c->at < ROUNDS; c->at++) {
        change(c->number & 1 ? SIG_BLOCK : SIG_UNBLOCK, SIGUSR2);
        x = x / 3 + c->number;
        if ((c->at + c->number) % 7 == 0)
            usleep(200);
        swapcontext(&c->context, c->scheduler);
        CHECK(blocked(SIGUSR2) == (c->number & 1));
    }
    CHECK(x > c->number);
    c->done = 1;
}

static void *schedules(void *arg)
{
    struct coroutine c[COROUTINES];
    ucontext_t scheduler;
    int left = COROUTINES;
    memset(c, 0, sizeof c);
    for (int i = 0; i < COROUTINES; i++) {
        unsigned long p = (unsigned long)&c[i];
        c[i].number = i + 1;
        c[i].scheduler = &scheduler;
        CHECK(getcontext(&c[i].context) == 0);
        CHECK((c[i].context.uc_stack.ss_sp = malloc(SIZE)) != NULL);
        c[i].context.uc_stack.ss_size = SIZE;
        c[i].context.uc_link = &scheduler;
        makecontext(&c[i].context, (void (*)(void))runs, 2, (unsigned)(p >> 32), (unsigned)p);
    }
    while (left > 0)
        for (int i = 0; i < COROUTINES; i++)
            if (!c[i].done) {
                CHECK(swapcontext(&scheduler, &c[i].context) == 0);
                left -= c[i].done;
                CHECK(!blocked(SIGUSR2));
            }
    for (int i = 0; i < COROUTINES; i++)
        free(c[i].context.uc_stack.ss_sp);
    return arg;
}

static void on_signal(int sig)
{
    handled++;
}

static void *one(void *arg)
{
    masks();
    return NULL;
}

static void *idle(void *arg)
{
    while (!stop)
        usleep(1000);
    return NULL;
}

static void last(void)
{
    puts("the last context has no link: exit");
}

static void *ends(void *arg)
{
    ucontext_t c;
    CHECK(getcontext(&c) == 0);
    c.uc_stack.ss_sp = malloc(SIZE);
    c.uc_stack.ss_size = SIZE;
    c.uc_link = NULL;
    makecontext(&c, last, 0);
    setcontext(&c);
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS], other;
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGUSR1, on_signal);
    signal(SIGUSR2, on_signal);
    masks(); /* before there are threads */
    CHECK(pthread_create(&other, NULL, idle, NULL) == 0);
    CHECK(pthread_create(&t[0], NULL, one, NULL) == 0 && pthread_join(t[0], NULL) == 0);
    masks();
    change(SIG_UNBLOCK, SIGHUP);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, schedules, NULL) == 0);
    for (int i = 0; i < 50; i++) {
        pthread_kill(t[i % THREADS], i % 2 ? SIGUSR1 : SIGUSR2);
        usleep(300);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(handled > 0);
    int was = handled; /* nobody is left who blocks it */
    kill(getpid(), SIGUSR2);
    for (int i = 0; i < 3000 && handled == was; i++)
        usleep(1000);
    CHECK(handled == was + 1);
    stop = 1;
    CHECK(pthread_join(other, NULL) == 0);
    CHECK(pthread_create(&other, NULL, ends, NULL) == 0);
    pthread_join(other, NULL);
    return 1;
}
