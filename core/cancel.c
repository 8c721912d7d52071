#include "core/cancel.h"
#include "core/enter.h"
#include "core/kick.h"
#include "core/scope.h"

#include <errno.h>

static void cancel_here(void *arg)
{
    struct fiber *f = arg;
    if (f->state == FIBER_DONE || f->state == FIBER_FREE || f->promoted)
        return;
    __atomic_store_n(&f->stop, true, __ATOMIC_SEQ_CST);
    wait_stop(f);
}

int cancel_fiber(struct fiber *self, struct fiber *target)
{
    if (target->promoted && target->state != FIBER_DONE && target->state != FIBER_FREE)
        return -ENOTSUP;
    kick_prepare();
    fiber_inside(self, cancel_here, target);
    return 0;
}

void cancel_put_back(struct fiber *self)
{
    self->stopped--;
    __atomic_store_n(&self->stop, true, __ATOMIC_SEQ_CST);
}

void cancel_protect(struct scope *s, struct fiber *self)
{
    scope_enter(s, self);
    self->deadline = 0;
    self->shielded++;
}
