/* Calls on state that libc keeps once for the whole process, behind a lock of its own: enumerations (getpwent and kin),
 * the file of who is logged in, the connection to the logger. They are made in place, on the calling thread, because
 * modules of libc's name service may keep their position per thread; so no time limit can end them.
 *
 * A fiber that waited for libc's lock inside such a call would hold its kernel thread. So fibers take turns before they
 * go in, one for each of libc's locks, and who waits for its turn is parked: however many they are, one kernel thread
 * at most is held. If that one blocks the monitor lets the others go on. */
#ifndef COAX_TURN_H
#define COAX_TURN_H

#include "core/fiber.h"

enum turn {
    TURN_PASSWD,
    TURN_GROUP,
    TURN_SHADOW,
    TURN_GSHADOW,
    TURN_HOSTS,
    TURN_NETWORKS,
    TURN_SERVICES,
    TURN_PROTOCOLS,
    TURN_RPC,
    TURN_ALIASES,
    TURN_NETGROUP,
    TURN_UTMP,
    TURN_SYSLOG,
    TURN_STREAMS, /* a flush of all: see stdio_all.c */
    TURNS,
};

struct turns {
    struct turn_lock {
        struct fiber *owner;
        unsigned depth; /* a handler, or a module, that comes back in */
        struct list waiting;
    } locks[TURNS];
};

/* Nothing for callers that are no fibers. errno stays. */
void turn_take(struct fiber *self, enum turn turn, const char *call);
void turn_drop(struct fiber *self, enum turn turn);
/* Inside the core: a fiber has ended, maybe cancelled in the middle of such a call. */
void turn_left(struct fiber *f);
/* Where the core starts, and in a fork's child, where the others are gone. */
void turn_init(void);

#endif
