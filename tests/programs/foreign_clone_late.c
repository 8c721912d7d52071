/* The program's first kernel thread by clone() alone is made just when a thread is on its way into a futex wait, and
 * another one waits already. It wakes both by a raw call. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { STACK = 64 << 10 };

static int word;
static volatile int go, comes;

static long raw(long n, long a, long b, long c, long d)
{
#if defined __x86_64__
    register long r10 __asm__("r10") = d;
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return r;
#elif defined __aarch64__
    register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
                     x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
#endif
}

static __attribute__((noinline, optimize("no-stack-protector"))) int kernel_thread(void *arg)
{
    struct timespec pause = {0, 100000000};
    raw(SYS_nanosleep, (long)&pause, 0, 0, 0);
    __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
    raw(SYS_futex, (long)&word, FUTEX_WAKE_PRIVATE, 1000, 0);
    raw(SYS_exit, 0, 0, 0, 0);
    return 0;
}

static void *waits(void *arg)
{
    while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 0)
        syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL);
    return arg;
}

static void *computes_and_waits(void *arg)
{
    while (!go)
        ;
    comes = 1;
    return waits(arg);
}

static void compute(double seconds)
{
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    do
        clock_gettime(CLOCK_MONOTONIC, &b);
    while ((double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9 < seconds);
}

int main(void)
{
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_t early, late;
    CHECK(pthread_create(&early, NULL, waits, NULL) == 0);
    CHECK(pthread_create(&late, NULL, computes_and_waits, NULL) == 0);
    usleep(50000);
    go = 1;
    while (!comes)
        ;
    compute(100e-6);
    CHECK(clone(kernel_thread, stack + STACK, flags, NULL) > 0);
    CHECK(pthread_join(late, NULL) == 0 && pthread_join(early, NULL) == 0);
    printf("woken\n");
    return 0;
}
