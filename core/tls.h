/* glibc's thread block: TLS and struct pthread, made without a kernel thread.
 *
 * tls_calibrate learns the layout from glibc's own debugger descriptors and from one real pthread, the donor, that
 * copies its block as its first act. A fiber's block is that image with every word that points into the donor's block
 * moved, the stack's base and size replaced, and the words that belong to a running thread set anew. No offset is
 * written down; whatever does not look as known makes calibration fail, and the program keeps kernel threads. */
#ifndef COAX_TLS_H
#define COAX_TLS_H

#include "core/mcache.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls {
    const char *failure; /* why calibration failed; NULL: it did not */
    size_t pd_size;      /* sizeof(struct pthread) */
    size_t static_size;  /* static TLS and struct pthread */
    size_t used;         /* of the static TLS: the rest, farthest below, is libc's reserve for dlopen */
    size_t align;
    char *image; /* the donor's struct pthread */
    uintptr_t image_pd, image_stack;
    size_t image_stack_size;
    long off_tid, off_list, off_specific, off_dtv, off_start, off_cancel, off_result;
    long off_stack, off_stack_size, off_res, off_resp, off_rseq, off_self, off_record, off_libc;
    long off_robust; /* robust_head: next, offset, pending */
    unsigned specific_blocks, keys;
    size_t rseq_size;
    int cancel_bits; /* set in cancelhandling by pthread_cancel */
    int async_bits;  /* set while cancellation is asynchronous */
    int cond_clock_bit;
    struct mcache cache;
    unsigned next_tid;
};

/* Needs one or two real pthreads for a moment. Returns 0 or -1 (rt.tls.failure says why). */
int tls_calibrate(void);

/* Builds a block that ends below `top`. Returns its thread pointer (the pthread_t), 0 without memory.
 * cache: memory for malloc's (see mcache.h), NULL: none; stack, size: what libc shall believe of the stack. */
uintptr_t tls_make(char *top, char *cache, char *stack, size_t size);
/* The same for a block that was one already: malloc's cache stays, all else is as new. */
bool tls_remake(uintptr_t fs, char *stack, size_t size);
/* Bytes that tls_make takes below `top` at the most. */
size_t tls_room(void);
/* Where a block begins: what lies below is free. */
uintptr_t tls_low(uintptr_t fs);
/* The highest end of a stack below the block that shares no page with libc's reserve for dlopen. Nobody touches that as
 * a rule: in a page with a stack it would cost memory, on its own it costs addresses. */
char *tls_stack_top(uintptr_t fs);

/* First act on a new block, in its own fiber. */
void tls_enter(void);
/* Last acts of a thread: destructors of thread_local objects, then of keys. */
void tls_run_destructors(uintptr_t fs);
/* Takes the block off libc's list of threads. */
void tls_unlink(uintptr_t fs);

int tls_tid(uintptr_t fs);
void tls_set_tid(uintptr_t fs, int tid);
/* Waits while libc's own thread with that block runs under this id: 0 is what the kernel makes of it at the end. */
void tls_await_end(uintptr_t fs, int tid);
/* Before the first tls_set_cancelled: learns its bits from a real pthread. Returns 0 or an error number. */
int tls_learn_cancel(void);
/* Marks the thread cancelled, as pthread_cancel does; its next pthread_testcancel acts on it. */
void tls_set_cancelled(uintptr_t fs);
bool tls_is_async(uintptr_t fs);
/* Robust mutexes that the thread still holds under this id: their owner has died. */
void tls_drop_robust(uintptr_t fs, int owner);
/* They change their owner's id; one word does. */
void tls_rename_robust(uintptr_t fs, int from, int to);
void tls_rename_owner(uint32_t *word, int from, int to);
/* From now on the kernel looks at this block's list when the calling kernel thread ends. */
void tls_register_robust(uintptr_t fs);
/* Where that list begins, as get_robust_list says it; 0: not known. */
uintptr_t tls_robust_head(uintptr_t fs);

static inline uintptr_t tls_pointer(void)
{
    uintptr_t fs;
    __asm__("mov %%fs:0, %0" : "=r"(fs));
    return fs;
}

#endif
