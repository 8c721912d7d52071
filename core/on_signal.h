/* Functions that run on a fiber each time a signal is handled, besides the program's own handler.
 *
 * A watched signal has the trampoline of signals.c, whatever the program's own disposition is; that is what sigaction
 * shows and sets, as if nobody watched, and what is in force again after the last function has gone. Where the signal
 * is handled, the trampoline sends the signal's notification; its function, on the server, calls those that are
 * registered, in the order of their registration. So a signal that all threads block is not seen until one unblocks it,
 * and one that sigwait takes is not seen at all.
 *
 * A fork's child has none of them: dispositions are the program's own there. */
#ifndef COAX_ON_SIGNAL_H
#define COAX_ON_SIGNAL_H

#include "core/fiber.h"
#include "core/signals.h"

#include <stdint.h>

struct signal_function;

typedef void on_signal_fn(int sig, void *arg);

struct on_signal {
    struct signal_function *all; /* in order of registration. Under the baton */
    unsigned count, room;
    uint64_t last;         /* number that was given last */
    int sent[SIGNALS + 1]; /* the signal's notification; 0: not watched. Read by handlers */
};

/* While fibers run; self NULL: the caller is none. 0 or -errno; the function's number, never given twice, in *number.
 * -EINVAL: no signal that can be watched. */
int on_signal_add(struct fiber *self, int sig, on_signal_fn *fn, void *arg, uint64_t *number);
/* -ENOENT: there is none. After it the function does not begin any more. */
int on_signal_remove(struct fiber *self, uint64_t number);
/* Any kernel thread. */
int on_signal_count(void);

/* The signal is being handled: in the trampoline, or on a fiber. */
void on_signal_note(int sig);
/* In a fork's child. */
void on_signal_forked(void);

#endif
