/* Calls on the descriptor of a file, and those that give one. */
#include "shim/files.h"
#include "core/io.h"

/* ---- opening ---- */

/* libc ends the program if a mode is missing. */
#define OPEN_BODY(name, args, dir, path, flags, mode, real_only)                                                       \
    struct fiber *self = hook_enter_cancel();                                                                          \
    if (self == NULL || (real_only))                                                                                   \
        return real.name args;                                                                                         \
    return (int)hook_result(file_open(self, (struct file_name){dir, path}, flags, mode, #name))

#define LIGHT_OPEN(name, args, dir, path, flags, mode)                                                                 \
    struct fiber *self = hook_light();                                                                                 \
    if (unlikely(self == NULL || self->kt->in_core))                                                                   \
        return careful_##name args;                                                                                    \
    if (!file_opens_at_once(flags))                                                                                    \
        return (int)hook_result(file_open(self, (struct file_name){dir, path}, flags, mode, #name));                   \
    method_light(self);                                                                                                \
    long fd = sys(SYS_openat, dir, path, flags, mode);                                                                 \
    method_light_end(self);                                                                                            \
    if (likely(fd >= 0))                                                                                               \
        file_opened((int)fd, flags);                                                                                   \
    return (int)hook_result(fd)

LIGHT_OPTIONAL(int, open, (const char *path, int flags, mode_t mode), (path, flags, mode))
{
    LIGHT_OPEN(open, (path, flags, mode), AT_FDCWD, path, flags, mode);
}
CAREFUL(int, open, (const char *path, int flags, mode_t mode), (path, flags, mode))
{
    OPEN_BODY(open, (path, flags, mode), AT_FDCWD, path, flags, mode, false);
}
TWIN_OPTIONAL(open64, open);
TWIN_OPTIONAL(__open, open);
TWIN_OPTIONAL(__open64, open);

LIGHT_OPTIONAL(int, openat, (int dir, const char *path, int flags, mode_t mode), (dir, path, flags, mode))
{
    LIGHT_OPEN(openat, (dir, path, flags, mode), dir, path, flags, mode);
}
CAREFUL(int, openat, (int dir, const char *path, int flags, mode_t mode), (dir, path, flags, mode))
{
    OPEN_BODY(openat, (dir, path, flags, mode), dir, path, flags, mode, false);
}
TWIN_OPTIONAL(openat64, openat);

GATED(int, __open_2, (const char *path, int flags), (path, flags))
{
    OPEN_BODY(__open_2, (path, flags), AT_FDCWD, path, flags, 0, __OPEN_NEEDS_MODE(flags));
}
TWIN(__open64_2, __open_2);

LIGHT(int, __openat_2, (int dir, const char *path, int flags), (dir, path, flags))
{
    if (unlikely(__OPEN_NEEDS_MODE(flags)))
        return careful___openat_2(dir, path, flags);
    LIGHT_OPEN(__openat_2, (dir, path, flags), dir, path, flags, 0);
}
CAREFUL(int, __openat_2, (int dir, const char *path, int flags), (dir, path, flags))
{
    OPEN_BODY(__openat_2, (dir, path, flags), dir, path, flags, 0, __OPEN_NEEDS_MODE(flags));
}
TWIN(__openat64_2, __openat_2);

GATED(int, creat, (const char *path, mode_t mode), (path, mode))
{
    OPEN_BODY(creat, (path, mode), AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode, false);
}
TWIN(creat64, creat);

/* ---- what it is ---- */

/* As the other calls, and what the program learns is noted. */
#define SEEN_CALL(name, params, args, fd)                                                                              \
    LIGHT(int, name, params, args)                                                                                     \
    {                                                                                                                  \
        struct fiber *self = hook_light_fd();                                                                          \
        if (unlikely(self == NULL))                                                                                    \
            return careful_##name args;                                                                                \
        method_light(self);                                                                                            \
        int result = real.name args;                                                                                   \
        method_light_end(self);                                                                                        \
        if (likely(result == 0))                                                                                       \
            file_seen(fd, st->st_mode, st->st_dev);                                                                    \
        return result;                                                                                                 \
    }                                                                                                                  \
    CAREFUL(int, name, params, args)                                                                                   \
    {                                                                                                                  \
        struct fiber *self = hook_enter();                                                                             \
        if (hook_refused(self, fd))                                                                                    \
            return -1;                                                                                                 \
        struct method_call call;                                                                                       \
        method_begin(&call, self, self != NULL && file_asks(fd), #name);                                               \
        int result = real.name args;                                                                                   \
        method_end(&call);                                                                                             \
        if (result == 0 && self != NULL)                                                                               \
            file_seen(fd, st->st_mode, st->st_dev);                                                                    \
        return result;                                                                                                 \
    }                                                                                                                  \
    extern __typeof__(name) name

SEEN_CALL(fstat, (int fd, struct stat *st), (fd, st), fd);
SEEN_CALL(fstat64, (int fd, struct stat64 *st), (fd, st), fd);
SEEN_CALL(__fxstat, (int version, int fd, struct stat *st), (version, fd, st), fd);
SEEN_CALL(__fxstat64, (int version, int fd, struct stat64 *st), (version, fd, st), fd);
FD_CALL(int, fstatfs, (int fd, struct statfs *fs), (fd, fs), fd);
FD_CALL(int, fstatfs64, (int fd, struct statfs64 *fs), (fd, fs), fd);
FD_CALL(int, fstatvfs, (int fd, struct statvfs *fs), (fd, fs), fd);
FD_CALL(int, fstatvfs64, (int fd, struct statvfs64 *fs), (fd, fs), fd);
FD_CALL(ssize_t, fgetxattr, (int fd, const char *name, void *value, size_t n), (fd, name, value, n), fd);
FD_CALL(ssize_t, flistxattr, (int fd, char *list, size_t n), (fd, list, n), fd);

/* ---- what is said of it ---- */

FD_CALL(int, fchmod, (int fd, mode_t mode), (fd, mode), fd);
FD_CALL(int, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid), fd);
FD_CALL(int, futimes, (int fd, const struct timeval times[2]), (fd, times), fd);
FD_CALL(int, futimens, (int fd, const struct timespec times[2]), (fd, times), fd);
FD_CALL(int, fsetxattr, (int fd, const char *name, const void *value, size_t n, int flags), (fd, name, value, n, flags),
        fd);
FD_CALL(int, fremovexattr, (int fd, const char *name), (fd, name), fd);
FD_CALL(int, fchdir, (int fd), (fd), fd);

/* ---- its length and its place on the disk ---- */

static bool moved(int fd)
{
    file_moved(fd);
    return file_asks(fd);
}

LIGHT(off_t, lseek, (int fd, off_t offset, int whence), (fd, offset, whence))
{
    struct fiber *self = hook_light_fd();
    if (unlikely(self == NULL))
        return careful_lseek(fd, offset, whence);
    method_light(self);
    file_moved(fd);
    off_t result = real.lseek(fd, offset, whence);
    method_light_end(self);
    return result;
}
CAREFUL(off_t, lseek, (int fd, off_t offset, int whence), (fd, offset, whence))
FD_BODY(hook_enter, files_fail, off_t, lseek, (int fd, off_t offset, int whence), (fd, offset, whence), fd, moved(fd));
TWIN(lseek64, lseek);
TWIN(__lseek, lseek);
TWIN(llseek, lseek);
FD_CALL(int, ftruncate, (int fd, off_t size), (fd, size), fd);
TWIN(ftruncate64, ftruncate);
FD_CALL_CANCEL(int, fallocate, (int fd, int mode, off_t offset, off_t size), (fd, mode, offset, size), fd);
TWIN(fallocate64, fallocate);
FD_CALL_ERROR(posix_fallocate, (int fd, off_t offset, off_t size), (fd, offset, size), fd);
TWIN(posix_fallocate64, posix_fallocate);
FD_CALL_ERROR(posix_fadvise, (int fd, off_t offset, off_t size, int advice), (fd, offset, size, advice), fd);
TWIN(posix_fadvise64, posix_fadvise);
FD_CALL(ssize_t, readahead, (int fd, off_t offset, size_t n), (fd, offset, n), fd);
FD_CALL_KNOWN(hook_enter_cancel, int, fsync, (int fd), (fd), fd, file_has_disk(fd));
FD_CALL_KNOWN(hook_enter_cancel, int, fdatasync, (int fd), (fd), fd, file_has_disk(fd));
FD_CALL_KNOWN(hook_enter, int, syncfs, (int fd), (fd), fd, file_has_disk(fd));
FD_CALL_KNOWN(hook_enter_cancel, int, sync_file_range, (int fd, off_t offset, off_t size, unsigned flags),
              (fd, offset, size, flags), fd, file_has_disk(fd));
METHOD_CALL(hook_enter_cancel, int, msync, (void *p, size_t n, int flags), (p, n, flags), (flags & MS_SYNC) != 0);

EXPORT void sync(void)
{
    struct fiber *self = hook_enter();
    struct method_call call;
    method_begin(&call, self, true, "sync");
    real.sync();
    method_end(&call);
}

/* ---- from one descriptor to another ---- */

struct transfer {
    struct fiber *self;
    struct method_call call;
    int in, out; /* -1: none */
};

enum awaits { AWAITS_NOTHING, AWAITS, AWAITS_NO_POINT /* and is no cancellation point */ };

/* Waits until both ends are ready: 0, or -errno. Then the call is made, and waits no more, or not for long. For room in
 * a pipe the kernel waits first, and does not go on if nobody reads it. */
static long transfer_begin(struct transfer *t, struct fiber *self, int in, int out, enum awaits awaits,
                           const char *call)
{
    long r = 0;
    *t = (struct transfer){.self = self, .in = in, .out = out};
    bool waits = self != NULL && awaits != AWAITS_NOTHING, out_first = waits && out >= 0 && file_is_pipe(out);
    for (int i = 0; r == 0 && i < DIRS; i++) {
        int dir = out_first ? DIRS - 1 - i : i, fd = dir == DIR_IN ? in : out;
        if (fd >= 0 && hook_refusal(self, fd) != 0)
            r = -hook_refusal(self, fd);
        else if (fd >= 0 && waits)
            r = file_await(self, fd, dir, awaits == AWAITS, call);
        waits = waits && !(out_first && file_is_broken(out));
    }
    if (r == 0)
        method_begin(&t->call, self, self != NULL && ((in >= 0 && file_asks(in)) || (out >= 0 && file_asks(out))),
                     call);
    return r;
}

static ssize_t transfer_end(struct transfer *t, ssize_t r)
{
    method_end(&t->call);
    if (t->self != NULL && r > 0) {
        if (t->in >= 0)
            file_progress(t->self, t->in, DIR_IN);
        if (t->out >= 0)
            file_progress(t->self, t->out, DIR_OUT);
    }
    return r;
}

/* `call` has its flags in `how`. */
#define TRANSFER(name, params, args, in, out, call)                                                                    \
    GATED(ssize_t, name, params, args)                                                                                 \
    {                                                                                                                  \
        struct fiber *self = hook_enter_cancel();                                                                      \
        bool waits = self != NULL && n != 0 && (flags & SPLICE_F_NONBLOCK) == 0;                                       \
        enum file_transfer kind = waits ? file_splices(in, out) : TRANSFER_NOW;                                        \
        unsigned how = kind == TRANSFER_TRIED ? flags | SPLICE_F_NONBLOCK : flags;                                     \
        int error = errno;                                                                                             \
        for (;;) {                                                                                                     \
            struct transfer t;                                                                                         \
            long r = transfer_begin(&t, self, in, out, kind == TRANSFER_AWAITED ? AWAITS : AWAITS_NOTHING, #name);     \
            if (r < 0)                                                                                                 \
                return hook_result(r);                                                                                 \
            ssize_t done = transfer_end(&t, call);                                                                     \
            if (kind != TRANSFER_TRIED || done >= 0 || errno != EAGAIN || file_splices_at_once(in, out))               \
                return done;                                                                                           \
            kind = TRANSFER_AWAITED;                                                                                   \
            how = flags;                                                                                               \
            errno = error;                                                                                             \
        }                                                                                                              \
    }                                                                                                                  \
    extern __typeof__(name) name

TRANSFER(splice, (int in, off64_t *in_at, int out, off64_t *out_at, size_t n, unsigned flags),
         (in, in_at, out, out_at, n, flags), in, out, real.splice(in, in_at, out, out_at, n, how));
TRANSFER(tee, (int in, int out, size_t n, unsigned flags), (in, out, n, flags), in, out, real.tee(in, out, n, how));

/* Into a pipe, or from its other end. */
static bool goes_in(int fd)
{
    return (sys(SYS_fcntl, fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
}

TRANSFER(vmsplice, (int fd, const struct iovec *iov, size_t n, unsigned flags), (fd, iov, n, flags),
         goes_in(fd) ? -1 : fd, goes_in(fd) ? fd : -1, real.vmsplice(fd, iov, n, how));

GATED(ssize_t, copy_file_range, (int in, off64_t *in_at, int out, off64_t *out_at, size_t n, unsigned flags),
      (in, in_at, out, out_at, n, flags))
{
    struct transfer t;
    long r = transfer_begin(&t, hook_enter_cancel(), in, out, AWAITS_NOTHING, "copy_file_range");
    return r < 0 ? hook_result(r) : transfer_end(&t, real.copy_file_range(in, in_at, out, out_at, n, flags));
}

/* A blocking one sends all, but into a pipe what there is and has room. In pieces that fit, as a rule, into what is
 * free once the other side can be written. */
GATED(ssize_t, sendfile, (int out, int in, off_t *at, size_t n), (out, in, at, n))
{
    const size_t piece = 64 << 10;
    struct fiber *self = hook_enter();
    if (self == NULL)
        return real.sendfile(out, in, at, n);
    bool waits = n != 0 && file_sends(in, at, out) && !fdtab_nonblocking(out), all = waits && !file_is_pipe(out);
    size_t done = 0;
    for (;;) {
        struct transfer t;
        bool fails = false;
        long r = all && at == NULL ? file_send_little(self, in, out, n - done, &fails) : 0;
        if (r == 0)
            r = transfer_begin(&t, self, in, out, waits && !fails ? AWAITS_NO_POINT : AWAITS_NOTHING, "sendfile");
        if (r == 0) {
            size_t part = !all || n - done < piece ? n - done : piece;
            r = transfer_end(&t, real.sendfile(out, in, at, part));
            r = r < 0 ? -errno : r;
        }
        if (r > 0)
            done += (size_t)r;
        if (r > 0 && all && done < n)
            continue;
        if (r < 0 && done > 0)
            io_defer(self, fdtab_get(out), DIR_OUT, r);
        return done > 0 ? (ssize_t)done : hook_result(r);
    }
}
TWIN(sendfile64, sendfile);
