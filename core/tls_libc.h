/* What tls_learn.c finds of libc, for tls.c. */
#ifndef COAX_TLS_LIBC_H
#define COAX_TLS_LIBC_H

#include "core/rt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chain {
    struct chain *next, *prev;
};

/* glibc's, found by name: libc (GLIBC_PRIVATE) and the dynamic loader. */
struct tls_libc {
    void *(*allocate)(void *);
    void (*deallocate)(void *, bool);
    void (*static_info)(size_t *, size_t *);
    void (*ctype_init)(void);
    void (*call_tls_dtors)(void);
    char *rtld_global;
    struct key {
        uintptr_t seq;
        void (*destructor)(void *);
    } * keys;
    struct chain *user_stacks; /* list of threads with a stack of their own */
    uint32_t *stack_lock;      /* lock of that list */
};
extern struct tls_libc tls_libc __attribute__((visibility("hidden")));

/* libc's own TLS in a block. */
static inline char *libc_block(uintptr_t fs)
{
    return (char *)fs + rt.tls.off_libc;
}

#endif
