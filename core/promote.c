#include "core/promote.h"
#include "core/altstack.h"
#include "core/enter.h"
#include "core/monitor.h"
#include "core/pending.h"
#include "core/schedule.h"
#include "core/switch.h"
#include "shim/real.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>

/* ---- asking the carrier ---- */

struct ask {
    struct ask *next;
    void (*fn)(void *);
    void *arg;
    uint32_t done;
};

static void push_ask(struct ask *a)
{
    struct ask *head = __atomic_load_n(&rt.promote.asks, __ATOMIC_RELAXED);
    do
        a->next = head;
    while (!__atomic_compare_exchange_n(&rt.promote.asks, &head, a, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    loop_kick();
    monitor_wake(); /* the carrier may be computing, or blocked, with nobody else to run */
}

static void wait_ask(struct ask *a)
{
    while (!__atomic_load_n(&a->done, __ATOMIC_SEQ_CST))
        sys_futex_wait(&a->done, 0, NULL);
}

/* It may have left, with one fiber that computes, or blocks: see alone.h. */
static void need_monitor(void)
{
    const uint64_t all = ALL_SIGNALS;
    uint64_t mask;
    (void)sys(SYS_rt_sigprocmask, SIG_BLOCK, &all, &mask, sizeof mask);
    (void)monitor_make();
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

void promote_ask(void (*fn)(void *), void *arg)
{
    struct ask a = {.fn = fn, .arg = arg};
    push_ask(&a);
    need_monitor();
    wait_ask(&a);
}

bool promote_waits(void)
{
    return __atomic_load_n(&rt.promote.asks, __ATOMIC_RELAXED) != NULL ||
           __atomic_load_n(&rt.promote.ended, __ATOMIC_RELAXED) != NULL;
}

static void answer(void)
{
    struct ask *a = __atomic_exchange_n(&rt.promote.asks, NULL, __ATOMIC_SEQ_CST), *oldest = NULL;
    while (a != NULL) {
        struct ask *next = a->next;
        a->next = oldest;
        oldest = a;
        a = next;
    }
    while ((a = oldest) != NULL) {
        oldest = a->next;
        a->fn(a->arg);
        __atomic_store_n(&a->done, 1, __ATOMIC_SEQ_CST); /* it may be gone from here on: only its address is used */
        sys_futex_wake(&a->done, 1);
    }
}

void promote_drain(void)
{
    if (__atomic_load_n(&rt.promote.asks, __ATOMIC_RELAXED) != NULL)
        answer();
    struct fiber *f = __atomic_exchange_n(&rt.promote.ended, NULL, __ATOMIC_SEQ_CST);
    while (f != NULL) {
        struct fiber *next = f->next;
        fiber_ended(f);
        f = next;
    }
}

/* ---- becoming a kernel thread ---- */

static void push_ended(struct fiber *f)
{
    struct fiber *head = __atomic_load_n(&rt.promote.ended, __ATOMIC_RELAXED);
    do
        f->next = head;
    while (!__atomic_compare_exchange_n(&rt.promote.ended, &head, f, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    loop_kick();
    monitor_wake();
}

/* Runs the fiber on k until it ends; back in k's own context. */
static void carry(struct kthread *k)
{
    struct fiber *f = k->adopt;
    k->running = f;
    cpu_time_begin_promoted(k);
    switch_to(&k->sp, f->sp, f->fs);
    k->leaving = k->running = NULL;
    push_ended(f);
}

/* A thread of libc's that is made for one fiber. */
static void *bound(void *arg)
{
    struct kthread *k = arg;
    k->fs = tls_pointer();
    while (!__atomic_load_n(&k->wake, __ATOMIC_ACQUIRE))
        sys_futex_wait(&k->wake, 0, NULL);
    carry(k);
    baton_ended(k);
    return NULL;
}

static void rest(void) __attribute__((noreturn));
static void rest(void)
{
    for (;;)
        (void)sys(SYS_pause);
}

void promote_carry(struct kthread *k)
{
    carry(k);
    rest();
}

void promote_left(struct kthread *k)
{
    struct fiber *f = k->leaving;
    k->leaving = k->running = NULL;
    push_ended(f);
    rest();
}

void promote_exit(struct fiber *self)
{
    const uint64_t all = ALL_SIGNALS;
    struct kthread *k = self->kt;
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all);
    if (k != &rt.baton.first)
        tls_register_robust(k->fs);
    k->leaving = self;
    switch_to(&self->sp, k->sp, k->fs);
    __builtin_unreachable();
}

void promote_await(struct fiber *self, const struct fiber *target)
{
    const struct kthread *k = target->kt;
    int tid;
    if (k == &rt.baton.first || tls_tid(k->fs) == 0)
        return;
    if (self != NULL)
        baton_away(self, "pthread_join");
    while ((tid = tls_tid(k->fs)) != 0)
        tls_await_end(k->fs, tid);
    if (self != NULL)
        baton_back(self);
}

void promote_release(const struct fiber *f)
{
    if (f->kt == &rt.baton.first)
        return;
    real.pthread_detach((pthread_t)f->kt->fs);
    baton_done(f->kt);
}

/* On the kernel thread that it will keep, all signals blocked: what was virtual becomes real. */
static void settle(struct fiber *self, struct pending_signal *pending)
{
    struct kthread *k = self->kt;
    fiber_self = NULL;
    tls_rename_robust(self->fs, self->fake_tid, k->tid);
    tls_register_robust(self->fs);
    if (k != &rt.baton.first)
        (void)sys(SYS_prctl, PR_SET_NAME, self->name);
    schedule_apply(self);
    altstack_native(self);
    signals_forward(self, pending);
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &self->sig.mask, NULL, sizeof self->sig.mask);
}

/* Inside the core: off the lists of fibers, to kernel thread k. */
static struct pending_signal *leave_fibers(struct fiber *self, struct kthread *k, bool inherited)
{
    trim_forget(self);
    list_remove(&self->all);
    list_append(&rt.fibers.promoted, &self->all);
    rt.fibers.live--;
    rt.promote.count++;
    self->fake_tid = tls_tid(self->fs);
    self->tainted = inherited;
    self->call = NULL;
    self->kt = k;
    __atomic_store_n(&self->promoted, true, __ATOMIC_RELEASE); /* who sees it signals k */
    return signals_promoted(self);
}

/* The carrier goes on elsewhere; the fiber stays on this kernel thread, which is the first. */
static bool stay(struct fiber *self, bool inherited)
{
    const uint64_t all = ALL_SIGNALS;
    struct kthread *k = self->kt, *spare = baton_spare();
    if (spare == NULL)
        return false;
    cpu_time_settle(k, self);
    struct pending_signal *pending = leave_fibers(self, k, inherited);
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all);
    baton_bound();
    baton_hand(spare);
    k->in_core = false;
    if (k->deferred)
        loop_kick();
    k->deferred = false;
    settle(self, pending);
    return true;
}

/* The fiber goes on on `to`; the carrier stays here. */
static void go(struct fiber *self, struct kthread *to, bool inherited)
{
    struct kthread *k = self->kt;
    cpu_time_settle(k, self);
    cpu_time_promote(to);
    struct pending_signal *pending = leave_fibers(self, to, inherited);
    k->leaving = self;
    k->send = to;
    switch_to(&self->sp, k->sp, k->fs);
    settle(self, pending);
}

/* Inside the core and back: the first kernel thread for main. Somebody else may block on it for long; then another one
 * must do, and gettid is not the pid. NULL: main is on it. */
static struct kthread *lead(struct fiber *self)
{
    enum { TRIES = 300 };
    const struct timespec pause = {0, 1000000};
    for (int i = 0; i < TRIES; i++) {
        if (self->kt == &rt.baton.first)
            return NULL;
        if (baton_take_idle(&rt.baton.first)) {
            baton_bound();
            return &rt.baton.first;
        }
        core_leave(self);
        (void)sys(SYS_nanosleep, &pause, NULL);
        core_enter(self);
    }
    return baton_make(bound, PTHREAD_CREATE_JOINABLE);
}

bool promote_may(struct fiber *self)
{
    return signals_frames(self, (uintptr_t)__builtin_frame_address(0)) == NULL && self->wait == NULL;
}

bool promote(struct fiber *self, bool inherited)
{
    if (!promote_may(self))
        return false;
    core_enter(self);
    struct kthread *to = self->main ? lead(self) : baton_make(bound, PTHREAD_CREATE_JOINABLE);
    if (to != NULL) {
        go(self, to, inherited);
        return true;
    }
    if (self->main && self->kt == &rt.baton.first && stay(self, inherited))
        return true;
    core_leave(self);
    return false;
}

void promote_caller(struct fiber *self, bool inherited)
{
    if (self != NULL) {
        promote(self, inherited);
        return;
    }
    struct fiber *record = rt.coop ? promote_record() : NULL;
    if (record != NULL)
        record->tainted |= inherited;
}

bool promote_asked(struct fiber *self)
{
    return promote(self, true);
}

/* ---- fork ---- */

/* Of the one who forks. No handler comes in between: it might fork, too. */
static struct {
    struct ask ask;
    uint32_t held, released;
    uint64_t mask;
} still;

static void hold_still(void *unused)
{
    (void)unused;
    __atomic_store_n(&still.held, 1, __ATOMIC_SEQ_CST);
    sys_futex_wake(&still.held, 1);
    while (!__atomic_load_n(&still.released, __ATOMIC_SEQ_CST))
        sys_futex_wait(&still.released, 0, NULL);
}

void promote_fork_prepare(void)
{
    const uint64_t all = ALL_SIGNALS;
    uint64_t mask;
    (void)sys(SYS_rt_sigprocmask, SIG_BLOCK, &all, &mask, sizeof mask);
    lock_take(&rt.promote.forking);
    still.mask = mask;
    still.held = still.released = 0;
    still.ask = (struct ask){.fn = hold_still};
    push_ask(&still.ask);
    need_monitor();
    while (!__atomic_load_n(&still.held, __ATOMIC_SEQ_CST))
        sys_futex_wait(&still.held, 0, NULL);
}

void promote_fork_parent(void)
{
    __atomic_store_n(&still.released, 1, __ATOMIC_SEQ_CST);
    sys_futex_wake(&still.released, 1);
    wait_ask(&still.ask);
    uint64_t mask = still.mask;
    lock_drop(&rt.promote.forking);
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

/* In the child, whose only thread it is: solo, with what the kernel gave it. */
void promote_forked(struct fiber *f)
{
    rt.promote = (struct promote){.asks = NULL};
    if (f == NULL)
        return;
    if (f->promoted)
        (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &still.mask, NULL, sizeof still.mask);
    f->promoted = f->tainted = false;
    f->asked = 0;
}
