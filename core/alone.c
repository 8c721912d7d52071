#include "core/alone.h"
#include "core/enter.h"

bool alone_home(struct fiber *self)
{
    struct kthread *first = &rt.baton.first;
    if (likely(self->kt == first) || !baton_take_idle(first))
        return false;
    __atomic_store_n(&rt.baton.owner, (uintptr_t)first | BATON_IN_CORE, __ATOMIC_SEQ_CST);
    baton_wake_kthread(first, WAKE_CARRY);
    baton_return(self);
    return true;
}

/* The lock is between this and baton_staff. */
bool alone_dismiss(void)
{
    struct baton *b = &rt.baton;
    struct kthread *leaving = NULL;
    lock_take(&b->lock);
    bool alone = __atomic_load_n(&rt.fibers.live, __ATOMIC_RELAXED) == 1 &&
                 __atomic_load_n(&rt.fibers.threads, __ATOMIC_RELAXED) == 1 && b->nidle == b->nthreads - 1;
    for (struct kthread *k = b->idle; k != NULL; k = k->next_idle)
        alone = alone && k != &b->first;
    if (alone) {
        leaving = b->idle;
        b->idle = NULL;
        b->all = &b->first; /* who still walks the list from one that leaves comes there, too */
        b->nidle = 0;
        b->nthreads = 1;
        b->monitor_on = false;
    }
    lock_drop(&b->lock);
    while (leaving != NULL) {
        struct kthread *next = leaving->next_idle; /* its own from the wake on */
        baton_wake_kthread(leaving, WAKE_LEAVE);
        leaving = next;
    }
    return alone;
}

void alone_count(struct solitude *s)
{
    unsigned long created = __atomic_load_n(&rt.fibers.created, __ATOMIC_RELAXED);
    unsigned long handoffs = __atomic_load_n(&rt.baton.handoffs, __ATOMIC_RELAXED);
    bool alone = __atomic_load_n(&rt.fibers.threads, __ATOMIC_RELAXED) == 1;
    if (!alone || created != s->created || handoffs != s->handoffs)
        *s = (struct solitude){.created = created, .handoffs = handoffs, .ticks = alone};
    else
        s->ticks++;
}
