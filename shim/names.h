/* Look-ups by a key: on a helper where there are fibers, or a limit. */
#ifndef COAX_SHIM_NAMES_H
#define COAX_SHIM_NAMES_H

#include "shim/hook.h"

/* A limit on look-ups holds without fibers, too. */
static inline bool names_tracked(const struct fiber *self)
{
    return self != NULL || (rt.config.timeout[OP_DNS] != 0 && fiber_self == NULL && !rt.coop);
}

#endif
