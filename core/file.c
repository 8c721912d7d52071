#include "core/file.h"
#include "core/descriptor.h"
#include "core/io.h"
#include "core/mem.h"
#include "core/ready.h"
#include "core/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

enum { ON_STACK = 8 };

struct files files;

/* Asked where the answer costs little beside the call itself. */
bool file_has_disk(int fd)
{
    struct statfs fs;
    if (file_asks(fd) || sys(SYS_fstatfs, fd, &fs) != 0)
        return true;
    return fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC && fs.f_type != PROC_SUPER_MAGIC &&
           fs.f_type != SYSFS_MAGIC;
}

/* ---- opening ---- */

struct opening {
    struct fiber *self;
    struct file_name name;
    int flags;
    mode_t mode;
    const char *call;
    bool here;
};

struct fd_entry *file_renew(int fd)
{
    if (fdtab_get(fd) != NULL)
        fdtab_opened(fd, FD_UNKNOWN);
    return file_peek(fd);
}

static long open_now(void *arg)
{
    const struct opening *o = arg;
    struct method_call c = {.self = NULL};
    if (o->here)
        method_begin(&c, o->self, false, o->call);
    long fd = sys(SYS_openat, o->name.dir, o->name.path, o->flags, o->mode);
    method_end(&c);
    return fd;
}

/* Who has a deadline, or is to end, must be watched even if there is no other fiber for whose sake the monitor would
 * look. By `none` all wait for each other. */
static bool opens_here(const struct opening *o)
{
    enum method m = method_of(o->self);
    if (m == METHOD_NONE)
        return true;
    if (o->self->deadline != 0 || __atomic_load_n(&o->self->stop, __ATOMIC_RELAXED))
        return false;
    return m == METHOD_SWITCH || !file_asks_path(o->name.dir, o->name.path);
}

enum { OPEN_WAIT = WAIT_CANCEL | WAIT_INTR | WAIT_RESTART | WAIT_TRY };

/* The usual case: nothing to see to but the call. */
static bool open_light(struct opening *o, long *fd)
{
    struct wait w;
    if (real_gate != REAL_LIGHT || !wait_here_begins(&w, o->self, OPEN_WAIT | WAIT_HERE, o->call))
        return false;
    method_light(o->self);
    *fd = sys(SYS_openat, o->name.dir, o->name.path, o->flags, o->mode);
    method_light_end(o->self);
    *fd = wait_here_ends(&w, *fd, open_now, o);
    return true;
}

/* Not through libc: it acts on a cancellation after the call, and would throw away a descriptor that the call gave. */
long file_open(struct fiber *self, struct file_name name, int flags, mode_t mode, const char *call)
{
    struct opening o = {self, name, flags, mode, call, true};
    long fd;
    if (file_opens_at_once(flags)) {
        struct method_call c;
        o.here = false;
        method_begin(&c, self, file_asks_path(name.dir, name.path), call);
        fd = open_now(&o);
        method_end(&c);
    } else if (!open_light(&o, &fd)) {
        o.here = opens_here(&o);
        fd = wait_away_now(self, CLOCK_NEVER, OPEN_WAIT | (o.here ? WAIT_HERE : 0), call, open_now, &o);
    }
    if (fd >= 0)
        file_opened((int)fd, flags);
    return fd;
}

/* ---- what a descriptor is ---- */

/* An attempt has not told. Asks what it is, without asking a server, and whether its kind is known not to be tried; the
 * number may have got a new owner behind our back. false: no file. */
static bool find_out(int fd, struct fd_entry *e, bool plain)
{
    const int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
    struct statx st;
    if (sys(SYS_statx, fd, "", flags, STATX_TYPE, &st) != 0)
        return e->kind == FD_FILE;
    dev_t device = makedev(st.stx_dev_major, st.stx_dev_minor);
    bool regular = S_ISREG(st.stx_mode), file = regular || S_ISBLK(st.stx_mode) || S_ISDIR(st.stx_mode);
    if (file || e->kind == FD_FILE)
        e->kind = file ? FD_FILE : FD_UNKNOWN;
    if (regular && plain)
        __atomic_store_n(file_plain_place(device), device + 1, __ATOMIC_RELAXED);
    e->plain = plain || file_is_plain(device);
    files.plain_lately = e->plain;
    return file;
}

