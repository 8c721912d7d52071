/* Signal masks of fibers, and what of them the kernel has. See signals.h. */
#include "core/enter.h"
#include "core/kick.h"
#include "core/mem.h"
#include "core/pending.h"

#include <errno.h>
#include <string.h>

void signals_count(struct fiber *f, uint64_t now)
{
    struct signals *s = &rt.signals;
    for (uint64_t changed = f->sig.counted ^ now; changed != 0; changed &= changed - 1) {
        int sig = __builtin_ctzll(changed) + 1;
        if ((now & signal_bit(sig)) != 0)
            s->blocked[sig]++;
        else
            s->blocked[sig]--;
    }
    f->sig.counted = now;
}

/* Who is away may still let in what all block from now on: the kernel would act on it there, by default even. */
static bool lets_in(const struct kthread *k, uint64_t set)
{
    return (set & ~__atomic_load_n(&k->kernel_mask, __ATOMIC_RELAXED)) != 0 &&
           __atomic_load_n(&k->running, __ATOMIC_RELAXED) != NULL;
}

static void shut_others(const struct kthread *here, uint64_t set)
{
    enum { PATIENCE_MS = 20 }; /* for one that has no processor */
    const struct timespec pause = {0, 20000};
    uint64_t until = clock_after(PATIENCE_MS * NS_PER_MS);
    for (const struct kthread *k = rt.baton.all; k != NULL; k = k->next) {
        if (k == here || !lets_in(k, set))
            continue;
        kick_masks(k->tid);
        while (lets_in(k, set) && clock_now() < until)
            (void)sys(SYS_nanosleep, &pause, NULL);
    }
}

void signals_refresh(struct kthread *k)
{
    struct signals *s = &rt.signals;
    uint64_t mask = 0, was = s->kernel_mask;
    for (int sig = 1; sig <= SIGNALS; sig++)
        if (s->blocked[sig] >= rt.fibers.live && s->blocked[sig] != 0)
            mask |= signal_bit(sig);
    if (rt.fibers.live == 0) /* only promoted threads are left to take one */
        mask = ALL_SIGNALS;
    mask |= s->reserved;
    s->kernel_mask = mask;
    if (k != NULL && (mask & ~was) != 0)
        shut_others(k, mask & ~was);
    if (k != NULL && k->kernel_mask != (mask | __atomic_load_n(&s->held, __ATOMIC_SEQ_CST)))
        signals_apply(k);
}

void signals_let_in(struct kthread *k)
{
    if (likely(__atomic_load_n(&rt.signals.held, __ATOMIC_RELAXED) == 0) || pending_scarce())
        return;
    __atomic_store_n(&rt.signals.held, 0, __ATOMIC_SEQ_CST);
    signals_apply(k);
}

void signals_apply(struct kthread *k)
{
    k->kernel_mask = rt.signals.kernel_mask | __atomic_load_n(&rt.signals.held, __ATOMIC_SEQ_CST);
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &k->kernel_mask, NULL, 8);
}

uint64_t signals_away_mask(const struct fiber *f)
{
    uint64_t others = f->main ? 0 : rt.signals.reserved;
    return f->sig.mask | others | __atomic_load_n(&rt.signals.held, __ATOMIC_SEQ_CST);
}

void signals_step_away(struct fiber *self)
{
    uint64_t mask = signals_away_mask(self);
    if (likely(self->kt->kernel_mask == mask))
        return;
    __atomic_store_n(&self->kt->kernel_mask, mask, __ATOMIC_RELAXED);
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

void signals_left_away(const struct kthread *k)
{
    const struct fiber *f = __atomic_load_n(&k->running, __ATOMIC_RELAXED);
    if (f != NULL && (signals_away_mask(f) & ~k->kernel_mask) != 0)
        kick_masks(k->tid);
}

void signals_reserve(struct fiber *main, uint64_t set)
{
    set &= main->sig.mask;
    if (likely((set & ~rt.signals.kernel_mask) == 0 && rt.signals.reserved == 0))
        return; /* all block them */
    rt.signals.reserved = set;
    signals_refresh(main->kt);
}

void signals_born(struct fiber *f)
{
    if (f->sig.mask == 0 && rt.signals.kernel_mask == 0)
        return;
    signals_count(f, f->sig.mask);
    signals_refresh(signals_carrier());
}

void signals_gone(struct fiber *f)
{
    f->sig.mask = ALL_SIGNALS;
    signals_pass_on(f);
    for (struct pending_signal *p = f->sig.queue, *next; p != NULL; p = next) {
        next = p->next;
        pending_put(p);
    }
    f->sig.queue = NULL;
    signals_let_in(signals_carrier());
    signals_count(f, 0);
    if (rt.fibers.live == 0)
        signals_refresh(signals_carrier());
}

/* Inside the core. Signals that become deliverable are routed again. */
void signals_change_mask(struct fiber *self, uint64_t mask)
{
    uint64_t was = self->sig.mask;
    self->sig.mask = mask & ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
    if (was == self->sig.mask && self->sig.counted == was)
        return;
    signals_count(self, self->sig.mask);
    signals_refresh(self->kt);
    signals_pass_on(self);
    signals_route_again();
    if (self->sig.queue != NULL)
        self->sig.due = true;
}

uint64_t signals_set_mask(struct fiber *self, uint64_t mask)
{
    core_enter(self);
    uint64_t was = self->sig.mask;
    signals_change_mask(self, mask);
    core_leave(self);
    return was;
}

int signals_mask(struct fiber *self, int how, const sigset_t *set, sigset_t *old)
{
    uint64_t was = self->sig.mask, bits = 0;
    if (set != NULL) {
        memcpy(&bits, set, sizeof bits);
        if (how != SIG_BLOCK && how != SIG_UNBLOCK && how != SIG_SETMASK)
            return EINVAL;
        uint64_t now = how == SIG_BLOCK ? was | bits : how == SIG_UNBLOCK ? was & ~bits : bits;
        now &= ~(3ull << 31); /* libc keeps 32 and 33 for itself */
        if (now != was)
            signals_set_mask(self, now);
    }
    if (old != NULL && !mem_writable(old, sizeof was))
        return EFAULT; /* the mask has changed, as bare */
    if (old != NULL) {
        memset(old, 0, sizeof *old);
        memcpy(old, &was, sizeof was);
    }
    return 0;
}
