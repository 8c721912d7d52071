/* Waiting for descriptors. One epoll set of our own holds every descriptor that somebody has waited on, registered
 * once, for everything, edge-triggered, with the entry's generation in the event. A waiter re-tries after each event;
 * `seq` of the entry counts events, so that one between an attempt and the park is not missed.
 *
 * A pipe or socketpair whose other end is used in this process is not registered at once: the hook that writes wakes
 * the reader by the stream's key. Only who still waits when the loop has gone round is registered, and the registration
 * goes again when the last waiter was woken from here. */
#ifndef COAX_READY_H
#define COAX_READY_H

#include "core/fdtab.h"
#include "core/sched.h"

#include <stdbool.h>
#include <stdint.h>

struct ready_wait;
struct offer;

struct ready_link {
    struct list by_fd;  /* rt.fdtab entry's waiters[dir] */
    struct list by_key; /* waiters of a stream */
    struct list unarmed;
    struct ready_wait *owner;
    int fd;
    uint8_t dir;
    bool believed; /* nobody has asked the kernel: what is there is looked at when it is registered */
    bool one;      /* wants to be the only one woken: a read or write; else a poll */
    uint32_t round;
    uint64_t key;
    uint64_t turn;       /* waiters stand in this order */
    struct offer *offer; /* of a read: see handover.h; NULL: none */
};

struct ready_wait {
    struct wait wait;
    struct ready_link *links;
    unsigned nlinks;
    int dropped; /* the descriptor whose closing has ended it, or -1 */
};

int ready_init(void);
/* Inside the core: starts a wait whose links will be kept in `links`, then adds a descriptor and direction to it.
 * ready_link returns 0, or -errno: this one cannot be waited for (-EPERM: a regular file). */
void ready_begin(struct ready_wait *w, struct fiber *self, struct ready_link *links);
int ready_link(struct ready_wait *w, int fd, int dir, bool one, uint64_t turn);

/* Takes events from the kernel and wakes. Inside the core. */
void ready_poll(void);
/* Registers who has waited for a round, or everybody (before the loop sleeps). True if somebody was woken by that. */
bool ready_arm(bool all);
/* Somebody waits to be registered: the kernel says nothing of it yet. Any thread. */
bool ready_unarmed(void);

/* Somebody has written to, read from, closed or shut down a descriptor: wakes who waits at the other end, if that is
 * known to be here. dir: DIR_OUT after a write, DIR_IN after a read. Outside the core. */
void ready_progress(struct fiber *self, struct fd_entry *e, int dir);
/* Counts the writes by hooks to the stream that comes in here, and to some others; 0: not known. Any thread. */
uint32_t ready_writes(const struct fd_entry *e);
/* A hook has written (positive) or read (negative) so many bytes of a pipe; returns how many are left. With other pipes
 * in the bucket, or with writers and readers elsewhere, that is never 0 for long: a guess, for the kernel to confirm.
 */
int64_t ready_account(const struct fd_entry *e, int64_t bytes);
void ready_stream_closed(struct fiber *self, const uint64_t key[DIRS]);
/* A read or write that was woken has succeeded: the next in line may find something, too. Outside the core. */
void ready_pass_on(struct fiber *self, struct fd_entry *e, int dir);
void ready_pass_on_here(struct fd_entry *e, int dir); /* inside the core */
void ready_look_again(struct fiber *self, struct fd_entry *e);
/* Inside the core: all waiters look again. */
void ready_wake_all(struct fd_entry *e);
/* For handover.h, inside the core. Who waits for the stream's bytes first, to read them; NULL: nobody. */
struct ready_link *ready_reader(uint64_t key);
/* Nobody waits for the stream, nor for some others, if this is 0. Any thread. */
unsigned ready_waiters(uint64_t key);
/* Ends a wait that has got what it waited for. */
void ready_hand(struct ready_link *l);
/* Registers a descriptor, and takes it off if nobody waits. anew: what is there now counts as an event. */
int ready_watch(int fd, struct fd_entry *e, bool anew);
void ready_unwatch(int fd);
/* Wakes all waiters of the descriptor with an error. Outside the core. */
void ready_drop(int fd, struct fd_entry *e, int error);

#endif
