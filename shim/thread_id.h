/* Calls with a thread's id, by number and by command. */
#ifndef COAX_SHIM_THREAD_ID_H
#define COAX_SHIM_THREAD_ID_H

#include "core/fiber.h"

/* As state_syscall. */
bool thread_id_syscall(struct fiber *self, long number, const long args[6], long *result);
/* fcntl(fd, F_SETOWN_EX, owner). */
int thread_id_own_signals(struct fiber *self, int fd, void *owner);

#endif
