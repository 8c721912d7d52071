/* Sleeping on the clock of a thread's processor time; its timers by number. */
#ifndef COAX_SHIM_CLOCK_H
#define COAX_SHIM_CLOCK_H

#include "core/fiber.h"

/* Sleeps until the monotonic time `at`: 0, or why it ended. */
typedef long clock_pause(struct fiber *self, uint64_t at);

/* clock_nanosleep on the clock of another thread. False: it is none, and nothing was done. */
bool clock_sleep(struct fiber *self, clockid_t clock, int flags, const struct timespec *t, struct timespec *left,
                 clock_pause *pause, long *result);

/* timer_create, _settime, _gettime, _delete by number: what libc's syscall() returns. */
long timer_syscall(long number, const long args[6]);

#endif
