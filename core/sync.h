/* Locks and conditions between fibers, foreign threads and other processes: the real non-blocking call, else park on
 * the address; the real unlock, then a look who waits. Results are pthread's: 0 or an error number. self is never
 * NULL here: who is no fiber makes the real call (and still wakes fibers after an unlock). */
#ifndef COAX_SYNC_H
#define COAX_SYNC_H

#include "core/fiber.h"

#include <pthread.h>
#include <semaphore.h>
#include <threads.h>
#include <time.h>

/* clock < 0: no limit. */
struct sync_limit {
    clockid_t clock;
    const struct timespec *until;
};

int sync_mutex_lock(struct fiber *self, pthread_mutex_t *m, const struct sync_limit *limit);
int sync_mutex_trylock(struct fiber *self, pthread_mutex_t *m);
int sync_cond_wait(struct fiber *self, pthread_cond_t *c, pthread_mutex_t *m, const struct sync_limit *limit);
bool sync_cond_shared(const pthread_cond_t *c);
/* When a limit is over; EINVAL: what the real call would refuse. */
int sync_deadline(const struct sync_limit *limit, uint64_t *at);
/* The clock that pthread_cond_timedwait measures with. */
clockid_t sync_cond_clock(const pthread_cond_t *c);

/* One attempt: EBUSY, EAGAIN for the semaphore, if it would wait. */
int sync_try_mutex(void *m);
int sync_try_sem(void *s);

enum { RW_READ, RW_WRITE };
int sync_rwlock_lock(struct fiber *self, pthread_rwlock_t *l, int mode, const struct sync_limit *limit);
int sync_rwlock_try_read(struct fiber *self, pthread_rwlock_t *l);
int sync_sem_wait(struct fiber *self, sem_t *s, const struct sync_limit *limit);
int sync_spin_lock(struct fiber *self, pthread_spinlock_t *s);
int sync_once(struct fiber *self, pthread_once_t *once, void (*init)(void));

int sync_barrier_init(pthread_barrier_t *b, unsigned count);
int sync_barrier_wait(struct fiber *self, pthread_barrier_t *b);
bool sync_barrier_ours(const pthread_barrier_t *b);
int sync_barrier_destroy(struct fiber *self, pthread_barrier_t *b);

/* syscall(SYS_futex, ...): a value or -errno. */
long sync_futex(struct fiber *self, const long args[6]);

/* From now on futexes are waited for in the kernel; who is parked on one looks again. */
void futex_in_kernel(struct fiber *self);
/* The same after a thread that is no fiber has made the real call: fibers may wait for it. */
void futex_foreign(const long args[6]);

#endif
