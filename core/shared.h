/* Locks in memory that processes share: the waits of sync.c that end in another process, too. Who waits for a mutex, a
 * read-write lock or a semaphore stands in line (line.h). Results are pthread's, as those of sync.h. */
#ifndef COAX_SHARED_H
#define COAX_SHARED_H

#include "core/sync.h"

int shared_mutex_lock(struct fiber *self, pthread_mutex_t *m, const struct sync_limit *limit);
int shared_cond_wait(struct fiber *self, pthread_cond_t *c, pthread_mutex_t *m, const struct sync_limit *limit);
/* mode: RW_READ, RW_WRITE */
int shared_rwlock_lock(struct fiber *self, pthread_rwlock_t *l, int mode, const struct sync_limit *limit);
bool shared_sem(sem_t *s);
int shared_sem_wait(struct fiber *self, sem_t *s, const struct sync_limit *limit);

#endif
