#include "core/stdio.h"
#include "core/enter.h"
#include "core/log.h"
#include "core/mem.h"
#include "shim/real.h"

#include <link.h>
#include <sys/mman.h>

enum { FEWEST_TABLES = 3, SOONEST_MS = 1, MOST_DOUBLED = 7 };
enum { USER_LOCKS = 0x8000 /* __fsetlocking(f, FSETLOCKING_BYCALLER) */ };

/* ---- the tables ---- */

/* As they stand in a table one after the other. */
struct entries {
    ssize_t (*read)(FILE *f, void *buf, ssize_t n);
    ssize_t (*write)(FILE *f, const void *data, ssize_t n);
    void *seek;
    int (*close)(FILE *f);
};

struct tables {
    uintptr_t from, to;   /* where libc keeps what is read-only once it is relocated */
    uintptr_t first, end; /* all of libc */
    struct stdio_entries libc;
};

FILE **stdio_standard(const char *name)
{
    return (FILE **)real_symbol(name);
}

/* What stdin means at first: the program may change the variable. */
static FILE *first_stream(void)
{
    return real_symbol("_IO_2_1_stdin_");
}

static int find_range(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct tables *t = arg;
    uintptr_t known = *(uintptr_t *)(first_stream() + 1); /* a stream's pointer to its table */
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + p->p_vaddr;
        if (p->p_type != PT_GNU_RELRO || known < from || known >= from + p->p_memsz)
            continue;
        t->from = (from + 7) & ~(uintptr_t)7;
        t->to = (from + p->p_memsz) & ~(uintptr_t)4095;
    }
    if (t->from == 0)
        return 0;
    t->first = UINTPTR_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + p->p_vaddr;
        if (p->p_type != PT_LOAD)
            continue;
        t->first = from < t->first ? from : t->first;
        t->end = from + p->p_memsz > t->end ? from + p->p_memsz : t->end;
    }
    return 1;
}

static struct entries *next_table(const struct tables *t, uintptr_t *at)
{
    for (; *at + sizeof(struct entries) <= t->to; *at += sizeof(uintptr_t)) {
        struct entries *e = (struct entries *)*at;
        if (e->read != t->libc.read || e->write != t->libc.write)
            continue;
        *at += sizeof *e;
        return e;
    }
    return NULL;
}

static bool find_tables(struct tables *t)
{
    *t = (struct tables){.from = 0};
    *(void **)&t->libc.read = real_symbol("_IO_file_read");
    *(void **)&t->libc.write = real_symbol("_IO_file_write");
    *(void **)&t->libc.close = real_symbol("_IO_file_close");
    *(void **)&t->libc.close_process = real_symbol("_IO_proc_close");
    if (t->libc.read == NULL || t->libc.write == NULL || t->libc.close == NULL || t->libc.close_process == NULL ||
        first_stream() == NULL || stdio_standard("_IO_list_all") == NULL)
        return false;
    real.dl_iterate_phdr(find_range, t);
    int n = 0;
    for (uintptr_t at = t->from; next_table(t, &at) != NULL;)
        n++;
    return n >= FEWEST_TABLES;
}

static void fill(const struct tables *t, const struct stdio_entries *ours)
{
    struct entries *e;
    for (uintptr_t at = t->from; (e = next_table(t, &at)) != NULL;) {
        e->read = ours->read;
        e->write = ours->write;
        if (e->close == t->libc.close)
            e->close = ours->close;
        else if (e->close == t->libc.close_process)
            e->close = ours->close_process;
    }
}

static struct {
    bool replaced;
    uintptr_t first, end; /* libc */
    bool locks_known;     /* struct file_lock is what libc has */
    FILE **list;          /* of all streams */
} stdio;

static void learn_locks(void)
{
    FILE *f = first_stream();
    const struct file_lock *l = (const struct file_lock *)f->_lock;
    if (l == NULL || real.ftrylockfile(f) != 0)
        return;
    stdio.locks_known = l->word != 0 && l->owner == (void *)real.pthread_self();
    real.funlockfile(f);
}