/* ---- reading ---- */

/* One call of the kernel's. It splits the position in two halves, of which the second counts for 32-bit machines. */
static long vector_call(long number, int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
    return sys(number, fd, iov, n, offset, 0, flags);
}

static long try_at_once(int fd, const struct iovec *iov, int n, off_t offset)
{
    long r = vector_call(SYS_preadv2, fd, iov, n, offset, RWF_NOWAIT);
    if (r == -ENOSYS || r == -EPERM) {
        feature_off(FEATURE_RWF_NOWAIT);
        return -EOPNOTSUPP;
    }
    return r;
}

/* By the method. waits: there is a disk to wait for. */
static long read_slowly(struct fiber *self, int fd, const struct iovec *iov, int n, off_t offset, bool waits,
                        const char *call)
{
    struct method_call c;
    method_begin(&c, self, waits || file_asks(fd), call);
    long r = offset < 0 ? sys(SYS_readv, fd, iov, n) : vector_call(SYS_preadv, fd, iov, n, offset, 0);
    method_end(&c);
    return r;
}

/* `done` bytes have come at once, and more was asked for. Of a file: a device may give a piece each time. */
static long read_rest(struct fiber *self, int fd, struct fd_entry *e, const struct iovec *iov, int n, off_t offset,
                      size_t done, const char *call)
{
    struct iovec rest[ON_STACK];
    size_t all = vec_length(iov, n);
    bool memory = offset < 0 && e->kind != FD_FILE && !find_out(fd, e, false);
    if (memory && fdtab_kind(fd, e) != FD_MEMORY)
        return (long)done;
    while (done < all) {
        int m = vec_rest(rest, ON_STACK, iov, n, done);
        if (memory) { /* zero stops where somebody else is to run */
            long r = sys(SYS_readv, fd, rest, m);
            if (r <= 0)
                break;
            done += (size_t)r;
            continue;
        }
        off_t at = offset < 0 ? -1 : offset + (off_t)done;
        long r = try_at_once(fd, rest, m, at);
        if (r == -EAGAIN && offset < 0 && !find_out(fd, e, false))
            break;
        if (r == -EAGAIN)
            r = read_slowly(self, fd, rest, m, at, true, call);
        if (r <= 0)
            break;
        done += (size_t)r;
    }
    return (long)done;
}

static bool can_be_tried(const struct fd_entry *e)
{
    return !e->direct && !e->plain && feature_on(FEATURE_RWF_NOWAIT);
}

/* What open gave turns out to be something else. */
static long no_file(struct fiber *self, int fd, struct fd_entry *e, const struct iovec *iov, int n, const char *call)
{
    e->fresh = false;
    return io_readv(self, fd, iov, n, call);
}

/* What a single attempt does not settle. */
static __attribute__((noinline)) long read_more(struct fiber *self, int fd, struct fd_entry *e, const struct iovec *iov,
                                                int n, const char *call)
{
    if (e->kind != FD_FILE && (files.plain_lately || !can_be_tried(e)) && !find_out(fd, e, false))
        return no_file(self, fd, e, iov, n, call);
    bool tried = can_be_tried(e), first = e->fresh;
    long r = tried ? try_at_once(fd, iov, n, -1) : -EOPNOTSUPP;
    if (r == -EOPNOTSUPP || r == -EAGAIN) {
        if (tried && !find_out(fd, e, r == -EOPNOTSUPP))
            return no_file(self, fd, e, iov, n, call);
        r = read_slowly(self, fd, iov, n, -1, r == -EAGAIN || e->direct, call);
    } else if (r > 0 && (size_t)r < vec_length(iov, n) && file_may_go_on(0, r, first)) {
        r = read_rest(self, fd, e, iov, n, -1, (size_t)r, call);
    }
    e->fresh = false;
    return r;
}

