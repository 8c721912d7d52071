#include "core/method_call.h"
#include "core/key.h"

enum method method_default(void)
{
    return (enum method)__atomic_load_n(&rt.config.method, __ATOMIC_RELAXED);
}

void method_set_default(enum method m)
{
    __atomic_store_n(&rt.config.method, m, __ATOMIC_RELAXED);
    if (rt.coop)
        real_gate_set(REAL_NONE, m == METHOD_NONE);
}

/* A value like the program's: 0 stands for none of its own. */
enum method method_of(const struct fiber *self)
{
    uintptr_t own = self == NULL || self->values == NULL ? 0 : (uintptr_t)key_get(self, KEY_METHOD);
    return own != 0 ? (enum method)(own - 1) : method_default();
}

int method_bind(struct scope *s, struct fiber *self, enum method m)
{
    __atomic_store_n(&rt.methods.bound, true, __ATOMIC_RELAXED);
    return key_bind(s, self, KEY_METHOD, (void *)((uintptr_t)m + 1));
}

bool method_may_be(enum method m)
{
    return method_default() == m || __atomic_load_n(&rt.methods.bound, __ATOMIC_RELAXED);
}

void method_goes_on_to_suspect(void)
{
    __atomic_store_n(&rt.methods.blocked, clock_now(), __ATOMIC_RELAXED);
}

void method_found_blocked(void)
{
    rt.methods.found++;
    method_goes_on_to_suspect();
    if (method_may_be(METHOD_DETACH))
        real_gate_set(REAL_ASKS, true);
}

void method_begin(struct method_call *c, struct fiber *self, bool waits, const char *call)
{
    c->self = self;
    if (self == NULL)
        return;
    enum method m = method_of(self);
    c->away = waits && m == METHOD_DETACH && !baton_is_away(self);
    if (c->away)
        baton_away(self, call);
    else
        c->outer = method_mark(self->kt, m);
    if (unlikely((real_gate & REAL_SHADOW) != 0) && m == METHOD_SWITCH)
        shadow_wake();
}

/* After a handler the fiber may be on another kernel thread. */
void method_end(struct method_call *c)
{
    if (c->self == NULL)
        return;
    if (c->away)
        baton_back(c->self);
    else
        method_unmark(c->self->kt, c->outer);
}
