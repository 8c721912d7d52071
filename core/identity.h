/* What a thread is to the kernel and a fiber is not: default stacks, ids, being cancelled. */
#ifndef COAX_IDENTITY_H
#define COAX_IDENTITY_H

#include "core/fiber.h"

#include <sched.h>

/* The attribute holds a stack of the program's own. */
bool identity_own_stack(const void *stack, size_t size);
/* The mask leaves out a processor that the process may use. */
bool identity_narrow(const cpu_set_t *cpus);
/* The stack size of a thread without attributes; its guard size, if wanted. */
size_t identity_default_stack(size_t *guard);
/* Starts the core at the first pthread_create; false: kernel threads (and one line that says why). */
bool identity_start_fibers(void);

int identity_cancel(struct fiber *self, struct fiber *target);
/* pthread_testcancel for a fiber: does not return if it has been cancelled and may be. */
void identity_test_cancel(struct fiber *self);
bool identity_cancelled(const struct fiber *self);
/* Inside the core: wakes parked fibers that a foreign thread has cancelled. */
void identity_drain(void);

/* As pthread_setname_np and pthread_getname_np, of a thread that has ended ENOENT; name has room for FIBER_NAME. */
int identity_set_name(struct fiber *target, const char *name);
int identity_get_name(const struct fiber *target, char *name);

#endif