long file_read_on(struct fiber *self, int fd, struct fd_entry *e, const struct iovec *v, long r, const char *call)
{
    signals_call_begins(&self->sig); /* a light hook has not said so */
    if (r < 0)
        return r == -EAGAIN || r == -EOPNOTSUPP || r == -ENOSYS || r == -EPERM ? read_more(self, fd, e, v, 1, call) : r;
    return read_rest(self, fd, e, v, 1, -1, (size_t)r, call);
}

long file_readv(struct fiber *self, int fd, struct fd_entry *e, const struct iovec *iov, int n, const char *call)
{
    long r;
    if (unlikely(n != 1 || !file_can_be_tried(e)))
        return read_more(self, fd, e, iov, n, call);
    return file_read_cached(fd, e, iov, &r) ? r : file_read_on(self, fd, e, iov, r, call);
}

long file_preadv(struct fiber *self, int fd, const struct iovec *iov, int n, off_t offset, const char *call)
{
    struct fd_entry *e = fdtab_get(fd);
    bool tried = e != NULL && n > 0 && can_be_tried(e);
    long r = tried ? try_at_once(fd, iov, n, offset) : -EOPNOTSUPP;
    if (tried && r == -EOPNOTSUPP)
        e->plain = true;
    if (r == -EOPNOTSUPP || r == -EAGAIN)
        return read_slowly(self, fd, iov, n, offset, r == -EAGAIN || (e != NULL && e->direct), call);
    if (r > 0 && (size_t)r < vec_length(iov, n) && file_may_go_on(offset, r, true))
        return read_rest(self, fd, e, iov, n, offset, (size_t)r, call);
    return r;
}

/* ---- writing ---- */

bool file_writev(struct fiber *self, int fd, struct fd_entry *e, const struct iovec *iov, int n, const char *call,
                 long *result)
{
    if (e->kind != FD_FILE && !find_out(fd, e, false)) {
        e->fresh = false;
        return false;
    }
    struct method_call c;
    e->fresh = false;
    method_begin(&c, self, e->direct || file_asks(fd), call);
    *result = sys(SYS_writev, fd, iov, n);
    method_end(&c);
    return true;
}

/* ---- files or not ---- */

long file_or_readv(struct fiber *self, int fd, const struct iovec *iov, int n, const char *call)
{
    struct fd_entry *e = self == NULL ? NULL : file_entry(fd);
    return e != NULL ? file_readv(self, fd, e, iov, n, call) : io_readv(self, fd, iov, n, call);
}

long file_or_writev(struct fiber *self, int fd, const struct iovec *iov, int n, const char *call)
{
    struct fd_entry *e = self == NULL ? NULL : file_entry(fd);
    long r;
    return e != NULL && file_writev(self, fd, e, iov, n, call, &r) ? r : io_writev(self, fd, iov, n, call);
}

/* ---- from one descriptor to another ---- */

static int kind_of(int fd)
{
    struct fd_entry *e = fdtab_get(fd);
    return e == NULL ? -EBADF : fdtab_kind(fd, e);
}

static bool is_open_for(int fd, int dir)
{
    long flags = sys(SYS_fcntl, fd, F_GETFL);
    long mode = flags & O_ACCMODE;
    return flags >= 0 && (flags & O_PATH) == 0 && (mode == O_RDWR || mode == (dir == DIR_IN ? O_RDONLY : O_WRONLY));
}

static bool is_pipe(int kind)
{
    return kind == FD_PIPE || kind == FD_FIFO;
}

static bool listens(int fd)
{
    const struct fd_entry *e = fdtab_peek(fd);
    return e != NULL && e->listening;
}

/* And it is not one that the kernel refuses. */
static bool both_wait(int in, int out)
{
    return is_open_for(in, DIR_IN) && is_open_for(out, DIR_OUT) && !listens(in) && !listens(out);
}

