/* Threads of the program that are no fibers, while fibers run: promoted ones, and those that never were fibers
 * (real-time attributes, created by a promoted thread). */
#ifndef COAX_FOREIGN_H
#define COAX_FOREIGN_H

#include "core/sync.h"

#include <stdbool.h>

/* Who never was a fiber is counted, for the process ends with its last thread. foreign_start is the start routine, what
 * foreign_born returns its argument (NULL: no memory); foreign_lost: the thread could not be created. */
void *foreign_born(void *(*start)(void *), void *arg, bool c11);
void *foreign_start(void *born);
void foreign_lost(void *born);

/* Inside libc's own wait the mutex is unlocked where nobody looks who is parked on it, and locked again where a fiber
 * may be its owner. So such a thread unlocks and locks as everybody does, and in between sleeps on a count of the wakes
 * in the address's bucket: some wakes are for others, which is allowed. Process-shared ones are libc's. Results are
 * pthread's. A cancellation point. */
int foreign_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, const struct sync_limit *limit);

#endif
