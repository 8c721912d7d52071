/* syscall(SYS_futex): who parks with it (Rust, libstdc++, Go-like runtimes) waits in the address table. Words that
 * other processes may share, and locks that the kernel keeps, are the kernel's. */
#include "core/enter.h"
#include "core/mem.h"
#include "core/sync.h"

#include <errno.h>
#include <string.h>

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

static const char futex_call[] = "futex";

static long real_futex(const long a[6])
{
    return sys(SYS_futex, a[0], a[1], a[2], a[3], a[4], a[5]);
}

struct in_kernel {
    const long *args;
    uint64_t at; /* when a relative timeout is over */
};

static long wait_here(void *arg)
{
    const struct in_kernel *k = arg;
    long a[6];
    memcpy(a, k->args, sizeof a);
    uint64_t now = k->at == CLOCK_NEVER ? 0 : clock_now();
    struct timespec left = clock_to_timespec(now < k->at ? k->at - now : 0);
    if (k->at != CLOCK_NEVER)
        a[3] = (long)&left;
    return real_futex(a);
}

static bool good(const struct timespec *t)
{
    return t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < 1000000000;
}

/* The kernel's timeout is relative for FUTEX_WAIT only; it says what it thinks of a bad one. */
static long away(struct fiber *self, const long a[6], int flags)
{
    const struct timespec *t = (const struct timespec *)a[3];
    struct in_kernel k = {a, CLOCK_NEVER};
    if (((int)a[1] & FUTEX_CMD_MASK) == FUTEX_WAIT && t != NULL && mem_readable(t, sizeof *t) && good(t))
        k.at = clock_after(clock_from_timespec(t));
    return wait_away_now(self, CLOCK_NEVER, flags | (t == NULL ? WAIT_RESTART : 0), "futex", wait_here, &k);
}

/* *word != value: -EAGAIN; a bad address: -EFAULT. Moves nobody. */
static long compare(const uint32_t *word, uint32_t value)
{
    return sys(SYS_futex, word, FUTEX_CMP_REQUEUE_PRIVATE, 0, 0, word, value);
}

static long futex_wait(struct fiber *self, const long a[6], bool absolute, clockid_t clock, uint32_t bits)
{
    const uint32_t *word = (const uint32_t *)a[0];
    uint32_t value = (uint32_t)a[2];
    const struct timespec *timeout = (const struct timespec *)a[3];
    uint64_t at = CLOCK_NEVER;
    if (bits == 0)
        return -EINVAL;
    if (timeout != NULL && !mem_readable(timeout, sizeof *timeout))
        return -EFAULT;
    if (timeout != NULL) {
        if (!good(timeout))
            return -EINVAL;
        at = absolute ? clock_deadline(clock, timeout) : clock_after(clock_from_timespec(timeout));
    }
    struct addr_wait w;
    long r;
    do {
        core_enter(self);
        if (unlikely(rt.addr.in_kernel)) { /* since it was asked: who would wake us does not look here */
            core_leave(self);
            return away(self, a, WAIT_INTR);
        }
        addr_link(&w, self, word);
        w.bits = bits;
        r = compare(word, value);
        if (r >= 0)
            r = wait_park(&w.wait, at, WAIT_INTR, futex_call);
        addr_unlink(&w);
        core_leave(self);
    } while (r == -EINTR && timeout == NULL && signals_restarts(self)); /* with a time it is not restarted */
    return r;
}

/* Who asks for none, or for less, wakes one: so it has always been. */
static int how_many(long n)
{
    return (int)n < 1 ? 1 : (int)n;
}

