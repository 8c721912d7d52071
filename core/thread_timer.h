/* Timers of the program (timer_create) that the kernel cannot have as they are, for it knows no fibers.
 *
 * On the processor time of a thread: the kernel's timer is one on CLOCK_MONOTONIC, never set by the program. The
 * monitor looks at the thread's clock every tick while one is armed, and when the time has come sets the kernel's to
 * fire at once. So signal, value, SIGEV_THREAD and the id are the kernel's and libc's own; the kernel looks at such
 * timers at its ticks, too.
 *
 * For a fiber (SIGEV_THREAD_ID): the kernel sends to a kernel thread of ours that blocks all signals and waits for
 * them; from there the signal goes to the fiber's queue, whatever the others block or wait for. A fiber that asks for
 * itself becomes a kernel thread instead (promote.h), which the kernel interrupts at once.
 *
 * A record is never freed, so who walks the list needs no lock to do so. The lock is taken with signals held back. */
#ifndef COAX_THREAD_TIMER_H
#define COAX_THREAD_TIMER_H

#include "core/fiber.h"
#include "core/lock.h"

struct thread_timers {
    struct thread_timer *all;
    struct lock lock;
    unsigned known;    /* records in use; atomic */
    unsigned armed;    /* on processor time; atomic: the monitor stays */
    int receiver;      /* kernel thread that takes the signals; 0: none */
    unsigned receives; /* timers that need it */
};

/* The kernel's timer `id` stands for one on owner's processor time (NULL: any other clock), and signals target (NULL:
 * as the kernel does). False: no memory. */
bool thread_timer_add(timer_t id, struct fiber *owner, struct fiber *target);
void thread_timer_remove(timer_t id);
/* The id of the kernel thread that takes signals for fibers; 0: it cannot be made. It stays for the next timer with a
 * target, until that is removed, or for as long as it is not released. */
int thread_timer_receiver(void);
void thread_timer_release(void);

/* Is it one on processor time? Then the calls below are for it, with arguments that can be read and written. */
bool thread_timer_known(timer_t id);
/* 0 or -errno. now: the time on its clock. */
struct fiber *thread_timer_owner(timer_t id);
long thread_timer_set(timer_t id, uint64_t now, int flags, const struct itimerspec *want, struct itimerspec *old);
void thread_timer_get(timer_t id, uint64_t now, struct itimerspec *left);

/* The monitor's. */
void thread_timer_look(void);
void thread_timer_forked(void);

static inline bool thread_timer_any(const struct thread_timers *t)
{
    return __atomic_load_n(&t->known, __ATOMIC_RELAXED) != 0;
}

#endif
