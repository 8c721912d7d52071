/* Raw system calls: no errno, no TLS, no cancellation. Safe on any kernel thread and in signal handlers.
 * All return what the kernel returns: a value, or -errno. */
#ifndef COAX_SYS_H
#define COAX_SYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <linux/futex.h>
#include <time.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define countof(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

static inline long sys6(long n, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long r;
    __asm__ volatile("syscall"
                     : "=a"(r)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return r;
}

/* Each argument is widened as the kernel sees it; missing ones are 0. */
#define SYS_ARG(x) ((long)(x))
#define SYS_N(_1, _2, _3, _4, _5, _6, _7, N, ...) N
#define SYS_1(n) sys6(n, 0, 0, 0, 0, 0, 0)
#define SYS_2(n, a) sys6(n, SYS_ARG(a), 0, 0, 0, 0, 0)
#define SYS_3(n, a, b) sys6(n, SYS_ARG(a), SYS_ARG(b), 0, 0, 0, 0)
#define SYS_4(n, a, b, c) sys6(n, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), 0, 0, 0)
#define SYS_5(n, a, b, c, d) sys6(n, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), 0, 0)
#define SYS_6(n, a, b, c, d, e) sys6(n, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), SYS_ARG(e), 0)
#define SYS_7(n, a, b, c, d, e, f) sys6(n, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), SYS_ARG(e), SYS_ARG(f))
#define sys(...) SYS_N(__VA_ARGS__, SYS_7, SYS_6, SYS_5, SYS_4, SYS_3, SYS_2, SYS_1)(__VA_ARGS__)

/* All signals but the one with which libc makes every thread change its ids: a thread that blocks it stops setuid. */
#define ALL_SIGNALS (~(1ull << 32))

static inline int sys_gettid(void)
{
    return (int)sys(SYS_gettid);
}

static inline int sys_getpid(void)
{
    return (int)sys(SYS_getpid);
}

/* Waits while *word == value; timeout relative, NULL: without end. */
static inline long sys_futex_wait(const void *word, uint32_t value, const struct timespec *timeout)
{
    return sys(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout);
}

static inline long sys_futex_wake(const void *word, int n)
{
    return sys(SYS_futex, word, FUTEX_WAKE_PRIVATE, n);
}

#endif
