/* System V message queues and semaphores. Results: a value or -errno. */
#ifndef COAX_SYSV_H
#define COAX_SYSV_H

#include <stddef.h>
#include <time.h>

struct fiber;
struct sembuf;

long sysv_msgsnd(struct fiber *self, int id, const void *message, size_t size, int flags);
long sysv_msgrcv(struct fiber *self, int id, void *message, size_t size, long type, int flags);
/* timeout NULL: none */
long sysv_semop(struct fiber *self, int id, struct sembuf *ops, size_t n, const struct timespec *timeout);
/* Waiters for more (zero: for 0) that the kernel does not count, since they stand in line. */
unsigned sysv_waiting(struct fiber *self, int id, int number, int zero);

#endif
