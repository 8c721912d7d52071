/* Waits that are left, or begun again: a handler that has interrupted them jumps, or forks. See sched.h. */
#include "core/altstack.h"
#include "core/enter.h"
#include "core/method.h"
#include "core/scope.h"

#include <errno.h>

void wait_abandon(struct fiber *self, uintptr_t sp)
{
    if (unlikely(self->scope != NULL))
        scope_abandon(self, sp);
    method_lost(self->kt);
    if (likely(self->wait == NULL))
        return;
    core_enter(self);
    while (self->wait != NULL && altstack_left(self, (uintptr_t)self->wait, sp)) {
        struct wait *w = self->wait;
        if (!w->woken || w->held)
            wait_give_up(w, -EINTR);
        timer_disarm(&w->timer);
        self->wait = w->outer;
    }
    if (self->stream != NULL) { /* who wants it finds that it is not waited for any more */
        addr_wake_here(self->stream, 1, ~0u);
        self->stream = NULL;
    }
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
