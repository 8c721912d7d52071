/* A thread that overflows its stack faults right below what pthread_getattr_np says, at a page that it has no right to,
 * as runtimes expect that tell an overflow from another fault. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static uintptr_t low;
static size_t guard;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    uintptr_t at = (uintptr_t)info->si_addr;
    _exit(at < low && low - at <= guard ? info->si_code == SEGV_ACCERR ? 0 : 3 : 1);
}

static int deeper(int n)
{
    volatile char frame[512];
    frame[n % 512] = (char)n;
    return n < 0 ? 0 : deeper(n + 1) + frame[n % 512];
}

static void *overflow(void *unused)
{
    static char alternate[64 << 10];
    pthread_attr_t a;
    void *stack;
    size_t size;
    stack_t s = {.ss_sp = alternate, .ss_size = sizeof alternate};
    pthread_getattr_np(pthread_self(), &a);
    pthread_attr_getstack(&a, &stack, &size);
    pthread_attr_getguardsize(&a, &guard);
    low = (uintptr_t)stack;
    sigaltstack(&s, NULL);
    sigaction(SIGSEGV, &(struct sigaction){.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK}, NULL);
    deeper(0);
    return unused;
}

int main(void)
{
    static const size_t sizes[] = {16, 64, 72, 128, 256, 1000, 1024, 2048, 8192};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int status;
        if (fork() == 0) {
            pthread_attr_t a;
            pthread_t t;
            pthread_attr_init(&a);
            pthread_attr_setstacksize(&a, sizes[i] << 10);
            if (pthread_create(&t, &a, overflow, NULL) == 0)
                pthread_join(t, NULL);
            _exit(2);
        }
        wait(&status);
        printf("%zu kB: %x\n", sizes[i], (unsigned)status);
    }
    return 0;
}
