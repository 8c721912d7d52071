/* syscall() with a number whose call changes or reads state of one thread. */
#ifndef COAX_SHIM_STATE_H
#define COAX_SHIM_STATE_H

#include "core/fiber.h"

/* The caller forks. A child that asks to be traced is traced by the kernel thread that has forked it: in a program that
 * traces, that is one of the caller's own from now on. */
void state_forks(struct fiber *self);
/* True: done, *result as libc says it, errno set. False: make the call; the caller has been promoted if it needs it. */
bool state_syscall(struct fiber *self, long number, const long args[6], long *result);

#endif
