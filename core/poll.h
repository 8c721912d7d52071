/* Waiting for many descriptors: poll, select, epoll. The real call with timeout 0 decides what is ready; between two of
 * those the fiber waits for an event on any of them. All return a count or -errno. */
#ifndef COAX_POLL_H
#define COAX_POLL_H

#include "core/fiber.h"

#include <poll.h>
#include <stdint.h>

/* The real call, without waiting: a count or -errno. */
typedef long poll_attempt(void *arg);

/* What the wait counts as reading or writing, if it is not `fds` itself: the members of an epoll set. */
struct poll_limits {
    const struct pollfd *fds;
    unsigned n;
};

/* fds name what to wait for meanwhile (their revents are not touched); at: deadline. self NULL: no fibers. expired is
 * set to the index of a descriptor whose read, write or connect limit has passed (result 0), or of one of fds that was
 * closed meanwhile (-EBADF), or -1. */
long poll_run(struct fiber *self, const struct pollfd *fds, unsigned n, const struct poll_limits *limits, uint64_t at,
              poll_attempt *attempt, void *arg, const char *call, int *expired);

/* The first of these descriptors whose expiry has been told but not yet been met by a call, or that was aborted; -1:
 * none. */
int poll_find_expired(const struct pollfd *fds, unsigned n);
/* What poll, select and epoll_wait say of such a descriptor (POLLIN...), and what the next call on it finds. */
short poll_expire(int fd, short events);

#endif
