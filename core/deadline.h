/* coax_with_timeout: a function under a deadline. It is kept in the fiber, the earliest of the nested ones, and
 * wait_park looks at it: a wait that can be cancelled ends there with -E_DEADLINE, which a hook says as ETIMEDOUT. One
 * that begins later ends at once. Calls that find at their first attempt what they want never look. */
#ifndef COAX_DEADLINE_H
#define COAX_DEADLINE_H

#include <stdint.h>

struct fiber;
struct scope;

/* at: absolute, or CLOCK_NEVER. */
void deadline_begin(struct scope *s, struct fiber *self, uint64_t at);

#endif
