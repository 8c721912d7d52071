/* Promotion: a fiber that needs state which the kernel keeps per thread (affinity, real-time scheduling, namespaces,
 * ids of its own, seccomp, a parent-death signal, robust locks that other processes see) gets a kernel thread and its
 * tid for good.
 *
 * It keeps its stack, its thread block, its handle and its record, and from then on is to the shim what any foreign
 * thread is: `fiber_self` is NULL there, hooks make real calls, the core is never entered, so nothing of the core
 * runs under its ids, in its namespaces or behind its seccomp filter. `fiber_record` still leads to the record: others
 * join, cancel, detach and signal it through that. What it needs from the core (to create, join or detach a fiber,
 * to fork with the core at rest) it asks the carrier for: promote_ask.
 *
 * The kernel thread is made for it and ends with it, so nothing is inherited from earlier fibers, nothing is left to
 * later ones, and what the kernel does at a thread's end (parent-death signal, robust locks) happens when it should.
 * The main fiber alone goes onto the first kernel thread, for its tid is the pid; that one stays, asleep, when main
 * ends before the process does.
 *
 * libc's block goes on saying the fake tid: locks held across the promotion know their owner by it, those inside libc,
 * too. Where the kernel or another process reads the owner (see owner.h) the block says the real one for as long as
 * the call lasts. gettid is the real one.
 *
 * A fiber is promoted only from the top of a hook, before anything of the call is under way, never inside a signal
 * handler (that may have interrupted a hook): there the call is made on whatever kernel thread runs. Who is asked for
 * by another thread is promoted at its next hook. */
#ifndef COAX_PROMOTE_H
#define COAX_PROMOTE_H

#include "core/fiber.h"
#include "core/lock.h"

struct kthread;

struct promote {
    struct ask *asks;    /* a stack */
    struct fiber *ended; /* promoted threads whose stack is left: a stack, too */
    struct lock forking; /* one promoted thread at a time holds the core still */
    unsigned long count; /* promotions so far */
};

/* On return the caller runs on a kernel thread of its own: true; self must not be used as a fiber any more. false: it
 * could not be had (in a handler, no memory). inherited: threads that it creates must share what it will do. */
bool promote(struct fiber *self, bool inherited);
/* Not in a signal handler. */
bool promote_may(struct fiber *self);
/* The same for any caller of a hook. self NULL: it is promoted already, or a foreign thread. */
void promote_caller(struct fiber *self, bool inherited);
/* Does what others have asked for; true: promoted. Top of a hook. */
bool promote_asked(struct fiber *self);

/* Runs fn(arg) inside the core, by the carrier, and returns then. From promoted and foreign threads. */
void promote_ask(void (*fn)(void *), void *arg);
/* Is somebody waiting for the carrier to come by? */
bool promote_waits(void);
/* Inside the core. */
void promote_drain(void);

/* Around a fork by a promoted thread: nobody is inside the core meanwhile. */
void promote_fork_prepare(void);
void promote_fork_parent(void);
void promote_forked(struct fiber *f);

/* The thread has ended: waits until the kernel has seen that, too, for nobody who has joined it may meet it any more (a
 * setuid does, or what only a process with one thread may do). Outside the core. self NULL: the caller is no fiber. */
void promote_await(struct fiber *self, const struct fiber *target);
/* Its kernel thread will be asked for no more. */
void promote_release(const struct fiber *f);
/* Ends the calling promoted thread. */
void promote_exit(struct fiber *self) __attribute__((noreturn));
/* On the first kernel thread, in idle context: runs main until it ends. */
void promote_carry(struct kthread *k) __attribute__((noreturn));
/* There, too: main has ended that was on it when it was promoted. */
void promote_left(struct kthread *k) __attribute__((noreturn));

/* The record of the calling thread, if that is promoted. */
static inline struct fiber *promote_record(void)
{
    struct fiber *f = fiber_record;
    return f != NULL && f->promoted ? f : NULL;
}

#endif
