/* Stretches of a fiber in which something holds: a deadline, protection from being cancelled. What was so before is
 * kept in a frame on the fiber's stack and is so again afterwards, however the stretch is left: by return or an
 * exception (cleanup in the caller's frame, see coax.h), by longjmp or cancellation (wait_abandon). */
#ifndef COAX_SCOPE_H
#define COAX_SCOPE_H

#include <stdint.h>

struct fiber;

struct scope {
    struct scope *outer;
    struct fiber *fiber;
    uint64_t deadline;
    unsigned shielded;
    struct binding *values;
};

void scope_enter(struct scope *s, struct fiber *self);
/* Of one that was not entered (zero) it is harmless. */
void scope_leave(struct scope *s);
/* Those whose frames lie below `sp` are left. */
void scope_abandon(struct fiber *self, uintptr_t sp);

#endif
