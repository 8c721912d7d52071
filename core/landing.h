/* Where pthread_exit and cancellation land: what C's pthread_cleanup_push expands to. Public ABI. */
#ifndef COAX_LANDING_H
#define COAX_LANDING_H

#include <pthread.h>
#include <setjmp.h>

/* libc writes no further than the pthread buffer when no mask is saved; the compiler is told of a whole jmp_buf. */
struct landing {
    union {
        __pthread_unwind_buf_t buf;
        struct __jmp_buf_tag env[1];
    };
};

extern void __pthread_register_cancel(__pthread_unwind_buf_t *buf);
extern void __pthread_unregister_cancel(__pthread_unwind_buf_t *buf);
extern void __pthread_unwind_next(__pthread_unwind_buf_t *buf) __attribute__((noreturn));

/* Returns twice, so a macro: 0 first, then not 0 when the thread has been unwound to here. */
#define landing_set(landing) _setjmp((landing)->env)

#endif
