#include "core/share.h"
#include "core/altstack.h"
#include "core/enter.h"

enum { COMPUTES_TURNS = 8, COMPUTES_MS = 1, BRIEF_US = 200 };

/* The fiber on k, which loses the baton, computes. */
static void lost_computing(struct kthread *k)
{
    k->cpu = clock_of_thread(k->tid);
}

/* Back from being away: was that worth a processor? */
void share_judge(struct fiber *self)
{
    struct kthread *k = self->kt;
    if (k->cpu == 0)
        return;
    uint64_t ran = clock_of_thread(k->tid) - k->cpu;
    if (ran >= COMPUTES_MS * NS_PER_MS)
        self->computes = COMPUTES_TURNS;
    else if (ran < BRIEF_US * 1000)
        self->computes = 0;
    k->cpu = 0;
}

void share_spent(struct fiber *self)
{
    if (__atomic_load_n(&rt.sched.spent, __ATOMIC_RELAXED) == rt.sched.switches)
        self->computes = COMPUTES_TURNS;
}

/* Takes the baton from a fiber that computes, as the monitor would. */
bool share_steal(struct fiber *self)
{
    struct kthread *k = self->kt;
    uintptr_t owner = __atomic_load_n(&rt.baton.owner, __ATOMIC_ACQUIRE);
    struct kthread *from = (struct kthread *)owner;
    if (rt.config.strict || (owner & BATON_IN_CORE) != 0)
        return false;
    const struct fiber *there = __atomic_load_n(&from->running, __ATOMIC_RELAXED);
    if (there == NULL || there->computes == 0 ||
        !__atomic_compare_exchange_n(&rt.baton.owner, &owner, (uintptr_t)k | BATON_IN_CORE, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_RELAXED))
        return false;
    rt.baton.handoffs++;
    lost_computing(from);
    signals_left_away(from);
    sched_slice_begins();
    if (k->kernel_mask != rt.signals.kernel_mask)
        signals_apply(k);
    altstack_carry(k);
    return true;
}

bool share_take(struct fiber *self)
{
    struct kthread *k = self->kt;
    k->in_core = true;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (share_steal(self))
        return true;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    k->in_core = false;
    return false;
}

bool share_give(struct fiber *self)
{
    if (rt.config.strict || rt.sched.ready == 0 || rt.baton.nthreads - rt.baton.nidle >= rt.ncpus)
        return false;
    struct kthread *to = baton_idle_one();
    if (to == NULL)
        return false;
    lost_computing(self->kt);
    signals_step_away(self);
    baton_hand(to);
    return true;
}
