/* Scheduling attributes and processors of the threads that have a record. A fiber has those of the kernel threads that
 * carry; who wants others is promoted: at once if it asks for itself, at its next hook if another thread asks (what was
 * asked for is told meanwhile). Results: 0 or an error number. self: the caller, NULL if it is no fiber. */
#ifndef COAX_SCHEDULE_H
#define COAX_SCHEDULE_H

#include "core/fiber.h"

#include <sched.h>

enum schedule_ask { ASK_POLICY = 1, ASK_AFFINITY = 2, ASK_NICE = 4 };

/* Processors that the carriers may use. */
void schedule_carrier_cpus(cpu_set_t *cpus);

int schedule_set_policy(struct fiber *self, struct fiber *target, int policy, const struct sched_param *param);
int schedule_get_policy(const struct fiber *target, int *policy, struct sched_param *param);
int schedule_set_affinity(struct fiber *self, struct fiber *target, size_t size, const cpu_set_t *cpus);
int schedule_get_affinity(const struct fiber *target, size_t size, cpu_set_t *cpus);
int schedule_set_nice(struct fiber *self, struct fiber *target, int nice);
int schedule_get_nice(const struct fiber *target, int *nice);
/* What sched_setattr and such do: promotes. Returns the id that the kernel knows the target by, or 0: it has none. */
int schedule_tid(struct fiber *self, struct fiber *target, bool change);

/* On a thread that has just been promoted: what was asked for. */
void schedule_apply(struct fiber *self);

/* Whose is the id? NULL: no thread with a record. 0 is the caller. */
struct fiber *schedule_target(struct fiber *self, int pid);

#endif
