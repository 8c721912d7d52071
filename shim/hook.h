/* The frame of every hook: is the caller a fiber; what the core returned, as libc says it.
 *
 * House rules: libc only through `real`; errno stays as the program left it unless the call failed; nothing is printed;
 * a hook that cannot do its work makes the real call. Bodies hold no decision: that is the core's. */
#ifndef COAX_HOOK_H
#define COAX_HOOK_H

#include "core/descriptor.h"
#include "core/enter.h"
#include "core/errors.h"
#include "core/identity.h"
#include "core/mem.h"
#include "core/promote.h"
#include "shim/real.h"

#include <errno.h>

#define EXPORT __attribute__((visibility("default")))

/* Another name of the same hook. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmissing-attributes" /* headers say leaf and nothrow of one name only */
#endif
#define TWIN(name, of) extern __typeof__(of) name EXPORT __attribute__((alias(#of)))

/* Binds libc on the very first call. */
static inline void hook_bind(void)
{
    if (unlikely((real_gate & REAL_UNBOUND) != 0))
        real_bind();
}

/* `function`, defined in this file, is what is exported as name@version. */
#define VERSION(function, name, version) __asm__(".symver " #function ", " #name "@" version)

/* Nothing to think of: a program with one thread and no limit. */
static inline __attribute__((always_inline)) bool hook_solo(void)
{
    return likely(real_gate == 0);
}

#define SLOW static __attribute__((noinline))

#define HOOK_POINTER(x) (__builtin_classify_type(x) == 5 /* pointer_type_class */)
#define HOOK_KIND(arg)                                                                                                 \
    _Generic((arg), const char *                                                                                       \
             : ERRORS_TEXT, char *                                                                                     \
             : ERRORS_TEXT, default                                                                                    \
             : HOOK_POINTER(arg) ? ERRORS_OTHER : ERRORS_NUMBER)
#define HOOK_FIRST(arg, ...) arg

static inline bool hook_failed(intptr_t r, bool pointer)
{
    return r == (pointer ? 0 : -1);
}

/* slow_name, whose body follows in braces. */
#define NOTED(type, name, parameters, arguments) NOTED_AS(type, slow_##name, name, parameters, arguments)

