/* Around a call that is made by the fiber's async method. See method.h. */
#ifndef COAX_METHOD_CALL_H
#define COAX_METHOD_CALL_H

#include "core/enter.h"

static inline uint32_t method_in_place(struct kthread *k, enum method m)
{
    if (m == METHOD_SWITCH && rt.methods.close != CLOSE_LINGER)
        __atomic_store_n(&rt.methods.close, CLOSE_LINGER, __ATOMIC_RELAXED);
    return method_mark(k, m);
}

/* Outside the core. waits: the call is known to wait. self NULL: no fiber calls. */
static inline void method_begin(struct method_call *c, struct fiber *self, bool waits, const char *call)
{
    c->self = self;
    if (self == NULL)
        return;
    if (likely(!waits && self->values == NULL)) {
        c->away = false;
        c->outer = method_in_place(self->kt, (enum method)rt.config.method);
    } else {
        method_enter(c, method_of(self), waits, call);
    }
}

/* After a handler the fiber may be on another kernel thread. */
static inline void method_end(struct method_call *c)
{
    if (c->self == NULL)
        return;
    if (likely(!c->away))
        method_unmark(c->self->kt, c->outer);
    else
        method_return(c);
}

#endif
