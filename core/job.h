/* Jobs of the program: a function that may block, on a helper, while the caller's fiber waits.
 *
 * Who waits may leave: cancelled, or at a deadline. A job that has not begun then is not run. One that runs goes on
 * with its memory, and the helper frees it afterwards; the caller has left already. In between there is one word,
 * `state`, that either side changes by one atomic step; a job that has ended by then has ended, and the caller has its
 * result. */
#ifndef COAX_JOB_H
#define COAX_JOB_H

#include "core/fiber.h"
#include "core/lock.h"

#include <stdbool.h>

enum job_place {
    JOB_HERE,   /* in the caller's thread, as any code */
    JOB_HELPER, /* in a helper, or in the caller if there is none */
    JOB_SWITCH, /* in the caller's thread, and somebody else carries on if it blocks: see method.h */
};

struct job_functions {
    void (*run)(void *job);
    int (*result)(void *job); /* NULL: 0 */
    void (*free)(void *job);  /* NULL: nothing */
};

struct call;

struct jobs {
    struct lock lock; /* of: */
    struct call *spare;
};

/* What `result` says, in *value; 0, or -errno of the wait, and `result` is not called. Either way `free` is called
 * once, when `run` does not use the job any more. self NULL: the caller is no fiber. */
int job_execute(struct fiber *self, enum job_place place, const struct job_functions *fns, void *job, int *value);

/* In a fork's child. */
void job_forked(void);

#endif
