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

#endif
