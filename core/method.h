/* Async methods: how a call is made that the kernel has no non-blocking form of (files, names, directories).
 *
 * The call is always the program's own, on the kernel thread that its fiber is on: signals that the kernel sends to who
 * calls (SIGXFSZ, SIGPIPE), cancellation, errno, credentials, buffers are bare's. A method says who carries on with the
 * other fibers meanwhile.
 *   none    nobody: they wait until the call returns.
 *   detach  (default) a call that is known to wait (a network or user-space file system, see mounts.h; one that waits
 *           for a disk) is made away from the carrier. Any other is made in place, and the monitor moves the baton if
 *           it is still blocked at its second look: warm calls cost what they cost bare.
 *   switch  in place, always. Who waits in such a call is left behind within some 50 us: see shadow.h.
 * Why no helper threads: away costs as much as a trip to one (two wake-ups), and a helper would have all signals
 * blocked, need memory that outlives a cancelled caller, and see another thread's state in the kernel.
 *
 * In place, the kernel thread's word `call` says so: what the monitor may do in the low bits, a count above. No system
 * call, no lock, nobody is woken. */
#ifndef COAX_METHOD_H
#define COAX_METHOD_H

#include "core/baton.h"

enum method { METHOD_NONE, METHOD_DETACH, METHOD_SWITCH, METHODS };

enum { CALL_METHOD = 3 /* of struct kthread's call: method + 1; 0: in none */ };

struct methods {
    bool bound;                 /* some fiber may have a method of its own */
    unsigned long looks, found; /* of the monitor's; calls that it has found blocked */
    uint64_t blocked; /* ns, when the monitor last found a call blocked; 0: that is long ago, or there is nobody whom a
               call could ask */
};

struct method_call {
    struct fiber *self; /* NULL: no fiber calls */
    bool away;
    uint32_t outer; /* the word's low bits */
};

/* The fiber's own method, else the default. self NULL: the default. */
enum method method_of(const struct fiber *self);
enum method method_default(void);
void method_set_default(enum method m);
/* Some fiber may have it. */
bool method_may_be(enum method m);
/* Within the scope; threads that are created meanwhile inherit it. 0 or -ENOMEM, and then it is not entered. */
struct scope;
int method_bind(struct scope *s, struct fiber *self, enum method m);

/* Around a call, outside the core. `waits`: it is known to wait; then it is made away from the carrier, if the method
 * is detach. self NULL: no fiber calls. method_call.h has the usual case, inlined. */
void method_begin(struct method_call *c, struct fiber *self, bool waits, const char *call);
void method_end(struct method_call *c);

/* A call has been found blocked lately. Until then nobody asks what a call may meet, so that a warm program pays
 * nothing for it. */
static inline bool method_suspects(void)
{
    return unlikely((__atomic_load_n(&real_gate, __ATOMIC_RELAXED) & REAL_ASKS) != 0);
}

/* There is nobody whom a call could ask: until one is found blocked again. */
static inline void method_trusts(struct methods *m)
{
    __atomic_store_n(&m->blocked, 0, __ATOMIC_RELAXED);
    real_gate_set(REAL_ASKS, false);
}

/* And lately one was to be made that asks somebody. */
void method_goes_on_to_suspect(void);

/* The monitor's. By `switch` it does not matter whom a call asks. */
void method_found_blocked(void);

/* What the monitor reads in a kernel thread's word. */
static inline bool method_in_call(uint32_t call)
{
    return (call & CALL_METHOD) != 0;
}

static inline bool method_is(uint32_t call, enum method m)
{
    return (call & CALL_METHOD) == (uint32_t)m + 1;
}

/* k's own: a call begins; what was before is returned, and restored afterwards. */
static inline uint32_t method_mark(struct kthread *k, enum method m)
{
    uint32_t was = k->call;
    __atomic_store_n(&k->call, (was | CALL_METHOD) + 2 + (uint32_t)m,
                     __ATOMIC_RELAXED); /* the next count, then m + 1 */
    return was & CALL_METHOD;
}

static inline void method_unmark(struct kthread *k, uint32_t outer)
{
    k->call = (k->call & ~(uint32_t)CALL_METHOD) | outer; /* one store */
}

/* The fiber on k does not come back to its call here: it parks, or jumps. */
static inline void method_lost(struct kthread *k)
{
    k->call &= ~(uint32_t)CALL_METHOD;
}

#endif
