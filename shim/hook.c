#include "shim/hook.h"

struct fiber *hook_entered(void)
{
    hook_bind();
    if ((real_gate & REAL_FIBERS) == 0)
        return NULL;
    struct fiber *self = fiber_self;
    if (unlikely(self == NULL || self->kt->in_core))
        return NULL;
    if (unlikely(self->asked != 0) && promote_asked(self))
        return NULL;
    signals_call_begins(&self->sig);
    if (unlikely((real_gate & REAL_SLICE) != 0) && !baton_is_away(self)) {
        share_spent(self);
        sched_yield_now(self);
    }
    return self;
}
