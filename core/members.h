/* Who is in an epoll set of the program: the kernel knows it, and says it in /proc. That is slow, so it is asked only
 * while there is a descriptor that was aborted, and once for each change; without /proc none is found. */
#ifndef COAX_MEMBERS_H
#define COAX_MEMBERS_H

#include "core/rt.h"

#include <stdbool.h>

struct epoll_event;

/* A descriptor was aborted, or the program has changed a set: who was found to have no such member is asked again. */
static inline void members_changed(void)
{
    if (__atomic_add_fetch(&rt.fdtab.members_turn, 1, __ATOMIC_SEQ_CST) == 0)
        __atomic_add_fetch(&rt.fdtab.members_turn, 1, __ATOMIC_SEQ_CST);
}

/* An aborted descriptor in the set, as epoll_wait would tell of one on which an error is; false: there is none. */
bool members_find_aborted(int set, struct epoll_event *event);

#endif
