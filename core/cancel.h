/* coax_cancel: the blocking call of another fiber fails with ECANCELED, unlinked and not performed; unlike
 * pthread_cancel, which ends the thread. The target has a flag that the first wait which sees it takes (wait_park), so
 * one that does not wait just now is cancelled at its next wait, and one request ends one call. */
#ifndef COAX_CANCEL_H
#define COAX_CANCEL_H

#include <stddef.h>

struct fiber;
struct scope;

/* 0 or -errno. self NULL: the caller is no fiber. */
int cancel_fiber(struct fiber *self, struct fiber *target);
/* A call that has done a part of its work says so, and what ended it comes with the next one. */
void cancel_put_back(struct fiber *self);
/* Requests, and deadlines from outside, wait until the scope is left. */
void cancel_protect(struct scope *s, struct fiber *self);

#endif
