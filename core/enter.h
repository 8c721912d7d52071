/* Entering and leaving the core. See baton.h. */
#ifndef COAX_ENTER_H
#define COAX_ENTER_H

#include "core/rt.h"
#include "core/share.h"

/* On return the caller's kernel thread has the baton. Not from inside the core. */
static inline void core_enter(struct fiber *self)
{
    struct kthread *k = self->kt;
    uintptr_t mine = (uintptr_t)k;
    k->in_core = true;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (unlikely(!__atomic_compare_exchange_n(&rt.baton.owner, &mine, mine | BATON_IN_CORE, false, __ATOMIC_SEQ_CST,
                                              __ATOMIC_RELAXED)))
        baton_return(self);
}

static inline void core_leave(struct fiber *self)
{
    struct kthread *k = self->kt;
    if (likely(self->computes == 0) || !share_give(self))
        __atomic_store_n(&rt.baton.owner, (uintptr_t)k, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    k->in_core = false;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (unlikely(k->deferred | self->sig.due))
        signals_deliver(self);
}

#endif
