/* The event loop: libev with one watcher for the descriptors (ready.h) and one asynchronous wakeup. Inside the core,
 * except loop_kick and loop_has_events. */
#ifndef COAX_LOOP_H
#define COAX_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop {
    uint32_t queued;  /* somebody without the baton has queued something for sched_pick */
    uint32_t blocked; /* the carrier waits, or is about to */
    int backend;      /* libev's epoll descriptor */
    uint64_t wait_until;
    bool made;
};

int loop_init(void);
/* Looks for events and due timers, without waiting. */
void loop_poll(void);
/* Waits for one. */
void loop_wait(void);
/* There is something for sched_pick (queued before the call). Any kernel thread, any signal handler. */
void loop_kick(void);
/* Something for loop_poll? Any kernel thread. */
bool loop_has_events(void);
/* In a fork's child: the parent's descriptors are closed, a new loop is made when needed. */
void loop_forked(void);

/* Moves one of our own descriptors out of the program's way: high, closed on exec, known as ours. Returns its new
 * number or -errno. */
int loop_own_fd(int fd);

/* The small number by which libev knows one of our descriptors; -errno for a bad one. Forget: a new loop is made. */
int libev_show(int fd);
void libev_forget(void);

#endif
