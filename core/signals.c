#include "core/enter.h"
#include "core/mem.h"
#include "core/on_signal.h"
#include "core/pending.h"
#include "core/promote.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>
#include <ucontext.h>

static bool main_alive(void)
{
    return !rt.fibers.main->promoted && rt.fibers.main->state != FIBER_DONE && rt.fibers.main->state != FIBER_FREE;
}

/* The kernel prefers the main thread, so do we. */
static bool mine(const struct fiber *self, int sig)
{
    return !blocks(self, sig) && (self == rt.fibers.main || !main_alive() || blocks(rt.fibers.main, sig));
}

static bool synchronous(int sig, const siginfo_t *info)
{
    return info->si_code > 0 &&
           (sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL || sig == SIGTRAP || sig == SIGSYS);
}

/* The program has no handler, but the signal is watched. A fault comes again and ends the process then. */
static void without_handler(int sig, const siginfo_t *info)
{
    const struct sigaction none = {.sa_handler = SIG_DFL};
    if (synchronous(sig, info))
        real.sigaction(sig, &none, NULL);
}

/* In the trampoline: the kernel has blocked its signal on this kernel thread. */
static void unblock(const struct kthread *k)
{
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &k->kernel_mask, NULL, sizeof k->kernel_mask);
}

/* blocked: the kernel has blocked the signal for the trampoline. It is unblocked when it is blocked as the fiber has
 * it: what comes then is queued behind. */
static void run_handler(struct fiber *self, int sig, siginfo_t *info, ucontext_t *context, bool blocked)
{
    struct sigaction act = rt.signals.acts[sig];
    on_signal_note(sig);
    if (!is_handler(&act)) {
        without_handler(sig, info);
        return;
    }
    struct handler_frame frame = {self->sig.frames, self->sig.mask};
    bool masked = self->sig.masked;
    self->sig.masked = false;
    uint64_t add, counted = self->sig.counted;
    memcpy(&add, &act.sa_mask, sizeof add);
    if ((act.sa_flags & SA_NODEFER) == 0)
        add |= signal_bit(sig);
    if ((act.sa_flags & SA_RESETHAND) != 0) {
        struct sigaction none = {.sa_handler = SIG_DFL};
        signals_action(sig, &none, NULL);
    }
    self->sig.mask |= add & ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
    self->sig.frames = &frame;
    if (blocked)
        unblock(self->kt);
    memcpy(&context->uc_sigmask, &frame.mask, sizeof frame.mask);
    if ((act.sa_flags & SA_SIGINFO) != 0)
        act.sa_sigaction(sig, info, context);
    else
        act.sa_handler(sig);
    self->sig.frames = frame.outer;
    memcpy(&add, &context->uc_sigmask, sizeof add);
    if ((self->sig.counted != counted || add != frame.mask) && !self->kt->in_core)
        signals_set_mask(self, add);
    else
        self->sig.mask = add;
    self->sig.masked = masked;
    if (self->sig.queue != NULL || rt.signals.queue != NULL) /* it came meanwhile and was blocked */
        self->sig.due = true;
    self->sig.restart = (act.sa_flags & SA_RESTART) != 0;
    self->sig.interrupted = true;
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

/* On a thread that is no fiber, or solo again after a fork. The kernel has blocked the signal alone for the handler
 * (see install); it restores the mask from the context. */
static void run_native(int sig, siginfo_t *info, void *context)
{
    struct sigaction act = rt.signals.acts[sig];
    uint64_t add;
    on_signal_note(sig);
    if (!is_handler(&act)) {
        without_handler(sig, info);
        return;
    }
    memcpy(&add, &act.sa_mask, sizeof add);
    if (add != 0)
        (void)sys(SYS_rt_sigprocmask, SIG_BLOCK, &add, NULL, sizeof add);
    add = signal_bit(sig) & ~add;
    if ((act.sa_flags & SA_NODEFER) != 0 && add != 0)
        (void)sys(SYS_rt_sigprocmask, SIG_UNBLOCK, &add, NULL, sizeof add);
    if ((act.sa_flags & SA_RESETHAND) != 0) {
        struct sigaction none = {.sa_handler = SIG_DFL};
        signals_action(sig, &none, NULL);
    }
    if ((act.sa_flags & SA_SIGINFO) != 0)
        act.sa_sigaction(sig, info, context);
    else
        act.sa_handler(sig);
}

/* A signal to the process has come to a promoted thread, but the kernel would have given it to the main thread. */
static bool main_takes(int sig, const siginfo_t *info)
{
    bool process = info->si_code == SI_USER || info->si_code == SI_KERNEL || (sig == SIGCHLD && info->si_code > 0);
    return rt.coop && process && promote_record() != NULL && main_alive() && !blocks(rt.fibers.main, sig);
}

/* The carrier waits in its own context, where no fiber is: it is inside the core. */
static struct kthread *idle_carrier(void)
{
    if (!rt.coop || fiber_record != NULL)
        return NULL;
    struct kthread *k = signals_carrier();
    return k->tid == sys_gettid() ? k : NULL;
}

/* A signal that only makes a fiber look at its queue, or ends its sigwait: the true one is in there. */
static char nudge;

static void send_nudge(int tid, int sig)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = sig;
    info.si_code = SI_QUEUE;
    info.si_pid = sys_getpid();
    info.si_value.sival_ptr = &nudge;
    (void)sys(SYS_rt_tgsigqueueinfo, sys_getpid(), tid, sig, &info);
}

