/* The address table: fibers parked on an address, as threads sleep on a futex. Locks, condition variables, semaphores
 * and syscall(SYS_futex) wait here.
 *
 * The lists belong to the baton. What other kernel threads may read is a bucket's count of waiters: whoever changes the
 * word that somebody may wait for does so first, then a full fence, then reads the count; a waiter counts itself first,
 * then looks at the word again, then parks. One of the two sees the other.
 *
 * A handler may run on a waiter, and block. The kernel has taken a thread off its futex by then: what is woken goes to
 * the others. So here who is in a handler stays in the list, and is woken only if nobody else waits; then it is told
 * for good, for nobody is there who could miss it: who comes later looks at the word. */
#ifndef COAX_ADDR_H
#define COAX_ADDR_H

#include "core/list.h"
#include "core/lock.h"
#include "core/sched.h"

#include <stdint.h>

enum { ADDR_BUCKETS = 4096, ADDR_ALL = 1 << 30 };

struct addr_wait {
    struct wait wait;
    struct list link;
    const void *addr;
    uint32_t bits; /* a waker's bits must meet them */
};

/* A wake that a kernel thread without the baton has asked for. Several merge: any address, as many as asked. */
struct addr_bucket {
    uint32_t waiters;
    struct lock lock; /* of the four below */
    uint32_t asked;
    const void *asked_addr; /* NULL: several, wake all of the bucket */
    struct addr_bucket *asked_next;
    uint32_t strangers, wakes; /* threads that are no fibers, and the futex that they sleep on */
    struct list list;
};

struct addr {
    struct addr_bucket buckets[ADDR_BUCKETS];
    struct addr_bucket *asked; /* buckets with a wake to do: a stack */
    bool in_kernel;            /* futexes are waited for in the kernel: see futex_in_kernel */
};

/* Inside the core: links the waiter and counts it, with a full fence behind. */
void addr_link(struct addr_wait *w, struct fiber *self, const void *addr);
void addr_unlink(struct addr_wait *w);
/* Inside the core: wakes up to n waiters whose bits meet `bits`, first come first served. Returns how many. */
int addr_wake_here(const void *addr, int n, uint32_t bits);
/* Inside the core: somebody waits there with one of the bits. */
bool addr_waiting_here(const void *addr, uint32_t bits);
/* Inside the core: moves up to n waiters to another address. */
int addr_requeue_here(const void *from, const void *to, int n);

/* n >= 1. From anywhere, any kernel thread, a signal handler too: the caller has changed the word already. Returns how
 * many waiters will wake (those not yet known when the wake is handed over count as woken). */
int addr_wake(const void *addr, int n);
/* Around a wait by a thread that is no fiber: from enter on, every wake for the address moves the count. */
const uint32_t *addr_stranger_enter(const void *addr, uint32_t *seen);
void addr_stranger_leave(const void *addr);
/* Does what others asked for. Inside the core. */
void addr_drain(void);
/* Anybody at all in this address's bucket? One load; the caller fences. */
bool addr_watched(const void *addr);

#endif
