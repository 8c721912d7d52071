#include "core/altstack.h"
#include "core/enter.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/method.h"
#include "core/monitor.h"
#include "core/promote.h"
#include "core/share.h"
#include "core/stats.h"
#include "core/switch.h"
#include "shim/real.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

enum { KTHREAD_STACK = 128 << 10 };

/* Real pthreads, so that libc stays in its multi-thread mode; all signals blocked until they carry. */
static int spawn(void *(*start)(void *), void *arg, int detached, pthread_t *thread)
{
    uint64_t all = ALL_SIGNALS, old;
    pthread_attr_t attr;
    (void)sys(SYS_rt_sigprocmask, SIG_BLOCK, &all, &old, sizeof all);
    real.pthread_attr_init(&attr);
    real.pthread_attr_setdetachstate(&attr, detached);
    real.pthread_attr_setstacksize(&attr, KTHREAD_STACK + tls_room());
    int e = real.pthread_create(thread, &attr, start, arg);
    real.pthread_attr_destroy(&attr);
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof old);
    return -e;
}

int baton_spawn(void *(*start)(void *), void *arg, int detached)
{
    pthread_t thread;
    return spawn(start, arg, detached, &thread);
}

/* Records are kept, for a fiber still points at that of the kernel thread that ran it last. */
static void record_put(struct kthread *k)
{
    lock_take(&rt.baton.lock);
    k->next_idle = rt.baton.gone;
    rt.baton.gone = k;
    lock_drop(&rt.baton.lock);
}

static struct kthread *record_take(void)
{
    lock_take(&rt.baton.lock);
    struct kthread *k = rt.baton.gone;
    if (k != NULL)
        rt.baton.gone = k->next_idle;
    lock_drop(&rt.baton.lock);
    if (k == NULL)
        return mem_map(sizeof *k);
    memset(k, 0, offsetof(struct kthread, next));
    return k;
}

static void *spare(void *arg)
{
    struct kthread *k = arg;
    k->fs = tls_pointer();
    baton_idle(k);
    record_put(k);
    return NULL;
}

/* And the monitor, if it has left. */
struct kthread *baton_make(void *(*start)(void *), int detached)
{
    struct kthread *k = record_take();
    if (k == NULL)
        return NULL;
    pthread_t thread;
    k->fresh = true;
    if (monitor_make() != 0 || spawn(start, k, detached, &thread) != 0) {
        record_put(k);
        return NULL;
    }
    k->tid = tls_tid((uintptr_t)thread); /* it may be signalled before it runs */
    lock_take(&rt.baton.lock);
    k->next = rt.baton.all;
    rt.baton.all = k;
    lock_drop(&rt.baton.lock);
    return k;
}

static struct kthread *kthread_new(void)
{
    struct kthread *k = baton_make(spare, PTHREAD_CREATE_DETACHED);
    if (k == NULL)
        return NULL;
    lock_take(&rt.baton.lock);
    rt.baton.nthreads++;
    lock_drop(&rt.baton.lock);
    return k;
}

struct kthread *baton_idle_one(void)
{
    lock_take(&rt.baton.lock);
    struct kthread *k = rt.baton.idle;
    if (k != NULL) {
        rt.baton.idle = k->next_idle;
        rt.baton.nidle--;
    }
    lock_drop(&rt.baton.lock);
    return k;
}

struct kthread *baton_spare(void)
{
    struct kthread *k = baton_idle_one();
    return k != NULL ? k : kthread_new();
}

bool baton_take_idle(struct kthread *k)
{
    bool found = false;
    lock_take(&rt.baton.lock);
    for (struct kthread **at = &rt.baton.idle; *at != NULL && !found; at = &(*at)->next_idle) {
        if (*at != k)
            continue;
        *at = k->next_idle;
        rt.baton.nidle--;
        found = true;
        break;
    }
    lock_drop(&rt.baton.lock);
    return found;
}

void baton_bound(void)
{
    lock_take(&rt.baton.lock);
    rt.baton.nthreads--;
    lock_drop(&rt.baton.lock);
}

