/* Gives back the stack pages that waiting fibers do not need.
 *
 * A thread touches most stack when it starts and then waits in a shallow loop; a kernel thread keeps those pages for
 * ever. What lies below the stack pointer of a fiber that does not run is dead (x86-64 psABI, 3.2.2), so the loop drops
 * it: in rounds, at most one a second, a few fibers at a time. A fiber that has ever called
 * longjmp may have carved stacks of its own out of this one, and jump down again: it keeps its pages, and so does one
 * that waits on another stack than its own.
 * --keep-stacks turns it off. Inside the core. */
#ifndef COAX_TRIM_H
#define COAX_TRIM_H

#include <stdbool.h>
#include <stdint.h>

struct fiber;
struct list;

struct trim {
    uint64_t next;          /* time of the next step */
    struct list *at;        /* next fiber of the round, NULL: between rounds */
    unsigned long switches; /* as they were when the round began */
};

/* A step of the round, if its time has come. idle: nobody else wants the processor. */
void trim_step(bool idle);
/* When the loop should come back for the next step, CLOCK_NEVER if nothing is to be done until somebody runs. */
uint64_t trim_next(void);
/* The fiber leaves the list of all. */
void trim_forget(const struct fiber *f);

#endif
