/* Computing fibers keep every processor busy.
 *
 * A fiber that has computed past a slice is known for it for its next turns. While others wait and a processor is free,
 * such a fiber gives the baton away as soon as it leaves the core (share_give), and an away one that needs the core
 * takes it from such a fiber at once (share_steal): the word changes hands and nobody sleeps. So a program that
 * computes does not wait for the monitor at each of its locks. --strict turns all of this off. */
#ifndef COAX_SHARE_H
#define COAX_SHARE_H

#include <stdbool.h>

struct fiber;

/* Its slice is over, and it yields: has it computed? A thread that takes a lock each millisecond never gets far enough
 * to be found at it by the monitor. Outside the core. */
void share_spent(struct fiber *self);
/* For a fiber that computes, inside the core: true if the baton went to somebody else, and the fiber is away. */
bool share_give(struct fiber *self);
/* For an away fiber: true if it could have the baton at once, and is inside the core now. */
bool share_take(struct fiber *self);
/* The same in core_enter, with in_core set. */
bool share_steal(struct fiber *self);
/* Back from being away: did it compute? */
void share_judge(struct fiber *self);

#endif
