/* What a hook has to think of before it may simply make the real call: one word, so that a hook of a program with one
 * thread costs one load. The first five bits are written while there is one thread, or by the first pthread_create. */
#ifndef COAX_GATE_H
#define COAX_GATE_H

#include <stdbool.h>

enum {
    REAL_UNBOUND = 1,                    /* the table is empty */
    REAL_FIBERS = 2,                     /* fibers run: rt.coop */
    REAL_LIMITS = 4,                     /* a time limit is set: rt.config.any_timeout */
    REAL_OWN = 8,                        /* there are descriptors of our own: rt.fdtab.nown */
    REAL_ERRORS = 16,                    /* which call fails is noted: core/errors.h */
    REAL_SLICE = 32,                     /* the running fiber should yield at its next hook: core/sched.h */
    REAL_ASKS = 64,                      /* whom calls on files ask is looked up: core/mounts.h */
    REAL_NONE = 128,                     /* calls on files are made by the method none: core/method.h */
    REAL_SHADOW = 256,                   /* the next call by switch wakes the shadow: core/shadow.h */
    REAL_LIGHT = REAL_FIBERS | REAL_OWN, /* fibers run, and there is nothing else to think of */
};
extern unsigned real_gate __attribute__((visibility("hidden")));

static inline void real_gate_set(unsigned bit, bool on)
{
    if (on)
        __atomic_fetch_or(&real_gate, bit, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(&real_gate, ~bit, __ATOMIC_SEQ_CST);
}

#endif
