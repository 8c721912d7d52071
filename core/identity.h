/* What a thread is to the kernel and a fiber is not: stack and scheduling attributes, affinity, being cancelled. */
#ifndef COAX_IDENTITY_H
#define COAX_IDENTITY_H

#include "core/fiber.h"

#include <sched.h>

/* The attribute holds a stack of the program's own. */
bool identity_own_stack(const void *stack, size_t size);
/* The mask leaves out a processor that the process may use. */
bool identity_narrow(const cpu_set_t *cpus);
/* Lets libc change the ids of all kernel threads (setuid and kin): its handler must find the kernel thread's own block.
 */
void identity_wrap_setxid(void);
/* The stack size of a thread without attributes; its guard size, if wanted. */
size_t identity_default_stack(size_t *guard);
/* Starts the core at the first pthread_create; false: kernel threads (and one line that says why). */
bool identity_start_fibers(void);

int identity_cancel(struct fiber *self, struct fiber *target);
/* pthread_testcancel for a fiber: does not return if it has been cancelled and may be. */
void identity_test_cancel(struct fiber *self);
/* Inside the core: wakes parked fibers that a foreign thread has cancelled. */
void identity_drain(void);

int identity_set_sched(struct fiber *self, struct fiber *target, int policy, const struct sched_param *param);
int identity_get_affinity(const struct fiber *target, size_t size, cpu_set_t *cpus);
int identity_set_affinity(struct fiber *target, size_t size, const cpu_set_t *cpus);

#endif
