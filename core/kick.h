/* A kick makes a fiber that is away (see baton.h) look at what has come for it: a signal, a cancellation.
 *
 * It is sent to the fiber's kernel thread by one of the two signals that libc keeps for itself: no mask of the
 * program's blocks them, no disposition of the program's decides about them (one by the number of the signal that it
 * tells of would end a process that has gone back to SIG_DFL by the time it comes), and a late one, which meets another
 * fiber there, does nothing. What libc sends by these numbers goes on to libc. */
#ifndef COAX_KICK_H
#define COAX_KICK_H

#include <stdbool.h>

struct fiber;

/* As soon as libc has threads. */
void kick_start(void);
/* Before a cancellation: 0 or an error number. It has libc show how it cancels, so libc's own handler stands behind
 * ours from then on. */
int kick_prepare(void);
/* Inside the core. It has a signal to handle: what it waits for in the kernel is restarted, or not. */
void kick_look(const struct fiber *f, bool restart, bool alternate);
/* The fiber on that kernel thread is away, and the thread has not its mask. */
void kick_masks(int tid);
/* Inside the core, after kick_prepare: ends the system call that it is in. */
void kick_out(const struct fiber *f);
/* The same for a promoted thread that has been cancelled, as libc does it: who is not inside a cancellation point finds
 * out at its next. */
void kick_promoted(const struct fiber *f);

#endif
