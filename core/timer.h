/* Timers: a heap of absolute times in ns. libev rounds its waits up to a millisecond, so a sleep of 100 us would last
 * ten times as long as bare; the loop waits for the top of this heap instead. Under the baton. */
#ifndef COAX_TIMER_H
#define COAX_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct timer {
    uint64_t at;
    uint32_t index; /* in the heap, from 1; 0: not armed */
};

struct timers {
    struct timer **heap; /* from 1 */
    uint32_t count, room;
    uint64_t first; /* the earliest time and 1, for any kernel thread; 0: none is armed */
};

/* Without memory for the heap the timer fires at once (false): the caller retries and meets the deadline by itself. */
bool timer_arm(struct timer *t, uint64_t at);
void timer_disarm(struct timer *t);
/* In a fork's child: their waiters are gone. */
void timer_forget_all(void);
/* The earliest time, CLOCK_NEVER if none is armed. Any kernel thread. */
uint64_t timer_next(void);
/* Takes one timer that is due at `now`, or NULL. */
struct timer *timer_expired(uint64_t now);

#endif