bool stdio_replace(const struct stdio_entries *ours, struct stdio_entries *theirs)
{
    struct tables t;
    if (stdio.replaced)
        return true;
    bool known = find_tables(&t);
    uintptr_t from = t.from & ~(uintptr_t)4095;
    if (!known || sys(SYS_mprotect, from, t.to - from, PROT_READ | PROT_WRITE) != 0) {
        log_line(LOG_WARN, "stdio is not cooperative: libc's streams are not as known");
        return false;
    }
    *theirs = t.libc;
    fill(&t, ours);
    (void)sys(SYS_mprotect, from, t.to - from, PROT_READ);
    stdio.replaced = true;
    stdio.first = t.first;
    stdio.end = t.end;
    stdio.list = stdio_standard("_IO_list_all");
    learn_locks();
    return true;
}

bool stdio_of_libc(const void *function)
{
    return (uintptr_t)function >= stdio.first && (uintptr_t)function < stdio.end;
}

pid_t *stdio_process(FILE *f)
{
    return (pid_t *)((char *)f + sizeof *f + sizeof(void *)); /* behind the pointer to the table */
}

/* ---- locks ---- */

bool stdio_taken(const struct file_lock *l, const struct fiber *self)
{
    return __atomic_load_n(&l->word, __ATOMIC_RELAXED) != 0 &&
           __atomic_load_n(&l->owner, __ATOMIC_RELAXED) != (void *)self->fs;
}

/* Its holder waits in an entry, and will wake us. */
static bool will_wake(const struct file_lock *l)
{
    void *owner = __atomic_load_n(&l->owner, __ATOMIC_RELAXED);
    if (owner == NULL || !mem_readable((char *)owner + rt.tls.off_record, sizeof(void *)))
        return false;
    const struct fiber *f = fiber_of((pthread_t)owner);
    return f != NULL && __atomic_load_n(&f->stream, __ATOMIC_SEQ_CST) == l;
}

/* Until it was given back, perhaps, or some time has passed. */
void stdio_wait(struct fiber *self, const struct file_lock *l, unsigned round)
{
    uint64_t soon = (uint64_t)SOONEST_MS << (round < MOST_DOUBLED ? round : MOST_DOUBLED);
    struct addr_wait w;
    core_enter(self);
    addr_link(&w, self, l);
    w.wait.hungry = round > 0;
    if (stdio_taken(l, self))
        wait_park(&w.wait, will_wake(l) ? CLOCK_NEVER : clock_after(soon * NS_PER_MS), 0, "flockfile");
    addr_unlink(&w);
    core_leave(self);
}

static void __attribute__((noinline)) wait_for(struct fiber *self, const struct file_lock *l)
{
    for (unsigned round = 0; stdio_taken(l, self); round++)
        stdio_wait(self, l, round);
    addr_wake(l, 1); /* who is next looks as well: our call may end without anybody seeing it */
}

const struct file_lock *stdio_lock_of(const FILE *f)
{
    bool locked = stdio.locks_known && (f->_flags & USER_LOCKS) == 0;
    return locked ? (const struct file_lock *)f->_lock : NULL;
}

bool stdio_gate(struct fiber *self, const FILE *f)
{
    const struct file_lock *l = stdio_lock_of(f);
    if (l == NULL || likely(!stdio_taken(l, self)))
        return false;
    wait_for(self, l);
    return true;
}

FILE *stdio_first(void)
{
    return *stdio.list;
}

struct stdio_hold stdio_enter(struct fiber *self, const FILE *f)
{
    struct stdio_hold h = {self, f->_lock, NULL};
    if (self != NULL) {
        h.outer = self->stream;
        __atomic_store_n(&self->stream, h.lock, __ATOMIC_RELAXED);
    }
    return h;
}

static void wake(const void *lock)
{
    if (lock != NULL && unlikely(rt.coop))
        addr_wake(lock, 1);
}

void stdio_leave(const struct stdio_hold *h)
{
    if (h->self != NULL)
        __atomic_store_n(&h->self->stream, h->outer, __ATOMIC_RELAXED);
    wake(h->lock);
}

void stdio_unlocked(const FILE *f)
{
    wake(f->_lock);
}