enum file_transfer file_splices(int in, int out)
{
    int to = out < 0 ? FD_PIPE : kind_of(out);
    if (is_pipe(to) || to == FD_FILE || to == FD_MEMORY)
        return TRANSFER_TRIED;
    return to >= 0 && is_pipe(kind_of(in)) && both_wait(in, out) ? TRANSFER_AWAITED : TRANSFER_NOW;
}

bool file_is_pipe(int fd)
{
    return is_pipe(kind_of(fd));
}

bool file_is_broken(int fd)
{
    return io_poll_now(fd, 0) > 0;
}

/* O_NONBLOCK of a pipe counts for both ends; vmsplice has one, and does not look. */
bool file_splices_at_once(int in, int out)
{
    return in >= 0 && out >= 0 &&
           ((file_is_pipe(out) && fdtab_nonblocking(out)) || (file_is_pipe(in) && fdtab_nonblocking(in)));
}

static long look(int fd, struct fd_entry *e, void *arg, enum io_stage stage)
{
    short events = *(const short *)arg;
    if (io_poll_now(fd, events) == 0)
        return -EAGAIN;
    return stage == IO_FIRST || events != POLLOUT ? 0 : io_broken(fd, e);
}

/* From there on the file has nothing. */
static bool at_end(int fd, const off_t *at)
{
    struct stat st;
    long begin = at == NULL ? sys(SYS_lseek, fd, 0, SEEK_CUR) : mem_readable(at, sizeof *at) ? *at : -1;
    return begin < 0 || sys(SYS_fstat, fd, &st) != 0 || begin >= st.st_size;
}

bool file_sends(int in, const off_t *at, int out)
{
    short writable = POLLOUT;
    int from = kind_of(in), to = kind_of(out);
    if (to < 0 || to == FD_FILE || !both_wait(in, out))
        return false;
    if (is_pipe(to)) /* for room in there the kernel waits first */
        return from == FD_FILE || from == FD_STREAM || from == FD_MEMORY;
    return from == FD_FILE && (look(out, NULL, &writable, IO_FIRST) == 0 || !at_end(in, at));
}

static bool is_byte_stream(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    return kind_of(fd) == FD_STREAM && sys(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
           type == SOCK_STREAM;
}

long file_send_little(struct fiber *self, int in, int out, size_t n, bool *fails)
{
    char page[FILE_PAGE];
    if (kind_of(in) != FD_FILE || descriptor_aborted(out) != 0 || io_poll_now(out, POLLOUT) != 0 ||
        !is_byte_stream(out))
        return 0;
    long at = sys(SYS_lseek, in, 0, SEEK_CUR);
    struct iovec v = {page, n < sizeof page ? n : sizeof page};
    long got = at < 0 ? 0 : sys(SYS_preadv2, in, &v, 1, at, 0, RWF_NOWAIT);
    long sent = got <= 0 ? 0 : sys(SYS_sendto, out, page, got, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
    *fails = sent < 0 && sent != -EAGAIN;
    if (sent <= 0)
        return 0;
    (void)sys(SYS_lseek, in, sent, SEEK_CUR);
    file_progress(self, in, DIR_IN);
    file_progress(self, out, DIR_OUT);
    return sent;
}

int file_await(struct fiber *self, int fd, int dir, bool point, const char *call)
{
    static const short events[DIRS] = {[DIR_IN] = POLLIN, [DIR_OUT] = POLLOUT};
    struct fd_entry *e = fdtab_get(fd);
    int kind = kind_of(fd);
    if (kind < 0 || kind == FD_FILE || kind == FD_MEMORY)
        return 0;
    unsigned op = (dir == DIR_IN ? OP_READ : OP_WRITE) | (point ? 0 : IO_NO_POINT);
    long r = io_run(self, fd, e, dir, op, look, (void *)&events[dir], call);
    return r == -EAGAIN && fdtab_nonblocking(fd) ? 0 : (int)r;
}

void file_progress(struct fiber *self, int fd, int dir)
{
    struct fd_entry *e = fdtab_peek(fd);
    if (e == NULL)
        return;
    e->fresh = false;
    ready_progress(self, e, dir);
}
