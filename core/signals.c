#include "core/altstack.h"
#include "core/enter.h"
#include "core/identity.h"
#include "core/kick.h"
#include "core/pending.h"
#include "core/promote.h"
#include "core/switch.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>
#include <ucontext.h>

bool signals_arrived(void)
{
    return __atomic_load_n(&rt.signals.arrived, __ATOMIC_RELAXED) != NULL;
}

void signals_arrive(struct pending_signal *p)
{
    if (p == NULL)
        return;
    struct pending_signal *head = __atomic_load_n(&rt.signals.arrived, __ATOMIC_RELAXED);
    do
        p->next = head;
    while (!__atomic_compare_exchange_n(&rt.signals.arrived, &head, p, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
}

struct fiber *signals_choose(int sig)
{
    for (struct list *l = rt.fibers.all.next; l != &rt.fibers.all; l = l->next) {
        struct fiber *f = container_of(l, struct fiber, all);
        if ((f->sig.waited & signal_bit(sig)) != 0)
            return f;
    }
    if (signals_main_alive() && !blocks(rt.fibers.main, sig))
        return rt.fibers.main;
    for (struct list *l = rt.fibers.all.next; l != &rt.fibers.all; l = l->next) {
        struct fiber *f = container_of(l, struct fiber, all);
        if (!blocks(f, sig))
            return f;
    }
    return NULL;
}

/* A timer has one signal under way; what comes meanwhile it counts. */
static bool of_same_timer(const struct pending_signal *a, const struct pending_signal *b)
{
    return a->sig == b->sig && a->info.si_code == SI_TIMER && b->info.si_code == SI_TIMER &&
           a->info.si_timerid == b->info.si_timerid;
}

static void append(struct pending_signal **queue, struct pending_signal *p)
{
    while (*queue != NULL) {
        if (of_same_timer(*queue, p)) {
            (*queue)->info.si_overrun += p->info.si_overrun + 1;
            pending_put(p);
            return;
        }
        if ((*queue)->sig == p->sig && p->sig < 32 && (*queue)->target == p->target) { /* standard ones do not queue */
            pending_put(p);
            return;
        }
        queue = &(*queue)->next;
    }
    p->next = NULL;
    *queue = p;
}

void signals_give(struct fiber *f, struct pending_signal *p)
{
    if (unlikely(f->state == FIBER_DONE || f->state == FIBER_FREE)) { /* it has ended meanwhile */
        pending_put(p);
        return;
    }
    if (f->promoted) {
        p->next = NULL;
        signals_forward(f, p);
        return;
    }
    int sig = p->sig;
    if (p->target == f && blocks(f, sig) && signals_show(p)) {
        pending_put(p);
        return;
    }
    p->late = p->late || blocks(f, sig);
    append(&f->sig.queue, p);
    if (baton_is_away(f) && (f->sig.waited & signal_bit(sig)) != 0) {
        /* Not by that signal itself: while some other fiber does not block it, the kernel would act on it. */
        if (wait_is_away(f)) /* else in a handler, and it looks afterwards */
            wait_wake(f->wait, -E_AGAIN);
        return;
    }
    if (baton_is_away(f) && !blocks(f, sig)) {
        int flags = rt.signals.acts[sig].sa_flags;
        bool kicked = f->sig.due; /* and has not looked yet */
        f->sig.due = true;
        if (!kicked)
            kick_look(f, (flags & SA_RESTART) != 0, (flags & SA_ONSTACK) != 0 && rt.signals.altstacks);
        return;
    }
    if (blocks(f, sig))
        return;
    f->sig.due = true;
    if (f->state == FIBER_PARKED)
        sched_ready_first(f);
    else
        sched_slice_over();
}

static void route_one(struct pending_signal *p)
{
    struct fiber *f = p->target != NULL ? p->target : signals_choose(p->sig);
    if (f != NULL) {
        signals_give(f, p);
    } else {
        p->late = true;
        append(&rt.signals.queue, p);
    }
}

void signals_pass_on(struct fiber *f)
{
    struct pending_signal **q = &f->sig.queue, *passed = NULL, **end = &passed;
    while (*q != NULL) {
        struct pending_signal *p = *q;
        if (p->target != NULL || !blocks(f, p->sig)) {
            q = &p->next;
            continue;
        }
        *q = p->next;
        *end = p;
        end = &p->next;
    }
    *end = NULL;
    while (passed != NULL) {
        struct pending_signal *next = passed->next;
        route_one(passed);
        passed = next;
    }
}

void signals_route_again(void)
{
    struct pending_signal *p = rt.signals.queue;
    rt.signals.queue = NULL;
    while (p != NULL) {
        struct pending_signal *next = p->next;
        route_one(p);
        p = next;
    }
}

void signals_route(void)
{
    if (!signals_arrived())
        return;
    if (unlikely(rt.signals.queue != NULL)) /* those that came before first */
        signals_route_again();
    struct pending_signal *p = __atomic_exchange_n(&rt.signals.arrived, NULL, __ATOMIC_SEQ_CST), *oldest = NULL;
    while (p != NULL) {
        struct pending_signal *next = p->next;
        p->next = oldest;
        oldest = p;
        p = next;
    }
    while ((p = oldest) != NULL) {
        oldest = p->next;
        route_one(p);
    }
}

/* What everybody blocked when it came, and the fiber does not block any more. */
static void route_again(const struct fiber *f)
{
    for (const struct pending_signal *p = rt.signals.queue; p != NULL; p = p->next)
        if (!blocks(f, p->sig)) {
            signals_route_again();
            return;
        }
}

/* Takes the first signal that the fiber does not block. */
static struct pending_signal *take(struct fiber *f)
{
    for (struct pending_signal **q = &f->sig.queue; *q != NULL; q = &(*q)->next) {
        struct pending_signal *p = *q;
        if (blocks(f, p->sig))
            continue;
        *q = p->next;
        return p;
    }
    return NULL;
}

bool signals_handles(struct fiber *self)
{
    route_again(self);
    signals_route();
    for (const struct pending_signal *p = self->sig.queue; p != NULL; p = p->next)
        if (!blocks(self, p->sig) && is_handler(&rt.signals.acts[p->sig]))
            return true;
    return false;
}

struct delivery {
    struct fiber *self;
    siginfo_t info;
    int sig;
    uint64_t mask; /* the fiber's, afterwards */
    ucontext_t context;
};

/* A handler may read the context (a collector of garbage looks for the stack pointer) and change it. */
static void deliver(void *arg)
{
    struct delivery *d = arg;
    int saved = errno;
    gregset_t before;
    memcpy(before, d->context.uc_mcontext.gregs, sizeof before);
    signals_run(d->self, d->sig, &d->info, &d->context, d->mask, false);
    errno = saved;
    if (memcmp(before, d->context.uc_mcontext.gregs, sizeof before) != 0)
        switch_resume(&d->context);
}

/* It was blocked while the program took its handler back: the kernel does what the program wants now. */
static void leave_to_kernel(int sig)
{
    const uint64_t it = signal_bit(sig);
    uint64_t mask;
    (void)sys(SYS_rt_sigprocmask, SIG_UNBLOCK, &it, &mask, sizeof it);
    (void)sys(SYS_tgkill, sys_getpid(), sys_gettid(), sig);
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

/* Asynchronous cancellation while the fiber was ready to run, or in a handler. */
static void test_cancel(struct fiber *self)
{
    if (unlikely(self->cancel_pending) && identity_cancelled(self) && tls_is_async(self->fs) &&
        (self->wait == NULL || wait_in_handler(self->wait)))
        identity_test_cancel(self);
}

void signals_deliver(struct fiber *self)
{
    for (;;) {
        self->kt->deferred = false;
        core_enter(self);
        route_again(self);
        signals_route();
        struct pending_signal *p = take(self);
        struct delivery d = {.self = self, .mask = self->sig.mask};
        bool to_kernel = p != NULL && p->late && !has_handler(p->sig);
        if (p != NULL) { /* blocked from here on: the next of its kind does not overtake it */
            d.sig = p->sig;
            d.info = p->info;
            self->sig.mask |= to_kernel ? 0 : signal_bit(p->sig);
            pending_put(p);
        }
        signals_let_in(self->kt);
        self->sig.due = false;
        self->kt->deferred = false;
        core_leave(self);
        if (p == NULL) {
            test_cancel(self);
            return;
        }
        if (unlikely(to_kernel))
            leave_to_kernel(d.sig);
        else
            switch_capture(&d.context, deliver, &d);
    }
}

/* What of a set the kernel would give to this fiber, were it a thread. */
static uint64_t own(const struct fiber *self, uint64_t set)
{
    set &= rt.signals.ours & ~self->sig.mask & ~rt.signals.kernel_mask;
    set &= ~__atomic_load_n(&rt.signals.held, __ATOMIC_SEQ_CST);
    if (self != rt.fibers.main && signals_main_alive())
        set &= rt.fibers.main->sig.mask;
    return set;
}

/* The first kernel thread runs another fiber: a signal that the kernel has just taken out for it is in no queue. */
static void await_arrival(void)
{
    enum { ON_ITS_WAY = 5000 /* ns */ };
    uint64_t until = clock_after(ON_ITS_WAY);
    while (__atomic_load_n(&rt.baton.first.running, __ATOMIC_RELAXED) != NULL && !signals_arrived() &&
           clock_now() < until)
        ;
}

void signals_settle(struct fiber *self, uint64_t set)
{
    static const struct timespec now;
    siginfo_t info;
    long sig;
    if (self->kt != &rt.baton.first && (set = own(self, set)) != 0) {
        while (!pending_scarce() && (sig = sys(SYS_rt_sigtimedwait, &set, &info, &now, 8)) > 0)
            signals_arrive(pending_take((int)sig, &info, NULL));
        await_arrival();
    }
    if (unlikely(signals_arrived()))
        signals_deliver(self);
}

static void forget_in(struct pending_signal **queue, int sig)
{
    while (*queue != NULL) {
        struct pending_signal *p = *queue;
        if (p->sig != sig) {
            queue = &p->next;
            continue;
        }
        *queue = p->next;
        pending_put(p);
    }
}

void signals_forget(struct fiber *self, int sig)
{
    if (!pending_any())
        return;
    core_enter(self);
    signals_route();
    forget_in(&rt.signals.queue, sig);
    for (struct list *l = rt.fibers.all.next; l != &rt.fibers.all; l = l->next)
        forget_in(&(container_of(l, struct fiber, all))->sig.queue, sig);
    core_leave(self);
}

bool signals_restarts(struct fiber *self)
{
    return self->sig.restart;
}

struct pending_signal *signals_promoted(struct fiber *f)
{
    struct pending_signal *queue = f->sig.queue;
    f->sig.queue = NULL;
    f->sig.due = false;
    signals_count(f, 0);
    signals_refresh(signals_carrier());
    return queue;
}

/* What the kernel says of a signal's origin it takes from the first thread alone; from another one of the process, what
 * threads say. */
static void forward(int tid, struct pending_signal *p)
{
    if (sys(SYS_rt_tgsigqueueinfo, sys_getpid(), tid, p->sig, &p->info) != -EPERM)
        return;
    if (p->info.si_code == SI_TKILL) {
        (void)sys(SYS_tgkill, sys_getpid(), tid, p->sig);
    } else {
        p->info.si_code = SI_QUEUE;
        (void)sys(SYS_rt_tgsigqueueinfo, sys_getpid(), tid, p->sig, &p->info);
    }
}

void signals_forward(struct fiber *f, struct pending_signal *queue)
{
    while (queue != NULL) {
        struct pending_signal *next = queue->next;
        if (f->state != FIBER_DONE && f->state != FIBER_FREE)
            forward(f->kt->tid, queue);
        pending_put(queue);
        queue = next;
    }
}

void signals_start(struct fiber *main)
{
    struct signals *s = &rt.signals;
    memset(s, 0, sizeof *s);
    pending_init();
    (void)sys(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &main->sig.mask, 8);
    main->sig.queue = NULL;
    main->sig.due = false;
    main->sig.counted = 0;
    signals_count(main, main->sig.mask);
    for (int sig = 1; sig <= SIGNALS; sig++) {
        if (sig == 32 || sig == 33 || real.sigaction(sig, NULL, &s->acts[sig]) != 0)
            continue;
        if (s->acts[sig].sa_handler != SIG_DFL && s->acts[sig].sa_handler != SIG_IGN &&
            signals_install(sig, &s->acts[sig]) == 0)
            s->ours |= signal_bit(sig);
    }
    altstack_start(main);
    s->kernel_mask = main->sig.mask;
    main->kt->kernel_mask = s->kernel_mask;
}

void signals_forked(struct fiber *self)
{
    for (int sig = 1; sig <= SIGNALS; sig++)
        if (has_handler(sig))
            real.sigaction(sig, &rt.signals.acts[sig], NULL);
    rt.signals.ours = rt.signals.watched = 0;
    if (self == NULL) /* the kernel has its mask */
        return;
    self->sig.queue = NULL;
    self->sig.due = false;
    altstack_native(self);
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &self->sig.mask, NULL, 8);
}
