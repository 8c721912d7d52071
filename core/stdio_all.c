/* fflush(NULL): all streams.
 *
 * libc holds its lock of the list of streams until the last is written, and fopen and fclose of other threads sleep on
 * that, in the kernel. Here it is held for looks at the list alone. What is to be flushed is written down first, in the
 * order of the list; each stream is locked while the list is, and flushed by libc when that is free again: a stream
 * that somebody closes meanwhile is either gone from the list or stays until it is unlocked. Who waits for libc's lock
 * for good reason, to flush all as well, to fork or to end the process, takes his turn (turn.h): else what is being
 * written would be written twice. */
#include "core/enter.h"
#include "core/landing.h"
#include "core/mem.h"
#include "core/stdio.h"
#include "core/turn.h"
#include "shim/real.h"

enum { FEW = 64, UNBUFFERED = 2, NO_READS = 4, NO_WRITES = 8, LINE_BUFFERED = 0x200, PUTTING = 0x800 };

struct all {
    FILE **streams;
    size_t n, room;
    FILE *few[FEW];
};

/* The begin of what libc has of a wide stream. */
struct wide {
    wchar_t *read_ptr, *read_end, *read_base, *write_base, *write_ptr;
};

static struct {
    int (*overflow)(FILE *f, int c); /* what a flush of all calls of each: fflush does more, of a stream that is read */
    int (*flush_all)(void);
    void (*flush_lines)(void);
} libc;

static void know_libc(void)
{
    if (likely(libc.overflow != NULL))
        return;
    *(void **)&libc.flush_all = real_next("_IO_flush_all");
    *(void **)&libc.flush_lines = real_next("_IO_flush_all_linebuffered");
    *(void **)&libc.overflow = real_next("__overflow");
}

/* Threads that are no fibers, and fork or end the process: who flushes then does as libc does. */
static unsigned strangers;

static bool pending(const FILE *f, bool lines)
{
    const struct wide *w = (const struct wide *)f->_wide_data;
    if (lines && (f->_flags & (LINE_BUFFERED | NO_WRITES)) != LINE_BUFFERED)
        return false;
    return f->_mode > 0 ? w->write_ptr > w->write_base : f->_IO_write_ptr > f->_IO_write_base;
}

/* Also who writes just now, and may leave something. */
static void collect(const struct fiber *self, struct all *a, bool lines)
{
    a->n = 0;
    real._IO_list_lock();
    for (FILE *f = stdio_first(); f != NULL; f = f->_chain) {
        const struct file_lock *l = stdio_lock_of(f);
        if (!pending(f, lines) && (l == NULL || !stdio_taken(l, self)))
            continue;
        if (a->n < a->room)
            a->streams[a->n] = f;
        a->n++;
    }
    real._IO_list_unlock();
}

static void release(struct all *a)
{
    if (a->streams != a->few)
        mem_unmap(a->streams, a->room * sizeof(FILE *));
    a->streams = a->few;
    a->room = FEW;
}

/* False: no memory. */
static bool find(const struct fiber *self, struct all *a, bool lines)
{
    a->streams = a->few;
    a->room = FEW;
    for (collect(self, a, lines); a->n > a->room; collect(self, a, lines)) {
        size_t room = a->n + FEW;
        release(a);
        FILE **more = mem_map(room * sizeof(FILE *));
        if (more == NULL)
            return false;
        a->streams = more;
        a->room = room;
    }
    return true;
}

/* False: it is not there any more. One whose locks are the program's affair is not locked. */
static bool hold(struct fiber *self, FILE *f)
{
    const struct file_lock *l = NULL;
    for (unsigned round = 0;; round++) {
        const FILE *at;
        real._IO_list_lock();
        for (at = stdio_first(); at != NULL && at != f;)
            at = at->_chain;
        l = at != NULL ? stdio_lock_of(f) : NULL;
        bool taken = l != NULL && real.ftrylockfile(f) != 0;
        real._IO_list_unlock();
        if (!taken)
            return at != NULL;
        stdio_wait(self, l, round);
    }
}

static void let_go(FILE *f)
{
    if (stdio_lock_of(f) == NULL)
        return;
    real.funlockfile(f);
    stdio_unlocked(f);
}

/* A cancellation point. */
static int flush(struct fiber *self, struct all *a, FILE *f)
{
    struct landing landing;
    if (landing_set(&landing) != 0) {
        let_go(f);
        release(a);
        turn_drop(self, TURN_STREAMS);
        __pthread_unwind_next(&landing.buf);
    }
    __pthread_register_cancel(&landing.buf);
    int r = libc.overflow(f, EOF);
    __pthread_unregister_cancel(&landing.buf);
    return r;
}

static int flush_by_libc(bool lines)
{
    if (!lines)
        return libc.flush_all();
    libc.flush_lines();
    return 0;
}

static int flush_each(struct fiber *self, struct all *a, bool lines)
{
    int result = 0;
    for (size_t i = 0; i < a->n; i++) {
        FILE *f = a->streams[i];
        if (!hold(self, f))
            continue;
        if (pending(f, lines) && flush(self, a, f) == EOF)
            result = EOF;
        let_go(f);
    }
    return result;
}

int stdio_flush_all(struct fiber *self, bool lines)
{
    struct all a;
    know_libc();
    turn_take(self, TURN_STREAMS, "fflush");
    bool ours = __atomic_load_n(&strangers, __ATOMIC_SEQ_CST) == 0 && libc.overflow != NULL && find(self, &a, lines);
    int result = ours ? flush_each(self, &a, lines) : flush_by_libc(lines);
    if (ours)
        release(&a);
    turn_drop(self, TURN_STREAMS);
    return result;
}

bool stdio_flushes_output(const FILE *f)
{
    return (f->_flags & (LINE_BUFFERED | UNBUFFERED)) != 0 && (f->_flags & (NO_READS | PUTTING)) == 0 &&
           f->_IO_read_ptr >= f->_IO_read_end;
}

/* ---- the others who want them settled ---- */

static void wait_for_turn(void)
{
    const struct timespec pause = {0, NS_PER_MS};
    __atomic_fetch_add(&strangers, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&rt.turns.locks[TURN_STREAMS].owner, __ATOMIC_SEQ_CST) != NULL)
        (void)sys(SYS_nanosleep, &pause, NULL);
}

void stdio_settle(void)
{
    struct fiber *self = fiber_self;
    if (!rt.coop || (self != NULL && self->kt->in_core))
        return;
    if (self != NULL)
        turn_take(self, TURN_STREAMS, "fflush");
    else
        wait_for_turn();
}

void stdio_fork_prepare(void)
{
    if (!rt.coop)
        return;
    stdio_settle();
    real._IO_list_lock();
}

void stdio_fork_parent(void)
{
    if (!rt.coop)
        return;
    real._IO_list_unlock();
    if (fiber_self != NULL)
        turn_drop(fiber_self, TURN_STREAMS);
    else
        __atomic_fetch_sub(&strangers, 1, __ATOMIC_SEQ_CST);
}

void stdio_fork_child(void)
{
    strangers = 0;
}
