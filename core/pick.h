/* coax_pick_op: one fiber waits for the first of several operations, and exactly one of them is performed. Each is
 * attempted in turn without blocking; if none can be done, the fiber stands in line for all of them at once, and tries
 * again when one may be. Nothing has been done for the others: not a byte is read, and a connect is undone. */
#ifndef COAX_PICK_H
#define COAX_PICK_H

#include "core/fdtab.h"
#include "core/io.h"

struct pick_op;

/* One attempt without blocking: a value or an error; -EAGAIN: not yet. */
typedef long pick_attempt(struct pick_op *op);

struct pick_op {
    pick_attempt *attempt;
    void *arg;       /* the caller's */
    int fd, dir;     /* fd < 0: it waits for the time alone */
    uint64_t at;     /* when its time has come; CLOCK_NEVER: that is not what it waits for */
    uint64_t again;  /* when to try again, though no event comes */
    bool connecting; /* begun: to be undone if another one is performed */
    struct fd_entry *entry;
    uint32_t seq;
    long result;
};

/* The index of the one that was performed, its result in it; or -errno, and none was: -ECANCELED, -E_DEADLINE, -EINTR,
 * -E_CANCELLED, -ENOMEM. */
long pick_run(struct fiber *self, struct pick_op *ops, size_t n);

#endif