/* A function of that name. A call that has failed is noted while somebody wants to say it. */
#define NOTED_AS(type, function, name, parameters, arguments)                                                          \
    static inline type body_##name parameters;                                                                         \
    SLOW type function parameters                                                                                      \
    {                                                                                                                  \
        type result = body_##name arguments;                                                                           \
        if (unlikely((real_gate & REAL_ERRORS) != 0) && hook_failed((intptr_t)result, HOOK_POINTER(result)))           \
            errors_note(#name, (intptr_t)(HOOK_FIRST arguments), HOOK_KIND(HOOK_FIRST arguments));                     \
        return result;                                                                                                 \
    }                                                                                                                  \
    static inline type body_##name parameters

/* A hook that may be called often: the function `name` tests the gate and jumps to libc, without a frame. What stands
 * behind it in braces is the body for all other programs, a function of its own: else the compiler would save registers
 * for it before the test. */
#define GATED(type, name, parameters, arguments) GATED_AS(type, name, name, parameters, arguments)

/* One whose calls count without fibers, too. */
#define ALWAYS(type, name, parameters, arguments)                                                                      \
    SLOW type slow_##name parameters;                                                                                  \
    EXPORT type name parameters                                                                                        \
    {                                                                                                                  \
        return slow_##name arguments;                                                                                  \
    }                                                                                                                  \
    NOTED(type, name, parameters, arguments)

/* GATED with another name in C, for one whose last argument is optional in its header: it is passed as any other,
 * and a variadic function would save all registers at its begin. */
#define GATED_OPTIONAL(type, name, parameters, arguments)                                                              \
    EXPORT type optional_##name parameters __asm__(#name);                                                             \
    GATED_AS(type, optional_##name, name, parameters, arguments)
#define TWIN_OPTIONAL(name, of)                                                                                        \
    extern __typeof__(optional_##of) optional_##name __asm__(#name) EXPORT __attribute__((alias(#of)))

#define GATE(type, function, name, parameters, arguments)                                                              \
    SLOW type slow_##name parameters;                                                                                  \
    EXPORT type function parameters                                                                                    \
    {                                                                                                                  \
        return hook_solo() ? real.name arguments : slow_##name arguments;                                              \
    }

#define GATED_AS(type, function, name, parameters, arguments)                                                          \
    GATE(type, function, name, parameters, arguments)                                                                  \
    NOTED(type, name, parameters, arguments)

/* GATED for a call that a program with threads may make as often as a walk through files does. Behind it in braces
 * stands what is done while there is nothing else to see to (hook_light), in a frame as small as that allows; else it
 * calls careful_name, whose body follows behind CAREFUL. */
#define LIGHT(type, name, parameters, arguments)                                                                       \
    SLOW type careful_##name parameters;                                                                               \
    GATE(type, name, name, parameters, arguments)                                                                      \
    SLOW type slow_##name parameters
#define LIGHT_OPTIONAL(type, name, parameters, arguments)                                                              \
    EXPORT type optional_##name parameters __asm__(#name);                                                             \
    SLOW type careful_##name parameters;                                                                               \
    GATE(type, optional_##name, name, parameters, arguments)                                                           \
    SLOW type slow_##name parameters
#define CAREFUL(type, name, parameters, arguments) NOTED_AS(type, careful_##name, name, parameters, arguments)

/* hook_enter in a program with fibers or limits. */
struct fiber *hook_entered(void);

/* The fiber that calls; NULL: there are none, or the caller is none (foreign thread, helper, the core itself). */
static inline struct fiber *hook_enter(void)
{
    return likely(real_gate == 0) ? NULL : hook_entered();
}

/* The fiber that calls, if its hook has nothing to think of but the call itself; NULL: hook_enter tells. Only for hooks
 * that do not enter the core, for the caller may be inside (a handler, the allocator of the program). */
static inline struct fiber *hook_light(void)
{
    struct fiber *self = fiber_self;
    return likely(real_gate == REAL_LIGHT) && likely(self != NULL) && likely(self->care == 0) ? self : NULL;
}

/* And the call is on a descriptor. */
static inline struct fiber *hook_light_fd(void)
{
    return likely(rt.fdtab.aborted == 0) ? hook_light() : NULL;
}

/* At the end of a hook that gives something up, instead of hook_enter at its start: who yields while it still holds the
 * lock lets nobody else have it. */
static inline void hook_leave_lock(void)
{
    if (unlikely((real_gate & REAL_SLICE) != 0))
        hook_enter();
}

/* hook_enter at a cancellation point. */
static inline struct fiber *hook_enter_cancel(void)
{
    struct fiber *self = hook_enter();
    if (unlikely(self != NULL && self->cancel_pending))
        identity_test_cancel(self);
    return self;
}

/* Starts the core if no fibers run yet; false: they do, or kernel threads it is. */
bool hook_start_fibers(void);

/* A value, or -errno as libc says it. */
static inline long hook_result(long r)
{
    if (likely(r >= 0))
        return r;
    if (r == -E_CANCELLED) {
        identity_test_cancel(fiber_record);
        r = -EINTR;
    } else if (r == -E_DEADLINE) {
        r = -ETIMEDOUT;
    }
    errno = (int)-r;
    return -1;
}

/* The descriptor was aborted: a fiber's call on it fails with that errno; else 0. */
static inline int hook_refusal(const struct fiber *self, int fd)
{
    return unlikely(rt.fdtab.aborted != 0) && self != NULL ? descriptor_aborted(fd) : 0;
}

/* And it is set. */
static inline bool hook_refused(const struct fiber *self, int fd)
{
    int error = hook_refusal(self, fd);
    if (unlikely(error != 0))
        errno = error;
    return error != 0;
}

/* pthread's way: an error number. */
static inline int hook_error(int e)
{
    if (unlikely(e == E_CANCELLED)) {
        identity_test_cancel(fiber_record);
        return EINTR;
    }
    return unlikely(e == E_DEADLINE) ? ETIMEDOUT : e;
}

/* Is there a limit that the call must keep although no fibers run? */
static inline bool hook_limited(void)
{
    return (real_gate & REAL_LIMITS) != 0;
}

#endif
