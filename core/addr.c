#include "core/enter.h"

static struct addr_bucket *bucket_of(const void *addr)
{
    uint64_t h = ((uintptr_t)addr >> 2) * 0x9e3779b97f4a7c15ull;
    return &rt.addr.buckets[h >> 52];
}

static void unlink_wait(struct wait *w)
{
    addr_unlink(container_of(w, struct addr_wait, wait));
}

void addr_link(struct addr_wait *w, struct fiber *self, const void *addr)
{
    struct addr_bucket *b = bucket_of(addr);
    wait_init(&w->wait, self, unlink_wait);
    w->wait.again = true;
    w->addr = addr;
    w->bits = ~0u;
    if (b->list.next == NULL)
        list_init(&b->list);
    list_append(&b->list, &w->link);
    __atomic_fetch_add(&b->waiters, 1, __ATOMIC_SEQ_CST);
}

void addr_unlink(struct addr_wait *w)
{
    if (!list_linked(&w->link))
        return;
    list_remove(&w->link);
    __atomic_fetch_sub(&bucket_of(w->addr)->waiters, 1, __ATOMIC_RELAXED);
}

static bool meets(const struct addr_wait *w, const void *addr, uint32_t bits)
{
    return (addr == NULL || w->addr == addr) && (w->bits & bits) != 0;
}

static void wake_one(struct addr_wait *w)
{
    addr_unlink(w);
    wait_wake(&w->wait, 0);
}

/* Those in a handler, when the others have been woken. */
static int __attribute__((noinline)) wake_busy(struct addr_bucket *b, const void *addr, int n, uint32_t bits)
{
    int woken = 0;
    for (struct list *l = b->list.next, *next; l != &b->list && woken < n; l = next) {
        struct addr_wait *w = container_of(l, struct addr_wait, link);
        next = l->next;
        if (!w->wait.busy || !meets(w, addr, bits))
            continue;
        wake_one(w);
        woken++;
    }
    return woken;
}

/* addr NULL: whatever address. */
static int wake_in(struct addr_bucket *b, const void *addr, int n, uint32_t bits)
{
    int woken = 0;
    bool busy = false;
    if (b->waiters == 0)
        return 0;
    for (struct list *l = b->list.next, *next; l != &b->list && woken < n; l = next) {
        struct addr_wait *w = container_of(l, struct addr_wait, link);
        next = l->next;
        if (!meets(w, addr, bits))
            continue;
        if (unlikely(w->wait.busy)) {
            busy = true;
            continue;
        }
        wake_one(w);
        woken++;
    }
    return likely(!busy) ? woken : woken + wake_busy(b, addr, n - woken, bits);
}

int addr_wake_here(const void *addr, int n, uint32_t bits)
{
    return wake_in(bucket_of(addr), addr, n, bits);
}

bool addr_waiting_here(const void *addr, uint32_t bits)
{
    struct addr_bucket *b = bucket_of(addr);
    for (struct list *l = b->list.next; b->waiters != 0 && l != &b->list; l = l->next) {
        struct addr_wait *w = container_of(l, struct addr_wait, link);
        if (w->addr == addr && (w->bits & bits) != 0)
            return true;
    }
    return false;
}

int addr_requeue_here(const void *from, const void *to, int n)
{
    struct addr_bucket *b = bucket_of(from), *other = bucket_of(to);
    int moved = 0;
    if (b->waiters == 0 || from == to)
        return 0;
    if (other->list.next == NULL)
        list_init(&other->list);
    for (struct list *l = b->list.next, *next; l != &b->list && moved < n; l = next) {
        struct addr_wait *w = container_of(l, struct addr_wait, link);
        next = l->next;
        if (w->addr != from)
            continue;
        list_remove(&w->link);
        __atomic_fetch_sub(&b->waiters, 1, __ATOMIC_RELAXED);
        w->addr = to;
        list_append(&other->list, &w->link);
        __atomic_fetch_add(&other->waiters, 1, __ATOMIC_SEQ_CST);
        moved++;
    }
    return moved;
}

bool addr_watched(const void *addr)
{
    return __atomic_load_n(&bucket_of(addr)->waiters, __ATOMIC_RELAXED) != 0;
}

const uint32_t *addr_stranger_enter(const void *addr, uint32_t *seen)
{
    struct addr_bucket *b = bucket_of(addr);
    __atomic_fetch_add(&b->strangers, 1, __ATOMIC_SEQ_CST);
    *seen = __atomic_load_n(&b->wakes, __ATOMIC_SEQ_CST);
    return &b->wakes;
}

void addr_stranger_leave(const void *addr)
{
    __atomic_fetch_sub(&bucket_of(addr)->strangers, 1, __ATOMIC_SEQ_CST);
}

/* Hands the wake to the carrier. All signals are blocked while the bucket's lock is held: a handler may wake, too. */
static void ask(struct addr_bucket *b, const void *addr, int n)
{
    uint64_t all = ~0ull, old;
    (void)sys(SYS_rt_sigprocmask, SIG_BLOCK, &all, &old, sizeof all);
    lock_take(&b->lock);
    bool queued = b->asked != 0;
    if (!queued) {
        b->asked_addr = addr;
        b->asked = (uint32_t)n;
    } else {
        if (b->asked_addr != addr)
            b->asked_addr = NULL;
        b->asked = b->asked + (uint32_t)n < ADDR_ALL ? b->asked + (uint32_t)n : ADDR_ALL;
    }
    lock_drop(&b->lock);
    if (!queued) {
        struct addr_bucket *head = __atomic_load_n(&rt.addr.asked, __ATOMIC_RELAXED);
        do
            b->asked_next = head;
        while (!__atomic_compare_exchange_n(&rt.addr.asked, &head, b, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    }
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof old);
    loop_kick();
}

int addr_wake(const void *addr, int n)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    struct addr_bucket *b = bucket_of(addr);
    if (unlikely(__atomic_load_n(&b->strangers, __ATOMIC_RELAXED) != 0)) {
        __atomic_fetch_add(&b->wakes, 1, __ATOMIC_SEQ_CST);
        sys_futex_wake(&b->wakes, 1 << 30);
    }
    if (!addr_watched(addr))
        return 0;
    struct fiber *self = fiber_self;
    bool here = self != NULL && !self->kt->in_core;
    if (here && baton_is_away(self))
        here = share_take(self);
    else if (here)
        core_enter(self);
    if (here) {
        int woken = addr_wake_here(addr, n, ~0u);
        core_leave(self);
        return woken;
    }
    int most = (int)__atomic_load_n(&b->waiters, __ATOMIC_RELAXED);
    ask(b, addr, n);
    return n < most ? n : most;
}

void addr_drain(void)
{
    struct addr_bucket *b = __atomic_exchange_n(&rt.addr.asked, NULL, __ATOMIC_SEQ_CST);
    while (b != NULL) {
        struct addr_bucket *next = b->asked_next;
        lock_take(&b->lock);
        int n = (int)b->asked;
        const void *addr = b->asked_addr;
        b->asked = 0;
        lock_drop(&b->lock);
        wake_in(b, addr, addr == NULL ? ADDR_ALL : n, ~0u);
        b = next;
    }
}
