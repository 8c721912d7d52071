/* Around a call that is made by the fiber's async method. See method.h. */
#ifndef COAX_METHOD_CALL_H
#define COAX_METHOD_CALL_H

#include "core/enter.h"

/* The usual case, inlined: the hook has nothing to think of but its call, which is not known to wait and is made in
 * place (hook_light). */
static inline void method_light(struct fiber *self)
{
    struct kthread *k = self->kt;
    __atomic_store_n(&k->call, (k->call | CALL_METHOD) + 2 + (uint32_t)rt.config.method, __ATOMIC_RELAXED);
}

static inline void method_light_end(struct fiber *self)
{
    method_unmark(self->kt, 0);
}

/* Outside the core. waits: the call is known to wait. self NULL: no fiber calls. */
static inline void method_begin(struct method_call *c, struct fiber *self, bool waits, const char *call)
{
    c->self = self;
    if (self == NULL)
        return;
    if (likely(!waits && self->values == NULL)) {
        c->away = false;
        c->outer = method_mark(self->kt, (enum method)rt.config.method);
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
