/* syscall(SYS_futex): who parks with it (Rust, libstdc++, Go-like runtimes) waits in the address table. Words that
 * other processes may share, and locks that the kernel keeps, are the kernel's. */
#include "core/enter.h"
#include "core/mem.h"
#include "core/sync.h"

#include <errno.h>

#ifndef FUTEX_WAIT_REQUEUE_PI
#define FUTEX_WAIT_REQUEUE_PI 11
#endif

static long real_futex(const long a[6])
{
    return sys(SYS_futex, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static long away(struct fiber *self, const long a[6])
{
    baton_away(self, "futex");
    long r = real_futex(a);
    baton_back(self);
    return r;
}

/* *word != value: -EAGAIN; a bad address: -EFAULT. Moves nobody. */
static long compare(const uint32_t *word, uint32_t value)
{
    return sys(SYS_futex, word, FUTEX_CMP_REQUEUE_PRIVATE, 0, 0, word, value);
}

static long futex_wait(struct fiber *self, const uint32_t *word, uint32_t value, const struct timespec *timeout,
                       bool absolute, clockid_t clock, uint32_t bits)
{
    uint64_t at = CLOCK_NEVER;
    if (bits == 0)
        return -EINVAL;
    if (timeout != NULL && !mem_readable(timeout, sizeof *timeout))
        return -EFAULT;
    if (timeout != NULL) {
        if (timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec >= 1000000000)
            return -EINVAL;
        at = absolute ? clock_deadline(clock, timeout) : clock_after(clock_from_timespec(timeout));
    }
    struct addr_wait w;
    core_enter(self);
    addr_link(&w, self, word);
    w.bits = bits;
    long r = compare(word, value);
    if (r >= 0)
        r = wait_park(&w.wait, at, WAIT_INTR, "futex");
    addr_unlink(&w);
    core_leave(self);
    return r == -EINTR && signals_restarts(self) ? 0 : r; /* a spurious wake is allowed */
}

/* A real wake for those in the kernel, then ours. */
static long futex_wake(struct fiber *self, const long a[6], const void *word, int n, uint32_t bits)
{
    long r = real_futex(a);
    if (r < 0 || r >= n)
        return r;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!addr_watched(word))
        return r;
    if (bits == ~0u)
        return r + addr_wake(word, n - (int)r);
    core_enter(self);
    int woken = addr_wake_here(word, n - (int)r, bits);
    core_leave(self);
    return r + woken;
}

static long futex_requeue(struct fiber *self, const long a[6])
{
    long r = real_futex(a); /* compares, too */
    if (r < 0)
        return r;
    core_enter(self);
    int woken = addr_wake_here((void *)a[0], (int)a[2], ~0u);
    int moved = addr_requeue_here((void *)a[0], (void *)a[4], (int)a[3]);
    core_leave(self);
    return r + woken + moved;
}

long sync_futex(struct fiber *self, const long a[6])
{
    int op = (int)a[1] & FUTEX_CMD_MASK;
    clockid_t clock = (a[1] & FUTEX_CLOCK_REALTIME) != 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    const uint32_t *word = (const uint32_t *)a[0];
    bool waits = op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET;
    if ((a[0] & 3) != 0)
        return real_futex(a);
    /* libstdc++ does not say that its words are private, so what counts is where they are. */
    if (waits && (a[1] & FUTEX_PRIVATE_FLAG) == 0 && compare(word, (uint32_t)a[2]) >= 0 && mem_shared(word))
        return away(self, a);
    switch (op) {
    case FUTEX_WAIT:
        return futex_wait(self, word, (uint32_t)a[2], (const struct timespec *)a[3], false, clock, ~0u);
    case FUTEX_WAIT_BITSET:
        return futex_wait(self, word, (uint32_t)a[2], (const struct timespec *)a[3], true, clock, (uint32_t)a[5]);
    case FUTEX_WAKE:
        return futex_wake(self, a, word, (int)a[2], ~0u);
    case FUTEX_WAKE_BITSET:
        return a[5] == 0 ? -EINVAL : futex_wake(self, a, word, (int)a[2], (uint32_t)a[5]);
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
        return futex_requeue(self, a);
    case FUTEX_WAKE_OP: {
        /* The kernel has done the operation; whether its comparison held can only be guessed: wake both. */
        long r = real_futex(a);
        return r < 0 ? r : r + addr_wake(word, (int)a[2]) + addr_wake((void *)a[4], (int)a[3]);
    }
    case FUTEX_LOCK_PI:
    case FUTEX_WAIT_REQUEUE_PI:
        return away(self, a);
    default:
        return real_futex(a);
    }
}

void futex_foreign(const long a[6])
{
    int op = (int)a[1] & FUTEX_CMD_MASK;
    if (op == FUTEX_WAKE || op == FUTEX_WAKE_BITSET)
        addr_wake((void *)a[0], (int)a[2]);
    else if (op == FUTEX_REQUEUE || op == FUTEX_CMP_REQUEUE)
        addr_wake((void *)a[0], ADDR_ALL); /* a spurious wake instead of a move */
    else if (op == FUTEX_WAKE_OP) {
        addr_wake((void *)a[0], (int)a[2]);
        addr_wake((void *)a[4], (int)a[3]);
    }
}
