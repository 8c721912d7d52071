/* Where a signal comes in: the trampoline, and how the program's handler is run. See signals.h. */
#include "core/altstack.h"
#include "core/enter.h"
#include "core/monitor.h"
#include "core/on_signal.h"
#include "core/pending.h"
#include "core/promote.h"
#include "core/switch.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>
#include <ucontext.h>

/* The kernel prefers the main thread, so do we. */
static bool mine(const struct fiber *self, int sig)
{
    return !blocks(self, sig) && (self == rt.fibers.main || !signals_main_alive() || blocks(rt.fibers.main, sig));
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

struct call {
    const struct sigaction *act;
    siginfo_t *info;
    ucontext_t *context;
    int sig;
};

static void call_here(void *arg)
{
    struct call *c = arg;
    if ((c->act->sa_flags & SA_SIGINFO) != 0)
        c->act->sa_sigaction(c->sig, c->info, c->context);
    else
        c->act->sa_handler(c->sig);
}

/* The program's handler, on the stack that it wants. */
static void call(struct fiber *self, const struct sigaction *act, int sig, siginfo_t *info, ucontext_t *context)
{
    struct call c = {act, info, context, sig};
    void *top = altstack_top(self, act);
    bool alternate = (act->sa_flags & SA_ONSTACK) != 0;
    altstack_begin(self, context, alternate);
    if (top != NULL)
        switch_call(top, call_here, &c);
    else
        call_here(&c);
    altstack_end(self, context);
}

struct handler_frame *signals_frames(struct fiber *self, uintptr_t sp)
{
    struct handler_frame *f = self->sig.frames;
    while (f != NULL && (f->own != f || altstack_left(self, (uintptr_t)f, sp + 1)))
        f = f->own == f ? f->outer : NULL;
    if (unlikely(f != self->sig.frames))
        self->sig.frames = f;
    return f;
}

void signals_run(struct fiber *self, int sig, siginfo_t *info, ucontext_t *context, uint64_t mask, bool blocked)
{
    struct sigaction act = rt.signals.acts[sig];
    on_signal_note(sig);
    if (!is_handler(&act)) {
        self->sig.mask = mask;
        without_handler(sig, info);
        return;
    }
    struct handler_frame frame;
    frame = (struct handler_frame){signals_frames(self, (uintptr_t)&frame), mask, &frame};
    bool masked = self->sig.masked;
    self->sig.masked = false;
    uint64_t add, counted = self->sig.counted;
    memcpy(&add, &act.sa_mask, sizeof add);
    if ((act.sa_flags & SA_NODEFER) == 0)
        add |= signal_bit(sig);
    if ((act.sa_flags & SA_RESETHAND) != 0) {
        struct sigaction none = {.sa_handler = SIG_DFL};
        signals_action(sig, &none, NULL);
        for (struct pending_signal *p = self->sig.queue; p != NULL; p = p->next)
            p->late = p->late || p->sig == sig;
    }
    self->sig.mask = mask | (add & ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP)));
    __atomic_store_n(&self->sig.frames, &frame, __ATOMIC_SEQ_CST);
    if (blocked)
        unblock(self->kt);
    line_interrupted(self);
    memcpy(&context->uc_sigmask, &frame.mask, sizeof frame.mask);
    call(self, &act, sig, info, context);
    self->sig.frames = frame.outer;
    memcpy(&add, &context->uc_sigmask, sizeof add);
    if ((self->sig.counted != counted || add != frame.mask) && rt.coop && !self->kt->in_core)
        signals_set_mask(self, add);
    else
        self->sig.mask = add;
    self->sig.masked = masked;
    bool waiting = self->sig.queue != NULL || rt.signals.queue != NULL || signals_arrived();
    if (waiting) /* it came meanwhile and was blocked */
        self->sig.due = true;
    self->sig.restart = (act.sa_flags & SA_RESTART) != 0;
    self->sig.interrupted = true;
}

/* On a thread that is no fiber, or solo again after a fork. The kernel has blocked the signal alone for the handler, or
 * all of them; it restores the mask from the context. */
static void run_native(int sig, siginfo_t *info, void *context)
{
    struct sigaction act = rt.signals.acts[sig];
    uint64_t add, mask;
    on_signal_note(sig);
    if (!is_handler(&act)) {
        without_handler(sig, info);
        return;
    }
    memcpy(&add, &act.sa_mask, sizeof add);
    if ((act.sa_flags & SA_NODEFER) == 0)
        add |= signal_bit(sig);
    memcpy(&mask, &((ucontext_t *)context)->uc_sigmask, sizeof mask);
    mask |= add;
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
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
    return rt.coop && process && promote_record() != NULL && signals_main_alive() && !blocks(rt.fibers.main, sig);
}

/* A kernel thread of ours in its own context, where no fiber is: the carrier that waits, or one that a fiber has just
 * left and that has not blocked all signals yet. */
static bool between_fibers(void)
{
    if (!rt.coop || fiber_record != NULL)
        return false;
    int tid = sys_gettid();
    for (const struct kthread *k = __atomic_load_n(&rt.baton.all, __ATOMIC_ACQUIRE); k != NULL; k = k->next)
        if (k->tid == tid)
            return true;
    return false;
}

static bool from_us(const siginfo_t *info)
{
    return info->si_pid == sys_getpid();
}

