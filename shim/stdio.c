/* Streams: what stands in libc's tables for reading, writing and closing, and the calls that lock a stream. The design
 * is in core/stdio.h. */
#include "shim/hook.h"
#include "shim/elf.h"
#include "shim/stdio.h"
#include "core/child.h"
#include "core/file.h"
#include "core/io.h"
#include "core/ready.h"
#include "core/stdio.h"

#include <stddef.h>

enum { ERROR_SEEN = 0x20, NOT_CANCELLED = 2 /* fopen's "c" */ };
enum { NO_CHILD = 0x7fffffff };

static struct stdio_entries libc;
static FILE **in, **out, **err;

/* ---- the entries ---- */

/* It holds the stream's lock: no yield, as hook_enter has it, for nobody else could get that. */
static struct fiber *holder(void)
{
    if ((real_gate & REAL_FIBERS) == 0)
        return NULL;
    struct fiber *self = fiber_self;
    if (self == NULL || self->kt->in_core)
        return NULL;
    signals_call_begins(&self->sig);
    return self;
}

/* What an entry does around a wait. shielded: it is no cancellation point. */
struct entry {
    struct fiber *self;
    struct stdio_hold hold;
    bool cancel_disabled;
};

static struct entry entry_begin(struct fiber *self, const FILE *f, bool shielded)
{
    if (self != NULL && unlikely(self->cancel_pending) && !shielded)
        identity_test_cancel(self);
    struct entry e = {self, stdio_enter(self, f), self != NULL && self->cancel_disabled};
    if (self != NULL && shielded)
        self->cancel_disabled = true;
    return e;
}

static void entry_end(const struct entry *e)
{
    if (e->self != NULL)
        e->self->cancel_disabled = e->cancel_disabled;
    stdio_leave(&e->hold);
}

static struct entry io_begin(struct fiber *self, const FILE *f)
{
    return entry_begin(self, f, (f->_flags2 & NOT_CANCELLED) != 0);
}

static ssize_t entry_read(FILE *f, void *buf, ssize_t n)
{
    struct fiber *self = holder();
    struct entry e = io_begin(self, f);
    long r;
    if (self == NULL && !hook_limited()) {
        r = libc.read(f, buf, n);
        entry_end(&e);
        return r;
    }
    struct iovec v = {buf, (size_t)n};
    r = file_or_readv(self, f->_fileno, &v, 1, "read");
    entry_end(&e);
    return hook_result(r);
}

static ssize_t write_all(FILE *f, const char *data, ssize_t n)
{
    struct fiber *self = holder();
    ssize_t done = 0;
    while (done < n) {
        struct iovec v = {(char *)data + done, (size_t)(n - done)};
        struct entry e = io_begin(self, f);
        long r = file_or_writev(self, f->_fileno, &v, 1, "write");
        entry_end(&e);
        if (hook_result(r) < 0) {
            f->_flags |= ERROR_SEEN;
            break;
        }
        done += r;
    }
    if (f->_offset >= 0)
        f->_offset += done;
    return done;
}

static ssize_t entry_write(FILE *f, const void *data, ssize_t n)
{
    struct fiber *self = holder();
    if (self != NULL || hook_limited())
        return write_all(f, data, n);
    struct entry e = io_begin(self, f);
    ssize_t r = libc.write(f, data, n);
    entry_end(&e);
    return r;
}

/* The number is forgotten before it is closed, and who waits at the other end of a pipe sees the end at once. */
static int closing(FILE *f, int (*close_it)(FILE *f))
{
    struct fiber *self = holder();
    struct fd_entry *e = self != NULL || hook_limited() ? fdtab_peek(f->_fileno) : NULL;
    if (e == NULL)
        return close_it(f);
    uint64_t keys[DIRS] = {e->key[DIR_IN], e->key[DIR_OUT]};
    struct method_call call;
    bool asks = self != NULL && file_asks(f->_fileno);
    fdtab_closing(f->_fileno);
    method_begin(&call, self, asks, "fclose");
    int r = close_it(f);
    method_end(&call);
    ready_stream_closed(self, keys);
    return r;
}

static int entry_close(FILE *f)
{
    return closing(f, libc.close);
}

/* libc closes the stream and waits for the process. It is given one to wait for that does not exist, and the wait is
 * made here. Not a cancellation point, and no handler ends it. */
static int entry_close_process(FILE *f)
{
    struct fiber *self = holder();
    pid_t *process = stdio_process(f), pid = *process;
    siginfo_t info;
    if ((self == NULL && rt.config.timeout[OP_WAIT] == 0) || pid <= 0 ||
        sys(SYS_waitid, P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT, NULL) != 0)
        return closing(f, libc.close_process);
    int saved = errno, status = 0;
    *process = NO_CHILD;
    errno = 0;
    int r = closing(f, libc.close_process);
    if (r != -1 || errno != ECHILD)
        return r;
    errno = saved;
    struct entry e = entry_begin(self, f, true);
    long waited;
    do
        waited = child_wait4(self, pid, &status, 0, NULL);
    while (waited == -EINTR);
    entry_end(&e);
    return hook_result(waited) < 0 ? -1 : status;
}

