/* A fiber's share of signal state. See signals.h. Bit n-1 stands for signal n. */
#ifndef COAX_SIGNAL_H
#define COAX_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct handler_frame {
    struct handler_frame *outer;
    uint64_t mask;                   /* to return to */
    const struct handler_frame *own; /* itself: else something else has been written there */
};

struct pending_signal;

/* As sigaltstack has set it; size 0: none. See altstack.h. */
struct altstack {
    char *low;
    size_t size;
    bool autodisarm, disarmed; /* SS_AUTODISARM; a handler runs on it, which may set another */
};

struct fiber_signals {
    uint64_t mask;                /* blocked */
    uint64_t counted;             /* what of it counts in signals.blocked: all but what a handler adds while it runs */
    uint64_t waited;              /* it is in sigwait for these, on a kernel thread of its own */
    struct pending_signal *queue; /* to be handled by this fiber, oldest first */
    struct handler_frame *frames; /* handlers it is inside of, innermost first */
    struct altstack alt;
    bool due;         /* something in the queue may not be blocked: look when leaving the core */
    bool interrupted; /* a handler has run during the wait */
    bool begun;       /* in a call that has not waited yet: what has run since its begin counts */
    bool masked;      /* in a call with a mask of its own: what ran since it began counts */
    bool restart;     /* it was installed with SA_RESTART */
};

/* A hook's: a handler that runs from here on ends the wait of this call, as it would a moment later. */
static inline void signals_call_begins(struct fiber_signals *s)
{
    s->interrupted = false;
    s->begun = true;
}

static inline uint64_t signal_bit(int sig)
{
    return 1ull << (sig - 1);
}

#endif
