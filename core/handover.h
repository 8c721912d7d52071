/* Bytes that go from a write straight into the buffer of a read that waits at the other end, without the kernel: one
 * cheap system call a message, instead of a write and a read.
 *
 * Why the program cannot tell. A reader of this process waits in read at the other end, and at one instant within the
 * write the kernel has nothing for it: no byte, no end, no error. Then "the write happened at that instant, and the
 * read took all of it at once" is what might have happened without us, whatever other threads and processes do
 * meanwhile, for they see what they would see then: nothing there. It is done only if all of this is certain:
 *
 * - Empty. The reader's descriptor is in our epoll set, edge-triggered, and the kernel has found it empty after the
 * last event on it (empty_since, arrivals in fdtab.h). A look at the set tells whether another has come: an event is
 * there before the write that caused it returns. Bytes, ends, errors and shutdowns, made by whomever, are such events.
 * - The right descriptors. Inode, flags and options of both are asked from the kernel before the first time. A number
 * may be closed and used anew behind our back. If it was the only one for what it stood for (fdtab_private), that is an
 *   event at the other end. If others may have copies, the set is asked for both ends, each time: it knows a number
 *   together with what it stood for when it was put there. That costs as much as a pipe does, and is done for sockets.
 * - The memory. What a fiber uses of its own stack is there; other memory is tried by the kernel first.
 *
 * What is not seen: a program that has copies of a descriptor and closes it, both by raw system calls; flags that the
 * child of a system() sets on a pipe that it inherits; SIGIO that another process asks for; memory in use on a fiber's
 * stack that it has taken away from itself.
 *
 * Whatever else comes along takes the ordinary way: other flags, vectors, more than PIPE_BUF (which every pipe holds),
 * SIGIO, a pick.
 *
 * A read that has been given bytes and has not run yet takes more, as long as they fit. If they do not, and the reader
 * takes a message at a time, its writers stand in line until it is back in its read, or does something else: one turn,
 * as in a yield. In the kernel's queue the message would cost two calls. Who waits for two turns in vain writes there.
 *
 * Everything is inside the core, except where noted. */
#ifndef COAX_HANDOVER_H
#define COAX_HANDOVER_H

#include "core/fdtab.h"
#include "core/ready.h"

struct handover {
    unsigned long count; /* writes that were handed over */
};

/* What a read says of its buffer while it waits. Lives on its stack. */
struct offer {
    char *buf;
    size_t size;
    size_t room; /* for what is handed over: a part of it */
    size_t got;  /* bytes in it */
    size_t sent; /* bytes that were meant for it, those that the kernel took included */
    int fd;
    uint64_t key;
    struct wait *wait;
    const struct fiber *kept_for; /* the writer that was first in line; NULL: nobody */
    struct list woken;            /* from the end of its wait until it runs */
};

void handover_init(void);

/* Outside the core. A write of n bytes: n if they were handed over, -EAGAIN if it has to be made. */
long handover_write(struct fiber *self, int fd, struct fd_entry *e, const void *buf, size_t n);

/* A read that begins to wait offers its buffer; when it runs again it takes back the offer and learns how much it got.
 */
void handover_offer(struct offer *o, struct ready_link *l, void *buf, size_t size);
size_t handover_taken(struct fiber *self, struct offer *o);
/* Its wait is over, by an event. */
void handover_woken(struct offer *o);

/* The fiber stops, in something else than a read that writers stand in line for. */
void handover_stops(struct fiber *self);
/* Lets go who has stood in line for long, or everybody; true if there was somebody. */
bool handover_round(bool all);
/* Somebody stands in line. Any kernel thread. */
bool handover_waits(void);

#endif
