/* Alternate signal stacks, each thread its own. Argument: what to show. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (errno %d)\n", __FILE__, __LINE__, #e, errno);                                       \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

enum { THREADS = 6, SIZE = 64 << 10 };

struct one {
    pthread_t thread;
    int number, in[2], out[2];
    char *stack;
    volatile int handled, where; /* 1: its alternate stack, 2: another's, 3: elsewhere */
    volatile int waits, jumps;
    sigjmp_buf env;
};
static struct one all[THREADS];
static __thread struct one *me;
static volatile int stop;

static int on(const struct one *o, const void *p)
{
    return o->stack != NULL && (uintptr_t)p - (uintptr_t)o->stack < SIZE;
}

static void look(const void *p)
{
    me->where = 3;
    for (int i = 0; i < THREADS; i++)
        if (on(&all[i], p))
            me->where = &all[i] == me ? 1 : 2;
}

static void set_stack(int flags)
{
    stack_t s = {.ss_size = SIZE, .ss_flags = flags};
    CHECK((s.ss_sp = me->stack = malloc(SIZE)) != NULL);
    CHECK(sigaltstack(&s, NULL) == 0);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    stack_t now;
    char c;
    look(&c);
    CHECK(sigaltstack(NULL, &now) == 0);
    if (me->where == 1) {
        CHECK(now.ss_flags == SS_ONSTACK && now.ss_sp == me->stack && now.ss_size == SIZE);
        CHECK(uc->uc_stack.ss_sp == me->stack && uc->uc_stack.ss_size == SIZE);
        errno = 0;
        CHECK(sigaltstack(&now, NULL) == -1 && errno == EPERM);
    }
    if (me->waits)
        CHECK(write(me->out[1], "h", 1) == 1 && read(me->in[0], &c, 1) == 1);
    me->handled++;
    if (me->jumps)
        siglongjmp(me->env, 1);
    if (me->out[1] != 0)
        CHECK(write(me->out[1], "d", 1) == 1);
}

static void handle(int sig, int flags)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_sigaction = on_signal;
    a.sa_flags = SA_SIGINFO | flags;
    CHECK(sigaction(sig, &a, NULL) == 0);
}

static void start(struct one *o, void *(*fn)(void *))
{
    o->number = (int)(o - all);
    CHECK(pipe(o->in) == 0 && pipe(o->out) == 0);
    CHECK(pthread_create(&o->thread, NULL, fn, o) == 0);
}

static void step(int fd)
{
    char c;
    CHECK(read(fd, &c, 1) == 1);
}

/* ---- parked threads, handlers that return, wait and jump ---- */

static void *parked(void *arg)
{
    stack_t now;
    char c;
    me = arg;
    CHECK(sigaltstack(NULL, &now) == 0 && now.ss_flags == SS_DISABLE && now.ss_size == 0);
    if (me->number != 0) /* one has none */
        set_stack(0);
    CHECK(write(me->out[1], "r", 1) == 1);
    for (;;) {
        if (sigsetjmp(me->env, 1) != 0)
            CHECK(write(me->out[1], "j", 1) == 1);
        ssize_t n = read(me->in[0], &c, 1);
        if (n == 1 && c == 'q')
            return NULL;
        CHECK(n == -1 && errno == EINTR);
    }
}

static void show_parked(void)
{
    handle(SIGUSR1, SA_ONSTACK);
    for (int i = 0; i < THREADS; i++) {
        start(&all[i], parked);
        step(all[i].out[0]);
    }
    for (int jumps = 0; jumps < 2; jumps++)
        for (int waits = 0; waits < 2; waits++)
            for (int round = 0; round < 3; round++) {
                for (int i = 0; i < THREADS; i++) {
                    all[i].jumps = jumps;
                    all[i].waits = waits;
                    CHECK(pthread_kill(all[i].thread, SIGUSR1) == 0);
                }
                if (waits) { /* all of them are inside their handlers */
                    for (int i = 0; i < THREADS; i++)
                        step(all[i].out[0]);
                    for (int i = THREADS - 1; i >= 0; i--)
                        CHECK(write(all[i].in[1], "x", 1) == 1);
                }
                for (int i = 0; i < THREADS; i++)
                    step(all[i].out[0]);
                printf("jumps %d waits %d:", jumps, waits);
                for (int i = 0; i < THREADS; i++)
                    printf(" %d:%d", all[i].handled, all[i].where);
                puts("");
            }
    for (int i = 0; i < THREADS; i++) {
        CHECK(write(all[i].in[1], "q", 1) == 1);
        CHECK(pthread_join(all[i].thread, NULL) == 0);
    }
}

/* ---- stacks that overflow ---- */

static volatile sig_atomic_t depth;

static __attribute__((noinline)) long deeper(long n)
{
    volatile char frame[500];
    frame[n % 500] = (char)n;
    depth++;
    return deeper(n + 1) + frame[(n + 1) % 500];
}

static void *overflows(void *arg)
{
    me = arg;
    set_stack(me->number % 2 ? 0 : (int)(1u << 31)); /* SS_AUTODISARM */
    me->jumps = 1;
    for (volatile int n = 0; n < 20; n++) {
        if (sigsetjmp(me->env, 1) == 0)
            deeper(0);
        if (me->number % 2 == 0) { /* it was disarmed, and no return has armed it again */
            stack_t s;
            CHECK(sigaltstack(NULL, &s) == 0 && s.ss_flags == SS_DISABLE);
            s = (stack_t){.ss_sp = me->stack, .ss_size = SIZE, .ss_flags = (int)(1u << 31)};
            CHECK(sigaltstack(&s, NULL) == 0);
        }
        usleep(100);
    }
    return NULL;
}