/* A real wake for those in the kernel, then ours. */
static long futex_wake(struct fiber *self, const long a[6], const void *word, uint32_t bits)
{
    int n = how_many(a[2]);
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

/* The operation is done here, for the kernel would not tell what it compared. See futex(2), FUTEX_WAKE_OP. */
static long futex_wake_op(struct fiber *self, const long a[6])
{
    uint32_t *second = (uint32_t *)a[4], code = (uint32_t)a[5];
    unsigned op = code >> 28 & 7, cmp = code >> 24 & 15;
    int arg = (int)(code << 8) >> 20, with = (int)(code << 20) >> 20;
    if (op > FUTEX_OP_XOR || cmp > FUTEX_OP_CMP_GE || compare(second, 0) == -EFAULT)
        return real_futex(a); /* an error */
    if ((code & (uint32_t)FUTEX_OP_OPARG_SHIFT << 28) != 0)
        arg = (int)(1u << (arg & 31));
    uint32_t was = __atomic_load_n(second, __ATOMIC_SEQ_CST), now;
    do
        now = op == FUTEX_OP_SET    ? (uint32_t)arg
              : op == FUTEX_OP_ADD  ? was + (uint32_t)arg
              : op == FUTEX_OP_OR   ? was | (uint32_t)arg
              : op == FUTEX_OP_ANDN ? was & ~(uint32_t)arg
                                    : was ^ (uint32_t)arg;
    while (!__atomic_compare_exchange_n(second, &was, now, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    int v = (int)was;
    bool holds = cmp == FUTEX_OP_CMP_EQ   ? v == with
                 : cmp == FUTEX_OP_CMP_NE ? v != with
                 : cmp == FUTEX_OP_CMP_LT ? v < with
                 : cmp == FUTEX_OP_CMP_LE ? v <= with
                 : cmp == FUTEX_OP_CMP_GT ? v > with
                                          : v >= with;
    long first[6] = {a[0], FUTEX_WAKE | (a[1] & FUTEX_PRIVATE_FLAG), a[2]};
    long other[6] = {a[4], FUTEX_WAKE | (a[1] & FUTEX_PRIVATE_FLAG), a[3]};
    long r = futex_wake(self, first, (void *)a[0], ~0u);
    return r + (holds ? futex_wake(self, other, second, ~0u) : 0);
}

/* Locks with priority inheritance: among fibers there is no priority to inherit, and the kernel does not know their
 * ids, so the word is kept here as the kernel would keep it: the owner's id and a bit that says somebody waits. */
static long futex_lock_pi(struct fiber *self, const long a[6], int op)
{
    uint32_t *word = (uint32_t *)a[0], tid = (uint32_t)tls_tid(self->fs), seen = 0;
    const struct timespec *until = (const struct timespec *)a[3];
    uint64_t at = CLOCK_NEVER;
    if (compare(word, 0) == -EFAULT || (until != NULL && op != FUTEX_TRYLOCK_PI && !mem_readable(until, sizeof *until)))
        return -EFAULT;
    if (until != NULL && op != FUTEX_TRYLOCK_PI)
        at = clock_deadline(op == FUTEX_LOCK_PI ? CLOCK_REALTIME : CLOCK_MONOTONIC, until);
    for (;;) {
        struct addr_wait w;
        long r = 0;
        core_enter(self);
        addr_link(&w, self, word);
        if ((seen = __atomic_fetch_or(word, FUTEX_WAITERS, __ATOMIC_SEQ_CST) & FUTEX_TID_MASK) == 0)
            __atomic_store_n(word, tid | FUTEX_WAITERS, __ATOMIC_SEQ_CST);
        else if (seen == tid)
            r = -EDEADLK;
        else if (op == FUTEX_TRYLOCK_PI)
            r = -EAGAIN;
        else
            r = wait_park(&w.wait, at, 0, "futex");
        addr_unlink(&w);
        core_leave(self);
        if (seen == 0 || (r != 0 && r != -E_AGAIN))
            return r;
    }
}

static long futex_unlock_pi(struct fiber *self, uint32_t *word)
{
    uint32_t tid = (uint32_t)tls_tid(self->fs), seen = __atomic_load_n(word, __ATOMIC_SEQ_CST);
    if ((seen & FUTEX_TID_MASK) != tid)
        return -EPERM;
    __atomic_store_n(word, 0, __ATOMIC_SEQ_CST);
    addr_wake(word, 1);
    return 0;
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
    if (waits && rt.addr.in_kernel)
        return away(self, a, WAIT_INTR);
    if (waits && (a[1] & FUTEX_PRIVATE_FLAG) == 0 && compare(word, (uint32_t)a[2]) >= 0 && mem_shared(word))
        return away(self, a, WAIT_STOP | WAIT_INTR);
    switch (op) {
    case FUTEX_WAIT:
        return futex_wait(self, a, false, clock, ~0u);
    case FUTEX_WAIT_BITSET:
        return futex_wait(self, a, true, clock, (uint32_t)a[5]);
    case FUTEX_WAKE:
        return futex_wake(self, a, word, ~0u);
    case FUTEX_WAKE_BITSET:
        return a[5] == 0 ? -EINVAL : futex_wake(self, a, word, (uint32_t)a[5]);
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
        return futex_requeue(self, a);
    case FUTEX_WAKE_OP:
        return futex_wake_op(self, a);
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
    case FUTEX_TRYLOCK_PI:
        return futex_lock_pi(self, a, op);
    case FUTEX_UNLOCK_PI:
        return futex_unlock_pi(self, (uint32_t *)a[0]);
    default:
        return real_futex(a);
    }
}

void futex_foreign(const long a[6])
{
    int op = (int)a[1] & FUTEX_CMD_MASK;
    if (op == FUTEX_WAKE || op == FUTEX_WAKE_BITSET)
        addr_wake((void *)a[0], how_many(a[2]));
    else if (op == FUTEX_REQUEUE || op == FUTEX_CMP_REQUEUE)
        addr_wake((void *)a[0], ADDR_ALL); /* a spurious wake instead of a move */
    else if (op == FUTEX_WAKE_OP) {
        addr_wake((void *)a[0], how_many(a[2]));
        addr_wake((void *)a[4], how_many(a[3]));
    }
}

static void wake_all(void *unused)
{
    (void)unused;
    rt.addr.in_kernel = true; /* inside the core: who has asked has parked, or asks again in there */
    for (struct list *l = rt.fibers.all.next; l != &rt.fibers.all; l = l->next) {
        const struct fiber *f = container_of(l, struct fiber, all);
        if (f->wait == NULL || f->wait->woken || f->call != futex_call)
            continue;
        f->wait->unlink(f->wait);
        wait_wake(f->wait, 0);
    }
}

void futex_in_kernel(struct fiber *self)
{
    if (rt.coop)
        fiber_inside(self, wake_all, NULL);
    else
        rt.addr.in_kernel = true;
}
