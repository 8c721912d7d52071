/* Notifications: a function that runs on a fiber each time somebody sends its number.
 *
 * Sending is for everybody: any kernel thread, any signal handler. It takes no lock and no memory from libc: a free
 * cell of a mapping made for it, pushed on a stack. Cells are named by their index; the head of the free list carries a
 * count, so that a cell that was taken and given back meanwhile is not mistaken for the same. The core turns the stack
 * round, so functions run in the order of the sends, once for each.
 *
 * They run on the server, a fiber of ours. It is no thread of the program: the process ends without it, and it counts
 * as one that could run only from the time it is woken to when it has nothing more to do. It blocks all signals. A
 * function may block, end the thread, make a kernel thread of it or fork: the server is made anew then.
 *
 * A number is a slot and how often that was used. A slot that was used as often as there is room for is used no more,
 * so no number comes back.
 *
 * In a fork's child the notifications are there, and what the parent was sent is not. Nothing runs before the core
 * does, for there is no fiber to run it. */
#ifndef COAX_NOTIFY_H
#define COAX_NOTIFY_H

#include "core/fiber.h"

#include <stdbool.h>
#include <stdint.h>

struct notification;
struct sent;

typedef void notify_fn(void *arg);

struct notify {
    struct notification *table; /* by slot; mapped for good once there is one */
    struct sent *cells;
    uint64_t free;    /* cells: count << 32 | index + 1 */
    uint32_t used;    /* cells that were ever used */
    uint32_t pending; /* sent and not turned round: newest, index + 1 */
    uint32_t oldest;  /* the server's, oldest first. Under the baton, as all below */
    uint32_t slots;   /* that were ever used */
    uint32_t free_slot;
    unsigned known; /* notifications that there are */
    struct fiber *server;
    struct wait *idle; /* the server's, when it has nothing to do */
    struct fiber_attr attr;
};

/* While fibers run; self NULL: the caller is none. Results: the number, or 0, or -errno. -ENOENT: no such number. */
int notify_make(struct fiber *self, bool once, notify_fn *fn, void *arg);
int notify_set(struct fiber *self, int id, notify_fn *fn, void *arg);
int notify_stop(struct fiber *self, int id);
/* -EAGAIN: too many wait already. Anywhere at any time. */
int notify_send(int id);

/* Inside the core, for other modules: the same. notify_prepare comes first, outside. */
void notify_prepare(void);
int notify_make_here(bool once, notify_fn *fn, void *arg);
int notify_stop_here(int id);

/* Inside the core: wakes the server if there is something for it. */
void notify_drain(void);
/* Something was sent that nobody has seen. Any kernel thread. */
bool notify_waits(void);
/* The core has started: makes a server if there is something to serve. */
void notify_started(struct fiber *self);
/* The server ends as a thread. Outside the core. */
void notify_left(struct fiber *self);
/* In a fork's child. */
void notify_forked(void);

#endif