void baton_done(struct kthread *k)
{
    lock_take(&rt.baton.lock);
    bool done = k->half_done;
    k->half_done = true;
    lock_drop(&rt.baton.lock);
    if (done)
        record_put(k);
}

void baton_ended(struct kthread *k)
{
    lock_take(&rt.baton.lock);
    for (struct kthread **at = &rt.baton.all; *at != NULL; at = &(*at)->next) {
        if (*at != k)
            continue;
        __atomic_store_n(at, k->next, __ATOMIC_RELEASE);
        break;
    }
    lock_drop(&rt.baton.lock);
    baton_done(k);
}

static void put_idle(struct kthread *k)
{
    lock_take(&rt.baton.lock);
    k->next_idle = rt.baton.idle;
    rt.baton.idle = k;
    rt.baton.nidle++;
    lock_drop(&rt.baton.lock);
}

void baton_wake_kthread(struct kthread *k, uint32_t what)
{
    __atomic_store_n(&k->wake, what, __ATOMIC_RELEASE);
    sys_futex_wake(&k->wake, 1);
}

static void push_returned(struct fiber *f)
{
    struct fiber *head = __atomic_load_n(&rt.baton.returned, __ATOMIC_RELAXED);
    do
        f->next = head;
    while (!__atomic_compare_exchange_n(&rt.baton.returned, &head, f, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    loop_kick();
}

void baton_drain(void)
{
    struct fiber *f = __atomic_exchange_n(&rt.baton.returned, NULL, __ATOMIC_SEQ_CST);
    struct fiber *oldest_first = NULL;
    while (f != NULL) {
        struct fiber *next = f->next;
        f->next = oldest_first;
        oldest_first = f;
        f = next;
    }
    while ((f = oldest_first) != NULL) {
        oldest_first = f->next;
        sched_ready(f);
    }
}

/* False: k is told to leave. */
static bool wait_for_baton(struct kthread *k, struct fiber *leaving)
{
    k->in_core = false;
    if (k->deferred) {
        k->deferred = false;
        __atomic_store_n(&rt.loop.queued, 1, __ATOMIC_SEQ_CST);
    }
    if (!k->fresh)
        put_idle(k);
    k->fresh = false;
    if (leaving != NULL)
        push_returned(leaving);
    while (!__atomic_load_n(&k->wake, __ATOMIC_ACQUIRE))
        sys_futex_wait(&k->wake, 0, NULL);
    if (k->wake == WAKE_LEAVE)
        return false;
    k->wake = 0;
    if (k->adopt != NULL)
        promote_carry(k);
    k->in_core = true;
    signals_apply(k);
    altstack_carry(k);
    return true;
}

/* No TLS and no libc between losing the fiber and having the baton: k's thread pointer may be anybody's. */
void baton_idle(struct kthread *k)
{
    static const uint64_t all = ALL_SIGNALS;
    for (;;) {
        struct fiber *f = k->leaving;
        struct kthread *send = k->send;
        if (f != NULL && f->promoted && send == NULL)
            promote_left(k);
        k->leaving = NULL;
        k->running = NULL;
        if (send != NULL) { /* the baton stays here */
            k->send = NULL;
            send->adopt = f;
            baton_wake_kthread(send, WAKE_CARRY);
        } else {
            (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all);
            if (!wait_for_baton(k, f))
                return;
        }
        f = sched_pick();
        cpu_time_resume(k);
        k->running = f;
        method_lost(k);
        f->kt = k;
        f->state = FIBER_RUNNING;
        rt.sched.switches++;
        sched_slice_begins();
        switch_to(&k->sp, f->sp, f->fs);
    }
}

bool baton_is_away(const struct fiber *f)
{
    struct kthread *k = f->kt;
    return f->state == FIBER_RUNNING && k != NULL &&
           (__atomic_load_n(&rt.baton.owner, __ATOMIC_RELAXED) & ~(uintptr_t)BATON_IN_CORE) != (uintptr_t)k;
}

static void count_busy(void)
{
    unsigned busy = rt.baton.nthreads - rt.baton.nidle;
    if (busy > rt.baton.most)
        rt.baton.most = busy;
}

/* A handler that interrupted the core's waits has forked, and returns to them in the child. */
static void begin_again(struct fiber *self)
{
    if (fiber_start_core() != 0)
        log_line(LOG_ERROR, "no core in the child of a fork (descriptors, memory or threads)");
    self->kt->in_core = true;
    rt.baton.owner = (uintptr_t)self->kt | BATON_IN_CORE;
}

void baton_return(struct fiber *self)
{
    if (unlikely(!rt.coop)) {
        begin_again(self);
        return;
    }
    struct kthread *k = self->kt;
    share_judge(self);
    if (share_steal(self))
        return;
    cpu_time_settle(k, self);
    k->leaving = self;
    switch_to(&self->sp, k->sp, k->fs);
    self->trimmed = false;
}

void baton_hand(struct kthread *to)
{
    sched_slice_begins();
    rt.baton.handoffs++;
    count_busy();
    __atomic_store_n(&rt.baton.owner, (uintptr_t)to | BATON_IN_CORE, __ATOMIC_SEQ_CST);
    baton_wake_kthread(to, WAKE_CARRY);
}

bool baton_step_away(struct fiber *self)
{
    struct kthread *to = baton_spare(), *k = self->kt;
    if (to == NULL)
        return false;
    k->cpu = 0;
    signals_step_away(self);
    baton_hand(to);
    k->in_core = false;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (k->deferred)
        loop_kick();
    return true;
}

void baton_away(struct fiber *self, const char *call)
{
    for (;;) {
        core_enter(self);
        self->call = call;
        if (!baton_step_away(self)) { /* nobody can take over: the others wait until the call returns */
            core_leave(self);
            return;
        }
        if (likely(!self->sig.due))
            return;
        core_enter(self); /* a handler has become due on the way */
        core_leave(self);
    }
}

void baton_back(struct fiber *self)
{
    core_enter(self);
    self->call = NULL;
    core_leave(self);
}

void baton_take_over(uintptr_t owner)
{
    struct kthread *to = baton_spare();
    if (to == NULL)
        return;
    if (!__atomic_compare_exchange_n(&rt.baton.owner, &owner, (uintptr_t)to | BATON_IN_CORE, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_RELAXED)) {
        put_idle(to);
        return;
    }
    sched_slice_begins();
    rt.baton.handoffs++;
    count_busy();
    baton_wake_kthread(to, WAKE_CARRY);
}

/* The idle context of the main kernel thread: a stack and a thread block of its own, for the main thread's block
 * belongs to the main fiber, which may run elsewhere by then. */
static int give_idle_context(struct kthread *k)
{
    size_t size = KTHREAD_STACK + ((tls_room() + 4095) & ~4095ul);
    char *stack = mem_map(size);
    if (stack == NULL)
        return -ENOMEM;
    k->fs = tls_make(stack + size, NULL, stack, size);
    if (k->fs == 0)
        return -ENOMEM;
    tls_unlink(k->fs); /* it is no thread of the program */
    k->sp = switch_first((char *)tls_low(k->fs), (void (*)(void *))baton_idle, k);
    return 0;
}

int baton_init(void)
{
    struct kthread *k = &rt.baton.first;
    rt.baton = (struct baton){.first = {.tid = sys_gettid()}}; /* in a fork's child too: nothing is left of the old */
    rt.shadow = (struct shadow){0};
    rt.ncpus = stats_cpus();
    int e = give_idle_context(k);
    if (e != 0)
        return e;
    rt.baton.all = k;
    rt.baton.nthreads = rt.baton.most = 1;
    rt.baton.owner = (uintptr_t)k;
    rt.baton.monitor_word = 1;
    return baton_staff();
}

int baton_staff(void)
{
    lock_take(&rt.baton.lock);
    bool on = rt.baton.monitor_on;
    lock_drop(&rt.baton.lock);
    if (on)
        return 0;
    struct kthread *first_spare = kthread_new();
    if (first_spare == NULL)
        return -EAGAIN;
    put_idle(first_spare);
    return 0;
}