static bool is_nudge(const siginfo_t *info)
{
    return info->si_code == SI_QUEUE && info->si_value.sival_ptr == &nudge && info->si_pid == sys_getpid();
}

void signals_trampoline(int sig, siginfo_t *info, void *context)
{
    struct fiber *self = fiber_self;
    ucontext_t *uc = context;
    int saved = errno;
    if (self == NULL && is_nudge(info))
        return;
    if (self == NULL) {
        struct kthread *k = idle_carrier();
        struct pending_signal *p = k != NULL || main_takes(sig, info) ? pending_take(sig, info, NULL) : NULL;
        if (p == NULL) {
            run_native(sig, info, context);
        } else {
            signals_arrive(p);
            loop_kick();
        }
        errno = saved;
        return;
    }
    /* A broken pipe is the writer's own. */
    bool broken_pipe = sig == SIGPIPE && info->si_code == SI_USER && info->si_pid == sys_getpid();
    bool directed = info->si_code == SI_TKILL && (self->sig.waited & signal_bit(sig)) == 0 && baton_is_away(self);
    bool at_once = synchronous(sig, info);
    if (!at_once && !self->kt->in_core)
        at_once = broken_pipe ? !blocks(self, sig) : mine(self, sig) || (directed && !blocks(self, sig));
    bool nudged = is_nudge(info);
    if (at_once || nudged) {
        if (!nudged)
            run_handler(self, sig, info, uc, true);
        if (self->sig.due && !self->kt->in_core) {
            unblock(self->kt);
            signals_deliver(self);
        }
    } else {
        signals_arrive(pending_take(sig, info, broken_pipe ? self : NULL));
        if (self->kt->in_core || baton_is_away(self)) {
            self->kt->deferred = true;
            loop_kick();
        } else {
            core_enter(self);
            unblock(self->kt); /* those that follow find it in the core, and return: no frames pile up */
            signals_route();
            core_leave(self);
        }
    }
    /* The fiber may be on another kernel thread by now: the kernel shall restore that one's mask. */
    memcpy(&uc->uc_sigmask, &self->kt->kernel_mask, sizeof self->kt->kernel_mask);
    errno = saved;
}

/* ---- choosing the fiber ---- */

static struct fiber *choose(int sig)
{
    for (struct list *l = rt.fibers.all.next; l != &rt.fibers.all; l = l->next) {
        struct fiber *f = container_of(l, struct fiber, all);
        if ((f->sig.waited & signal_bit(sig)) != 0)
            return f;
    }
    if (main_alive() && !blocks(rt.fibers.main, sig))
        return rt.fibers.main;
    for (struct list *l = rt.fibers.all.next; l != &rt.fibers.all; l = l->next) {
        struct fiber *f = container_of(l, struct fiber, all);
        if (!blocks(f, sig))
            return f;
    }
    return NULL;
}

static void append(struct pending_signal **queue, struct pending_signal *p)
{
    while (*queue != NULL) {
        if ((*queue)->sig == p->sig && p->sig < 32) { /* standard signals do not queue */
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
    if (f->promoted) {
        p->next = NULL;
        signals_forward(f, p);
        return;
    }
    int sig = p->sig, tid = f->kt != NULL ? f->kt->tid : 0;
    append(&f->sig.queue, p);
    if (baton_is_away(f) && (!blocks(f, sig) || (f->sig.waited & signal_bit(sig)) != 0)) {
        /* It runs on a kernel thread of its own: a signal there makes it look, or ends its sigwait. */
        f->sig.due = !blocks(f, sig);
        send_nudge(tid, sig);
        return;
    }
    if (blocks(f, sig))
        return;
    f->sig.due = true;
    if (f->state == FIBER_PARKED)
        sched_ready_first(f);
    else
        __atomic_store_n(&rt.sched.slice_over, 1, __ATOMIC_RELAXED);
}

static void route_one(struct pending_signal *p)
{
    struct fiber *f = p->target != NULL ? p->target : choose(p->sig);
    if (f != NULL)
        signals_give(f, p);
    else
        append(&rt.signals.queue, p);
}

void signals_route(void)
{
    if (__atomic_load_n(&rt.signals.arrived, __ATOMIC_RELAXED) == NULL)
        return;
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
    signals_route();
    route_again(self);
    for (const struct pending_signal *p = self->sig.queue; p != NULL; p = p->next)
        if (!blocks(self, p->sig) && is_handler(&rt.signals.acts[p->sig]))
            return true;
    return false;
}

void signals_deliver(struct fiber *self)
{
    for (;;) {
        self->kt->deferred = false;
        core_enter(self);
        signals_route();
        route_again(self);
        struct pending_signal *p = take(self);
        self->sig.due = false;
        self->kt->deferred = false;
        core_leave(self);
        if (p == NULL)
            return;
        ucontext_t context = {.uc_flags = 0};
        siginfo_t info = p->info;
        int sig = p->sig;
        pending_put(p);
        int saved = errno;
        run_handler(self, sig, &info, &context, false);
        errno = saved;
    }
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

/* The kernel takes any siginfo for the own process. */
void signals_forward(struct fiber *f, struct pending_signal *queue)
{
    while (queue != NULL) {
        struct pending_signal *next = queue->next;
        if (f->state != FIBER_DONE && f->state != FIBER_FREE)
            (void)sys(SYS_rt_tgsigqueueinfo, sys_getpid(), f->kt->tid, queue->sig, &queue->info);
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
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &self->sig.mask, NULL, 8);
}
