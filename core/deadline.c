#include "core/deadline.h"
#include "core/clock.h"
#include "core/fiber.h"
#include "core/scope.h"

void deadline_begin(struct scope *s, struct fiber *self, uint64_t at)
{
    scope_enter(s, self);
    if (at == 0)
        at = 1; /* 0 stands for none */
    if (at != CLOCK_NEVER && (self->deadline == 0 || at < self->deadline))
        self->deadline = at;
}