static void on_segv(int sig, siginfo_t *info, void *context)
{
    char c;
    look(&c);
    me->handled++;
    usleep(50); /* others run, on their alternate stacks, too */
    siglongjmp(me->env, 1);
}

static void show_overflow(void)
{
    pthread_attr_t a;
    struct sigaction act;
    memset(&act, 0, sizeof act);
    act.sa_sigaction = on_segv;
    act.sa_flags = SA_SIGINFO | SA_ONSTACK;
    CHECK(sigaction(SIGSEGV, &act, NULL) == 0);
    CHECK(pthread_attr_init(&a) == 0 && pthread_attr_setstacksize(&a, 256 << 10) == 0);
    for (int i = 0; i < THREADS; i++) {
        all[i].number = i;
        CHECK(pthread_create(&all[i].thread, &a, overflows, &all[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(all[i].thread, NULL) == 0);
        printf("%d: %d overflows, %d\n", i, all[i].handled, all[i].where);
    }
}

/* ---- interrupted while they compute: nothing of the registers is lost ---- */

static double sum(int n)
{
    double a = 0, b = 1;
    for (int i = 1; i < n; i++) {
        a += b / i;
        b = -b * 1.0000001;
    }
    return a;
}

static void on_timer(int sig, siginfo_t *info, void *context)
{
    char c;
    volatile double x = 3, y = x / 7;
    me->handled++;
    look(&c);
    CHECK(me->where == (me->stack != NULL ? 1 : 3) && y < x);
    if (me->handled % 4 == 0)
        usleep(10);
}

static void *computes(void *arg)
{
    sigset_t s;
    me = arg;
    set_stack(0);
    sigemptyset(&s);
    sigaddset(&s, SIGALRM);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &s, NULL) == 0);
    double first = sum(20000);
    for (int n = 0; !stop; n++) {
        CHECK(sum(20000) == first);
        if (n % 50 == me->number)
            sched_yield();
    }
    return NULL;
}

static void show_registers(void)
{
    struct itimerval tick = {{0, 500}, {0, 500}}, none = {{0, 0}, {0, 0}};
    struct sigaction a;
    sigset_t s;
    long handled = 0;
    static struct one self;
    me = &self;
    memset(&a, 0, sizeof a);
    a.sa_sigaction = on_timer;
    a.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    CHECK(sigaction(SIGALRM, &a, NULL) == 0);
    sigemptyset(&s);
    sigaddset(&s, SIGALRM);
    CHECK(pthread_sigmask(SIG_BLOCK, &s, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        start(&all[i], computes);
    CHECK(setitimer(ITIMER_REAL, &tick, NULL) == 0);
    for (int i = 0; i < 300; i++) {
        usleep(1000);
        pthread_kill(all[i % THREADS].thread, SIGALRM);
    }
    CHECK(setitimer(ITIMER_REAL, &none, NULL) == 0);
    stop = 1;
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(all[i].thread, NULL) == 0);
        handled += all[i].handled;
    }
    CHECK(handled >= 30);
    puts("no register was lost");
}

/* ---- errors, fork, a kernel thread of its own ---- */

static void fork_and_look(void)
{
    stack_t s;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        CHECK(sigaltstack(NULL, &s) == 0 && s.ss_sp == me->stack && s.ss_size == SIZE);
        CHECK((s.ss_flags == SS_ONSTACK) == me->waits);
        if (!me->waits) {
            CHECK(raise(SIGUSR1) == 0);
            CHECK(me->where == 1);
        }
        _exit(7);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void forks(int sig)
{
    char c;
    look(&c);
    CHECK(me->where == 1);
    me->waits = 1;
    fork_and_look();
    me->waits = 0;
}

static void *odd(void *arg)
{
    stack_t s = {.ss_sp = arg, .ss_size = 2047}, was;
    struct sigaction a;
    cpu_set_t cpus;
    me = arg;
    CHECK(sigaltstack(&s, NULL) == -1 && errno == ENOMEM);
    s.ss_flags = 77;
    CHECK(sigaltstack(&s, NULL) == -1 && errno == EINVAL);
    CHECK(sigaltstack((void *)8, NULL) == -1 && errno == EFAULT);
    CHECK(sigaltstack(NULL, (void *)8) == -1 && errno == EFAULT);
    CHECK(sigaltstack(NULL, NULL) == 0);
    set_stack(0);
    CHECK(sigaltstack(NULL, &was) == 0 && was.ss_flags == 0 && was.ss_sp == me->stack);
    fork_and_look();
    memset(&a, 0, sizeof a);
    a.sa_handler = forks;
    a.sa_flags = SA_ONSTACK;
    CHECK(sigaction(SIGUSR2, &a, NULL) == 0);
    CHECK(raise(SIGUSR2) == 0);
    CPU_ZERO(&cpus);
    CHECK(sched_getaffinity(0, sizeof cpus, &cpus) == 0 && sched_setaffinity(0, sizeof cpus, &cpus) == 0);
    CHECK(raise(SIGUSR1) == 0 && me->where == 1);
    s = (stack_t){.ss_flags = SS_DISABLE};
    CHECK(sigaltstack(&s, &was) == 0 && was.ss_sp == me->stack);
    CHECK(raise(SIGUSR1) == 0 && me->where == 3);
    puts("errors, fork and a kernel thread of its own");
    return NULL;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(argv[1], "parked") == 0)
        show_parked();
    if (strcmp(argv[1], "overflow") == 0)
        show_overflow();
    if (strcmp(argv[1], "registers") == 0)
        show_registers();
    if (strcmp(argv[1], "odd") == 0) {
        handle(SIGUSR1, SA_ONSTACK);
        start(&all[0], odd);
        CHECK(pthread_join(all[0].thread, NULL) == 0);
    }
    return 0;
}
