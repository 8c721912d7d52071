/* Descriptors: who gets a number, who gives one back. */
#include "shim/hook.h"
#include "core/fdtab.h"
#include "core/filelock.h"
#include "core/file.h"
#include "core/io.h"
#include "core/ready.h"
#include "shim/thread_id.h"

static bool tracked(const struct fiber *self)
{
    return self != NULL || hook_limited();
}

static void piped(const struct fiber *self, const int fds[2])
{
    if (tracked(self))
        fdtab_paired(fds, FD_UNKNOWN);
    else
        fdtab_piped_early(fds);
}

ALWAYS(int, pipe, (int fds[2]), (fds))
{
    struct fiber *self = hook_enter();
    int r = real.pipe(fds);
    if (r == 0)
        piped(self, fds);
    return r;
}
TWIN(__pipe, pipe);

ALWAYS(int, pipe2, (int fds[2], int flags), (fds, flags))
{
    struct fiber *self = hook_enter();
    int r = real.pipe2(fds, flags);
    if (r == 0)
        piped(self, fds);
    return r;
}

/* Without fibers there are none of our own. */
static inline bool own(int fd)
{
    return unlikely(rt.fdtab.nown != 0) && fdtab_is_own(fd);
}

static int copied(const struct fiber *self, int from, int to)
{
    if (to >= 0 && to != from && tracked(self))
        fdtab_copied(from, to);
    else
        fdtab_shared();
    return to;
}

static int bad(void)
{
    errno = EBADF;
    return -1;
}

/* What is about to be replaced is closed: its waiters wake. Nothing is, if there is nothing to copy. */
static void replace(const struct fiber *self, int fd, int to)
{
    if (fd != to && tracked(self) && sys(SYS_fcntl, fd, F_GETFD) >= 0)
        fdtab_closing(to);
}

ALWAYS(int, dup, (int fd), (fd))
{
    struct fiber *self = hook_enter();
    if (own(fd))
        return bad();
    if (hook_refused(self, fd))
        return -1;
    return copied(self, fd, real.dup(fd));
}

ALWAYS(int, dup2, (int fd, int to), (fd, to))
{
    struct fiber *self = hook_enter();
    if (own(fd) || own(to))
        return bad();
    if (hook_refused(self, fd))
        return -1;
    replace(self, fd, to);
    return copied(self, fd, real.dup2(fd, to));
}
TWIN(__dup2, dup2);

ALWAYS(int, dup3, (int fd, int to, int flags), (fd, to, flags))
{
    struct fiber *self = hook_enter();
    if (own(fd) || own(to))
        return bad();
    if (hook_refused(self, fd))
        return -1;
    if ((flags & ~O_CLOEXEC) == 0)
        replace(self, fd, to);
    return copied(self, fd, real.dup3(fd, to, flags));
}

/* Waiters wake with EBADF before the close itself; who waits at the other end of a pipe sees the end at once. */
LIGHT(int, close, (int fd), (fd))
{
    struct fiber *self = hook_light();
    struct fd_entry *e = file_peek(fd);
    if (unlikely(self == NULL || e == NULL || !file_closing(e)))
        return careful_close(fd);
    method_light(self);
    long r = sys(SYS_close, fd);
    method_light_end(self);
    return (int)hook_result(r);
}
CAREFUL(int, close, (int fd), (fd))
{
    struct fiber *self = hook_enter_cancel();
    if (own(fd))
        return bad();
    struct fd_entry *e = tracked(self) ? fdtab_peek(fd) : NULL;
    if (e == NULL)
        return real.close(fd);
    uint64_t keys[DIRS] = {e->key[DIR_IN], e->key[DIR_OUT]};
    struct method_call call;
    bool asks = self != NULL && file_asks(fd);
    fdtab_closing(fd);
    method_begin(&call, self, asks, "close");
    int r = real.close(fd);
    method_end(&call);
    ready_stream_closed(self, keys);
    return r;
}
TWIN(__close, close);

/* libc closes the number itself: it is forgotten before. */
LIGHT(int, closedir, (DIR * dir), (dir))
{
    struct fiber *self = hook_light();
    struct fd_entry *e = self != NULL ? file_peek(dirfd(dir)) : NULL;
    if (unlikely(e == NULL || !file_closing(e)))
        return careful_closedir(dir);
    method_light(self);
    int r = real.closedir(dir);
    method_light_end(self);
    return r;
}
CAREFUL(int, closedir, (DIR * dir), (dir))
{
    struct fiber *self = hook_enter();
    int fd = tracked(self) ? dirfd(dir) : -1;
    if (fd >= 0)
        fdtab_closing(fd);
    return real.closedir(dir);
}

static void closing_range(unsigned first, unsigned last)
{
    if (first <= last && (rt.coop || hook_limited()))
        fdtab_closing_range(first, last);
}

/* Around our own. */
static int range_without_own(unsigned first, unsigned last, int flags)
{
    while (first <= last) {
        unsigned own = fdtab_next_own(first, last);
        if (own == ~0u)
            return real.close_range(first, last, flags);
        if (own > first && real.close_range(first, own - 1, flags) != 0)
            return -1;
        if (own == last)
            break;
        first = own + 1;
    }
    return 0;
}

GATED(int, close_range, (unsigned first, unsigned last, int flags), (first, last, flags))
{
    hook_enter();
    if ((flags & ~2 /* CLOSE_RANGE_UNSHARE */) == 0)
        closing_range(first, last);
    if (rt.fdtab.nown == 0 || first > last)
        return real.close_range(first, last, flags);
    return range_without_own(first, last, flags);
}

