/* Mutexes whose owner somebody else reads by its thread id: the kernel (robust, priority inheritance and protection) or
 * another process (shared recursive and errorcheck ones). A fiber is promoted before it acquires a shared one of these,
 * so that the owner is a true tid; a promoted thread puts that into its block for as long as a call on such a mutex
 * lasts. What it has acquired as a fiber it still owns under the fake id.
 *
 * The calls are for callers that are no fibers: promoted and foreign threads. Results are pthread's. */
#ifndef COAX_OWNER_H
#define COAX_OWNER_H

#include "core/sync.h"

enum { /* glibc's bits of __kind, public ABI */
       MUTEX_KIND_MASK = 3,
       MUTEX_ROBUST = 16,
       MUTEX_PRIO_INHERIT = 32,
       MUTEX_PRIO_PROTECT = 64,
       MUTEX_PSHARED = 128,
};

static inline bool owner_matters(const pthread_mutex_t *m)
{
    return (m->__data.__kind & (MUTEX_ROBUST | MUTEX_PRIO_INHERIT | MUTEX_PRIO_PROTECT | MUTEX_PSHARED)) != 0;
}

/* A fiber is about to acquire it, and it is in shared memory. True: promoted; owner_lock is the call to make. */
bool owner_claim(struct fiber *self, const pthread_mutex_t *m);

int owner_lock(pthread_mutex_t *m, const struct sync_limit *limit);
int owner_trylock(pthread_mutex_t *m);
int owner_unlock(pthread_mutex_t *m);

/* The unlock of a fiber. */
int owner_give(struct fiber *self, pthread_mutex_t *m);

#endif