void stdio_start(void)
{
    static const struct stdio_entries ours = {entry_read, entry_write, entry_close, entry_close_process};
    stdio_replace(&ours, &libc);
    in = stdio_standard("stdin");
    out = stdio_standard("stdout");
    err = stdio_standard("stderr");
}

/* ---- the calls that lock a stream ---- */

/* READ_n: the stream is argument n, and is read. */
enum { IN = -1, OUT = -2, ERR = -3, ERR_USED = -4, ALL = -5, ALL_LINES = -6, ALL_IF_NONE = -7 };
enum { READ_0 = 16, READ_1, READ_2, READ_3, READ_4 };

#define HOOK(name)
#define HOOK_AS(name, like)
#define HOOK_VERSION(function, name, version)
#define HOOK_DEFAULT(name, version)
#undef EXPORT_DATA
#define EXPORT_DATA(name)
#undef HOOK_FILE

static const struct block {
#define HOOK_FILE(name, where) char name[sizeof #name];
#include "shim/hooks.def"
#undef HOOK_FILE
} block = {
#define HOOK_FILE(name, where) #name,
#include "shim/hooks.def"
#undef HOOK_FILE
};

static const struct elf_name names[] = {
#define HOOK_FILE(name, where) {ELF_HASH(#name), offsetof(struct block, name)},
#include "shim/hooks.def"
#undef HOOK_FILE
};

static const int8_t where[] = {
#define HOOK_FILE(name, where) where,
#include "shim/hooks.def"
#undef HOOK_FILE
};

/* In shim/stdio_jump.S: where each goes at once, at first to stdio_pass. */
extern void *stdio_libc[] __attribute__((visibility("hidden")));

static void *libc_call(unsigned index)
{
    static void *found[countof(names)];
    void *p = __atomic_load_n(&found[index], __ATOMIC_ACQUIRE);
    if (p != NULL)
        return p;
    const char *name = (const char *)&block + names[index].at;
    struct elf_name one = {names[index].hash, 0};
    if (!elf_find(&one, name, 1, &p) || p == NULL)
        p = real_next(name);
    __atomic_store_n(&found[index], p, __ATOMIC_RELEASE);
    __atomic_store_n(&stdio_libc[index], p, __ATOMIC_RELEASE);
    return p;
}

/* args: the registers that arguments come in. */
void *stdio_pass(unsigned index, void *const *args);
static FILE *stream(int at, void *const *args)
{
    switch (at) {
    case IN:
        return *in;
    case OUT:
        return *out;
    case ERR:
        return *err;
    case ERR_USED:
        return (*err)->_mode != 0 ? *err : NULL;
    case ALL_IF_NONE:
        return args[0];
    case ALL:
    case ALL_LINES:
        return NULL;
    default:
        return args[at >= READ_0 ? at - READ_0 : at];
    }
}

/* libc looks itself whether there is something to read. */
static void gate_input(struct fiber *self, const FILE *f)
{
    do
        stdio_gate(self, f);
    while (f != *out && stdio_flushes_output(f) && stdio_gate(self, *out));
}

/* fflush and its kin, called in their place. */
static int flush_all(void)
{
    return stdio_flush_all(fiber_self, false);
}

static int flush_lines(void)
{
    return stdio_flush_all(fiber_self, true);
}

void *stdio_pass(unsigned index, void *const *args)
{
    struct fiber *self = hook_enter();
    void *to = libc_call(index);
    if (self == NULL || !stdio_of_libc(to))
        return to;
    int at = where[index];
    const FILE *f = stream(at, args);
    if (f == NULL && at <= ALL)
        return at == ALL_LINES ? (void *)flush_lines : (void *)flush_all;
    if (f != NULL && (at == IN || at >= READ_0))
        gate_input(self, f);
    else if (f != NULL)
        stdio_gate(self, f);
    return to;
}

EXPORT void funlockfile(FILE *f)
{
    hook_bind();
    real.funlockfile(f);
    stdio_unlocked(f);
    hook_leave_lock();
}
TWIN(_IO_funlockfile, funlockfile);

/* libc puts another description under the same number. */
EXPORT FILE *freopen(const char *restrict path, const char *restrict mode, FILE *restrict f)
{
    struct fiber *self = hook_enter();
    if (self != NULL)
        stdio_gate(self, f);
    int fd = self != NULL || hook_limited() ? fileno_unlocked(f) : -1;
    if (fd >= 0)
        fdtab_closing(fd);
    return real.freopen(path, mode, f);
}
TWIN(freopen64, freopen);
