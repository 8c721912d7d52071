#include "core/scope.h"
#include "core/altstack.h"
#include "core/fiber.h"
#include "core/key.h"

#include <stddef.h>

void scope_enter(struct scope *s, struct fiber *self)
{
    *s = (struct scope){self->scope, self, self->deadline, self->shielded, self->values};
    self->scope = s;
}

void scope_leave(struct scope *s)
{
    struct fiber *f = s->fiber;
    if (f == NULL || f->scope != s) /* a jump has left it already */
        return;
    f->deadline = s->deadline;
    f->shielded = s->shielded;
    f->scope = s->outer;
    if (f->values != s->values) {
        struct binding *left = f->values;
        key_set(f, s->values);
        key_drop(left);
    }
}

void scope_abandon(struct fiber *self, uintptr_t sp)
{
    while (self->scope != NULL && altstack_left(self, (uintptr_t)self->scope, sp))
        scope_leave(self->scope);
}
