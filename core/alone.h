/* When the program's threads have ended and one fiber is left for a while, our kernel threads leave: the process has
 * one thread again. They are made anew when somebody needs them. */
#ifndef COAX_ALONE_H
#define COAX_ALONE_H

#include "core/fiber.h"

#include <stdbool.h>

enum { ALONE_TICKS = 100 }; /* of the monitor: that long is a while */

/* How long there has been one fiber only, and nothing to do for another kernel thread. The monitor's. */
struct solitude {
    unsigned ticks;
    unsigned long created, handoffs;
};

void alone_count(struct solitude *s);
static inline bool alone_long(const struct solitude *s)
{
    return s->ticks >= ALONE_TICKS;
}
/* Somebody waits for that. */
bool alone_hurry(void);
/* If all but the main kernel thread are idle and one fiber is left, they are told to leave: true, and the caller, the
 * monitor, leaves as well. */
bool alone_dismiss(void);
/* Moves the caller, with the baton, to the main kernel thread if that is idle: true, it did. Inside the core. The last
 * fiber goes there, for that one cannot leave; main, when the kernel shall know it for what it is. */
bool alone_home(struct fiber *self);

/* Has them leave at once and waits until the kernel, too, knows of one thread, as long as a loaded machine may take for
 * that: false, there are more. Some calls are for processes with one thread. */
bool alone_wait(struct fiber *self);

#endif
