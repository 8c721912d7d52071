/* Faults in threads that have a handler: it repairs and returns, changes a register, or jumps out; in the program's code and
   in libc's; while the other threads wait. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (errno %d)\n", __FILE__, __LINE__, #e, errno);                                       \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

enum { THREADS = 5, ROUNDS = 30, PAGE = 4096 };

enum what { REPAIR, SKIP, JUMP };
static __thread volatile enum what mode;
static __thread sigjmp_buf env;
static __thread volatile int faults, last_sig, last_code;
static __thread char *volatile page, *volatile last_addr;
static volatile int stop;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    faults++;
    last_sig = sig;
    last_code = info->si_code;
    last_addr = info->si_addr;
    if (mode == REPAIR)
        CHECK(mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0);
    else if (mode == SKIP)
        uc->uc_mcontext.gregs[REG_RIP] += 3; /* movb %al, (%rdi) is two, a nop behind it */
    else
        siglongjmp(env, sig);
}

static __attribute__((noinline)) void store(char *at, char c)
{
    __asm__ volatile("movb %%al, (%%rdi)\n\tnop\n\tnop" : : "D"(at), "a"(c) : "memory");
}

static void *falls(void *arg)
{
    char none[PAGE];
    sigset_t s;
    CHECK((page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
    memset(none, 7, sizeof none);
    for (volatile int i = 0; i < ROUNDS; i++) {
        mode = REPAIR;
        CHECK(mprotect(page, PAGE, PROT_NONE) == 0);
        store(page + 5, (char)i);
        CHECK(page[5] == (char)i && last_sig == SIGSEGV && last_addr == page + 5 && last_code == SEGV_ACCERR);
        CHECK(mprotect(page, PAGE, PROT_NONE) == 0);
        memcpy(page, none, sizeof none); /* in libc */
        CHECK(memcmp(page, none, sizeof none) == 0);
        mode = SKIP;
        store((char *)8, 1);
        CHECK(last_addr == (char *)8 && last_code == SEGV_MAPERR);
        mode = JUMP;
        if (sigsetjmp(env, 1) == 0)
            store(NULL, 1);
        CHECK(last_addr == NULL);
        if (sigsetjmp(env, 1) == 0)
            CHECK(strlen((char *)(uintptr_t)(i + 16)) == 0);
        CHECK(last_addr == (char *)(uintptr_t)(i + 16));
        volatile int zero = 0;
        if (sigsetjmp(env, 1) == 0)
            zero = 5 / zero;
        CHECK(last_sig == SIGFPE && last_code == FPE_INTDIV);
        if (sigsetjmp(env, 1) == 0)
            __asm__ volatile("ud2");
        CHECK(last_sig == SIGILL);
        if (sigsetjmp(env, 1) == 0)
            abort();
        CHECK(last_sig == SIGABRT);
        CHECK(pthread_sigmask(SIG_BLOCK, NULL, &s) == 0 && !sigismember(&s, SIGSEGV) && !sigismember(&s, SIGABRT));
        usleep((useconds_t)(i * 37 % 200));
    }
    return (void *)(long)faults;
}

static void *idle(void *arg)
{
    while (!stop)
        usleep(1000);
    return NULL;
}

int main(int argc, char **argv)
{
    static const int sigs[] = {SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGBUS};
    struct sigaction a;
    pthread_t t[THREADS], other;
    void *r;
    memset(&a, 0, sizeof a);
    a.sa_sigaction = on_fault;
    a.sa_flags = SA_SIGINFO;
    for (int i = 0; i < 5; i++)
        CHECK(sigaction(sigs[i], &a, NULL) == 0);
    CHECK(pthread_create(&other, NULL, idle, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, falls, NULL) == 0);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(t[i], &r) == 0);
        printf("%ld faults\n", (long)r);
    }
    stop = 1;
    CHECK(pthread_join(other, NULL) == 0);
    printf("main: %ld faults\n", (long)falls(NULL));
    if (argc == 1)
        return 0;
    /* With an argument, at last one that is blocked: it ends the process. */
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGSEGV);
    CHECK(pthread_sigmask(SIG_BLOCK, &s, NULL) == 0);
    fflush(stdout);
    store(NULL, 1);
    puts("FAIL: lives");
    return 0;
}
