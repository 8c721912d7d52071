/* A lock between kernel threads that touches neither TLS nor libc. Held for a few instructions only, never across a
 * switch. A signal handler must not take one that its own kernel thread may hold: those who take it inside the core
 * have handlers deferred, helpers block all signals. */
#ifndef COAX_LOCK_H
#define COAX_LOCK_H

#include "core/sys.h"

struct lock {
    uint32_t word; /* 0 free, 1 held, 2 held and somebody may sleep */
};

static inline void lock_take(struct lock *l)
{
    uint32_t seen = 0;
    if (likely(__atomic_compare_exchange_n(&l->word, &seen, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
        return;
    while (__atomic_exchange_n(&l->word, 2, __ATOMIC_ACQUIRE) != 0)
        sys_futex_wait(&l->word, 2, NULL);
}

static inline void lock_drop(struct lock *l)
{
    if (__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) == 2)
        sys_futex_wake(&l->word, 1);
}

#endif
