/* Waits that are left, or begun again: a handler that has interrupted them jumps, or forks. See sched.h. */
#include "core/altstack.h"
#include "core/enter.h"
#include "core/pending.h"
#include "core/method.h"
#include "core/scope.h"

#include <errno.h>

/* Who comes back to it after all looks again; to a condition, which may have been signalled meanwhile, for nothing. */
static void leave(struct wait *w)
{
    if (!w->woken || w->held)
        wait_give_up(w, (w->flags & WAIT_INTR) != 0 ? -EINTR : w->again ? 0 : -E_AGAIN);
    timer_disarm(&w->timer);
}

/* Who wants it finds that it is not waited for any more. */
static void leave_stream(struct fiber *self)
{
    if (self->stream == NULL)
        return;
    addr_wake_here(self->stream, 1, ~0u);
    self->stream = NULL;
}

void wait_abandon(struct fiber *self, uintptr_t sp)
{
    if (unlikely(self->scope != NULL))
        scope_abandon(self, sp);
    method_lost(self->kt);
    if (likely(self->wait == NULL && self->stream == NULL))
        return;
    core_enter(self);
    while (self->wait != NULL && altstack_left(self, (uintptr_t)self->wait, sp)) {
        leave(self->wait);
        self->wait = self->wait->outer;
    }
    leave_stream(self);
    if (self->wait == NULL && self->sig.waited != 0) {
        self->sig.waited = 0;
        if (self->main)
            signals_reserve(self, 0);
        signals_pass_on(self);
    }
    core_leave(self);
}

static bool within(const struct wait *w, const struct wait *chain)
{
    while (chain != NULL && chain != w)
        chain = chain->outer;
    return chain != NULL;
}

void wait_switch(struct fiber *self, struct wait *to)
{
    if (likely(self->wait == to && self->stream == NULL))
        return;
    core_enter(self);
    for (struct wait *w = self->wait; w != NULL && !within(w, to); w = w->outer)
        leave(w);
    self->wait = to;
    leave_stream(self);
    core_leave(self);
}

void wait_forked(struct fiber *self)
{
    for (struct wait *w = self->wait; w != NULL; w = w->outer) {
        w->timer.index = 0;
        if (w->unlink != NULL && (!w->woken || w->held))
            w->unlink(w);
        if (w->woken)
            continue;
        w->woken = true;
        w->result = (w->flags & WAIT_INTR) != 0 ? -EINTR : -E_AGAIN;
    }
    self->wait = NULL;
}
