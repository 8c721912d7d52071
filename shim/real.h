/* libc's own functions, one pointer for every hook (from the hook list) and for what the core needs besides.
 * The only way from the shim to libc. */
#ifndef COAX_REAL_H
#define COAX_REAL_H

#include "core/gate.h"
#include "shim/protos.h"

#include <stdbool.h>
#include <stddef.h>

/* Not hooked, used by the core. */
#define REAL_USES(USE)                                                                                                 \
    USE(_IO_list_lock)                                                                                                 \
    USE(_IO_list_unlock)                                                                                               \
    USE(ftrylockfile)                                                                                                  \
    USE(aio_error)                                                                                                     \
    USE(dl_iterate_phdr)                                                                                               \
    USE(gnu_get_libc_version)                                                                                          \
    USE(malloc)                                                                                                        \
    USE(free)                                                                                                          \
    USE(exit)                                                                                                          \
    USE(freeaddrinfo)                                                                                                  \
    USE(pthread_attr_init)                                                                                             \
    USE(pthread_attr_destroy)                                                                                          \
    USE(pthread_attr_getdetachstate)                                                                                   \
    USE(pthread_attr_getguardsize)                                                                                     \
    USE(pthread_attr_getinheritsched)                                                                                  \
    USE(pthread_attr_getschedparam)                                                                                    \
    USE(pthread_attr_getschedpolicy)                                                                                   \
    USE(pthread_attr_getsigmask_np)                                                                                    \
    USE(pthread_attr_getaffinity_np)                                                                                   \
    USE(pthread_attr_getstack)                                                                                         \
    USE(pthread_attr_getstacksize)                                                                                     \
    USE(pthread_attr_setdetachstate)                                                                                   \
    USE(pthread_attr_setguardsize)                                                                                     \
    USE(pthread_attr_setschedparam)                                                                                    \
    USE(pthread_attr_setschedpolicy)                                                                                   \
    USE(pthread_attr_setstack)                                                                                         \
    USE(pthread_attr_setstacksize)                                                                                     \
    USE(pthread_barrierattr_getpshared)                                                                                \
    USE(pthread_getattr_default_np)                                                                                    \
    USE(pthread_cond_init)                                                                                             \
    USE(pthread_rwlock_trywrlock)                                                                                      \
    USE(pthread_spin_trylock)                                                                                          \
    USE(sem_trywait)                                                                                                   \
    USE(setgroups)                                                                                                     \
    USE(__res_state)                                                                                                   \
    USE(pthread_attr_setaffinity_np)                                                                                   \
    USE(pthread_condattr_init)                                                                                         \
    USE(pthread_condattr_setclock)                                                                                     \
    USE(pthread_self)                                                                                                  \
    USE(pthread_testcancel)

struct real {
#define HOOK(name) __typeof__(name) *name;
#define HOOK_AS(name, like) __typeof__(like) *name;
#define HOOK_VERSION(function, name, version)
#define HOOK_DEFAULT(name, version)
#include "shim/hooks.def"
#undef HOOK
#undef HOOK_AS
#undef HOOK_VERSION
#undef HOOK_DEFAULT
#define USE(name) __typeof__(name) *name;
    REAL_USES(USE)
#undef USE
};

/* Older versions. Only old binaries ask for them: bound at the first call. */
struct real_old {
#define HOOK(name)
#define HOOK_AS(name, like)
#define HOOK_VERSION(function, name, version) __typeof__(function) *function;
#define HOOK_DEFAULT(name, version)
#include "shim/hooks.def"
#undef HOOK
#undef HOOK_AS
#undef HOOK_VERSION
#undef HOOK_DEFAULT
};

const struct real_old *real_old(void);

extern struct real real __attribute__((visibility("hidden")));

/* Makes the table usable; again is harmless. Called by the constructor, or by the first hook before it. */
void real_bind(void);
/* Looks up all that has not been called yet: before there are fibers. */
void real_bind_all(void);
/* Looks up one, by its place in the table, and returns it. */
void *real_late(unsigned place);
#define REAL_PLACE(name) (offsetof(struct real, name) / sizeof(void *))
/* One function behind the shim in the search order; one that fails with ENOSYS if there is none. */
void *real_next(const char *name);
/* A symbol of libc, private ones too; NULL if there is none. */
void *real_symbol(const char *name);

#endif