/* No fiber is interrupted: a thread that is none, or the carrier between two of them. */
static void outside(int sig, siginfo_t *info, void *context)
{
    bool own = info->si_code == SI_TKILL && from_us(info); /* from within libc: abort */
    bool theirs = !own && (between_fibers() || main_takes(sig, info));
    struct pending_signal *p = theirs ? pending_take(sig, info, NULL) : NULL;
    if (p == NULL) {
        run_native(sig, info, context);
    } else {
        signals_arrive(p);
        loop_kick();
    }
}

/* A broken pipe, or a file that would be too long. */
static bool writers_own(int sig, const siginfo_t *info)
{
    return (sig == SIGPIPE || sig == SIGXFSZ) && info->si_code == SI_USER && from_us(info);
}

static bool holds(const struct pending_signal *queue, int sig)
{
    while (queue != NULL && queue->sig != sig)
        queue = queue->next;
    return queue != NULL;
}

/* An earlier one of its kind may be waiting for its turn. */
static bool comes_later(const struct fiber *self, int sig)
{
    if (signals_arrived())
        return true;
    if (baton_is_away(self)) /* the carrier may be at work on the queues */
        return self->sig.queue != NULL || rt.signals.queue != NULL;
    return holds(self->sig.queue, sig) || holds(rt.signals.queue, sig);
}

/* Its handler runs on the fiber that is interrupted. To a kernel thread of ours libc alone sends, from within, and
 * means who calls it: abort. */
static bool at_once(const struct fiber *self, int sig, const siginfo_t *info)
{
    if (synchronous(sig, info))
        return true;
    if (self->kt->in_core)
        return false;
    if (writers_own(sig, info))
        return !blocks(self, sig);
    bool sent = info->si_code == SI_TKILL && (self->sig.waited & signal_bit(sig)) == 0;
    return (sent && !blocks(self, sig) && (from_us(info) || baton_is_away(self))) ||
           (mine(self, sig) && !comes_later(self, sig));
}

/* The fiber may be on another kernel thread by now: the kernel shall restore what that one has. A fork's child has what
 * the fiber had. */
static void leave(const struct fiber *self, ucontext_t *context)
{
    if (!rt.coop)
        return;
    memcpy(&context->uc_sigmask, &self->kt->kernel_mask, sizeof self->kt->kernel_mask);
    altstack_return(self->kt, context);
}

/* On the kernel thread that was interrupted, where the kernel may have begun with another handler, whose signal it has
 * blocked meanwhile. */
static void stay(const struct fiber *self, ucontext_t *context)
{
    uint64_t mask;
    memcpy(&mask, &context->uc_sigmask, sizeof mask);
    mask |= self->kt->kernel_mask;
    memcpy(&context->uc_sigmask, &mask, sizeof mask);
}

void signals_interrupt(struct fiber *self, ucontext_t *context)
{
    unblock(self->kt);
    signals_deliver(self);
    leave(self, context);
}

/* On a stack of the fiber's. */
static void run_here(int sig, siginfo_t *info, void *context)
{
    struct fiber *self = fiber_self;
    int saved = errno;
    signals_run(self, sig, info, context, self->sig.mask, true);
    if (self->sig.due && !self->kt->in_core)
        signals_interrupt(self, context);
    else
        leave(self, context);
    errno = saved;
}

/* Room for those that wait is short: the kernel keeps the others of its kind, for whom as bare there is a limit of the
 * sender's. */
static void hold_back(struct kthread *k, int sig)
{
    if (likely(!pending_scarce()) || sig < 32)
        return;
    __atomic_fetch_or(&rt.signals.held, signal_bit(sig), __ATOMIC_SEQ_CST);
    k->kernel_mask |= signal_bit(sig);
}

/* For another fiber, or for later. ours: on a stack of ours, where nothing may wait. */
static void queue(struct fiber *self, int sig, const siginfo_t *info, ucontext_t *context, bool ours)
{
    signals_arrive(pending_take(sig, info, writers_own(sig, info) ? self : NULL));
    hold_back(self->kt, sig);
    if (self->kt->in_core || ours || baton_is_away(self)) {
        self->kt->deferred = true;
        loop_kick();
        if (ours)
            monitor_wake(); /* the fiber may compute for long */
        stay(self, context);
    } else {
        core_enter(self);
        unblock(self->kt); /* those that follow find it in the core, and return: no frames pile up */
        signals_route();
        core_leave(self);
        leave(self, context);
    }
}

/* The kernel tells of our guards as of pages that are none; runtimes look which it is. */
static void tell_guard(siginfo_t *info)
{
    if (info->si_code == SEGV_MAPERR && fiber_record != NULL && stacks_protects(fiber_record, info->si_addr))
        info->si_code = SEGV_ACCERR;
}

void signals_trampoline(int sig, siginfo_t *info, void *context)
{
    struct fiber *self = fiber_self;
    int saved = errno;
    if (sig == SIGSEGV)
        tell_guard(info);
    if (self == NULL) {
        outside(sig, info, context);
        errno = saved;
        return;
    }
    bool ours = altstack_ours(self->kt, info, context);
    if (!at_once(self, sig, info)) {
        queue(self, sig, info, context, ours);
        errno = saved;
    } else if (ours) {
        altstack_move(self, true, run_here, sig, info, context);
    } else {
        run_here(sig, info, context);
    }
}
