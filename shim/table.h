/* What the files share that fill the table of coax.h. */
#ifndef COAX_TABLE_H
#define COAX_TABLE_H

#include "core/coax.h"
#include "shim/hook.h"

/* The calling fiber. The first who needs one starts the core, as the first pthread_create does. NULL: it is none. */
static inline struct fiber *fiber_wanted(void)
{
    struct fiber *self = hook_enter();
    if (self == NULL && hook_start_fibers())
        self = hook_enter();
    return self;
}

static inline int fail(int error)
{
    errno = error;
    return -1;
}

ssize_t table_pick_op(struct coax_op *ops, size_t n);

#endif
