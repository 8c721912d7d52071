/* The frame of a hook that makes its call in place, in its turn: see core/turn.h. */
#ifndef COAX_IN_TURN_H
#define COAX_IN_TURN_H

#include "core/turn.h"
#include "shim/hook.h"

/* The caller is in when it returns, and leaves by turn_drop. */
static inline struct fiber *in_turn(enum turn turn, const char *call)
{
    struct fiber *self = hook_enter();
    turn_take(self, turn, call);
    return self;
}

#endif
