/* syscall() with a number whose call changes or reads state of one thread. */
#ifndef COAX_SHIM_STATE_H
#define COAX_SHIM_STATE_H

#include "core/fiber.h"

/* True: done, *result as libc says it, errno set. False: make the call; the caller has been promoted if it needs it. */
bool state_syscall(struct fiber *self, long number, const long args[6], long *result);

#endif
