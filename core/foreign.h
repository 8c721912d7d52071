/* Waits on a condition variable by a thread that is no fiber, while fibers run. Inside libc's own wait the mutex is
 * unlocked where nobody looks who is parked on it, and locked again where a fiber may be its owner. So such a thread
 * unlocks and locks as everybody does, and in between sleeps on a count of the wakes in the address's bucket: some wakes
 * are for others, which is allowed. Process-shared ones are libc's. Results are pthread's. A cancellation point. */
#ifndef COAX_FOREIGN_H
#define COAX_FOREIGN_H

#include "core/sync.h"

int foreign_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, const struct sync_limit *limit);

#endif