SLOW void slow_closefrom(int first)
{
    hook_enter();
    unsigned from = first < 0 ? 0 : (unsigned)first;
    closing_range(from, ~0u);
    if (rt.fdtab.nown == 0) {
        real.closefrom(first);
        return;
    }
    if (range_without_own(from, ~0u, 0) == 0)
        return;
    for (unsigned fd = from; fd < FD_CHUNK * FD_CHUNKS; fd++) /* a kernel without close_range */
        if (!fdtab_is_own((int)fd))
            (void)sys(SYS_close, fd);
}

EXPORT void closefrom(int first)
{
    hook_solo() ? real.closefrom(first) : slow_closefrom(first);
}

/* What the flag says now is the program's word. */
static void flags_changed(int fd)
{
    struct fd_entry *e = rt.coop || hook_limited() ? fdtab_peek(fd) : NULL;
    if (e == NULL)
        return;
    fdtab_changed(e);
    e->set_flag = false;
}

EXPORT int optional_fcntl(int fd, int cmd, void *arg) __asm__("fcntl");
SLOW int careful_fcntl(int fd, int cmd, void *arg);
SLOW int slow_fcntl(int fd, int cmd, void *arg)
{
    struct fd_entry *e = file_peek(fd);
    bool copies = cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC;
    bool known = copies || cmd == F_GETFD || cmd == F_SETFD || cmd == F_GETFL;
    if (unlikely(hook_light_fd() == NULL || !known || e == NULL || e->special != 0))
        return careful_fcntl(fd, cmd, arg);
    long to = sys(SYS_fcntl, fd, cmd, arg);
    if (copies && to >= 0 && !file_copied(e, (int)to))
        fdtab_copied(fd, (int)to);
    return (int)hook_result(to);
}
CAREFUL(int, fcntl, (int fd, int cmd, void *arg), (fd, cmd, arg))
{
    struct fiber *self = hook_enter();
    if (own(fd))
        return bad();
    if (hook_refused(self, fd))
        return -1;
    if (self != NULL && (cmd == F_SETLKW || cmd == F_OFD_SETLKW)) {
        if (unlikely(self->cancel_pending))
            identity_test_cancel(self);
        return (int)hook_result(filelock_fcntl(self, fd, cmd, arg));
    }
    if (unlikely(cmd == F_SETOWN_EX) && rt.coop)
        return thread_id_own_signals(self, fd, arg);
    int r = real.fcntl(fd, cmd, arg);
    if (unlikely(cmd == F_SETFL) && r == 0)
        flags_changed(fd);
    return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC ? copied(self, fd, r) : r;
}

/* A copy counts without fibers, too. */
EXPORT int optional_fcntl(int fd, int cmd, void *arg)
{
    bool copies = cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC;
    return hook_solo() && !copies ? real.fcntl(fd, cmd, arg) : slow_fcntl(fd, cmd, arg);
}
TWIN_OPTIONAL(__fcntl, fcntl);
TWIN_OPTIONAL(fcntl64, fcntl);

GATED_OPTIONAL(int, ioctl, (int fd, unsigned long request, void *arg), (fd, request, arg))
{
    struct fiber *self = hook_enter();
    if (own(fd))
        return bad();
    if (hook_refused(self, fd))
        return -1;
    struct method_call call; /* some wait */
    method_begin(&call, self, self != NULL && file_asks(fd), "ioctl");
    int r = real.ioctl(fd, request, arg);
    method_end(&call);
    if ((request == FIONBIO || request == FIOASYNC) && r == 0)
        flags_changed(fd);
    return r;
}

/* ---- what terminal it is ---- */

GATED(int, isatty, (int fd), (fd))
{
    return hook_refused(hook_enter(), fd) ? 0 : real.isatty(fd);
}

GATED(char *, ttyname, (int fd), (fd))
{
    return hook_refused(hook_enter(), fd) ? NULL : real.ttyname(fd);
}

GATED(int, ttyname_r, (int fd, char *buf, size_t size), (fd, buf, size))
{
    return hook_refused(hook_enter(), fd) ? errno : real.ttyname_r(fd, buf, size);
}

GATED(int, __ttyname_r_chk, (int fd, char *buf, size_t size, size_t room), (fd, buf, size, room))
{
    return hook_refused(hook_enter(), fd) ? errno : real.__ttyname_r_chk(fd, buf, size, room);
}

/* ---- what it tells of ---- */

GATED(int, timerfd_settime, (int fd, int flags, const struct itimerspec *value, struct itimerspec *old),
      (fd, flags, value, old))
{
    return hook_refused(hook_enter(), fd) ? -1 : real.timerfd_settime(fd, flags, value, old);
}

GATED(int, timerfd_gettime, (int fd, struct itimerspec *value), (fd, value))
{
    return hook_refused(hook_enter(), fd) ? -1 : real.timerfd_gettime(fd, value);
}

GATED(int, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask))
{
    return hook_refused(hook_enter(), fd) ? -1 : real.inotify_add_watch(fd, path, mask);
}

GATED(int, inotify_rm_watch, (int fd, int watch), (fd, watch))
{
    return hook_refused(hook_enter(), fd) ? -1 : real.inotify_rm_watch(fd, watch);
}
