/* Who is in an epoll set of the program: the kernel knows it, and says it in /proc. That is slow, so it is asked only
 * while there is a descriptor that was aborted; without /proc none is found. */
#ifndef COAX_MEMBERS_H
#define COAX_MEMBERS_H

#include <stdbool.h>

struct epoll_event;

/* An aborted descriptor in the set, as epoll_wait would tell of one on which an error is; false: there is none. */
bool members_find_aborted(int set, struct epoll_event *event);

#endif
