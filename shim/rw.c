/* read, write and their kin. */
#include "shim/files.h"

#include <limits.h>

LIGHT(ssize_t, read, (int fd, void *buf, size_t n), (fd, buf, n))
{
    struct fiber *self = hook_light_fd();
    struct fd_entry *e = file_peek(fd);
    if (unlikely(self == NULL || e == NULL || self->kt->in_core))
        return careful_read(fd, buf, n);
    if (likely(file_can_be_tried(e))) {
        struct iovec v = {buf, n};
        long r;
        return likely(file_read_cached(fd, e, &v, &r)) ? r : hook_result(file_read_on(self, fd, e, &v, r, "read"));
    }
    if (e->kind != FD_FILE || e->direct)
        return careful_read(fd, buf, n);
    e->fresh = false;
    method_light(self);
    long r = sys(SYS_read, fd, buf, n);
    method_light_end(self);
    return hook_result(r);
}
CAREFUL(ssize_t, read, (int fd, void *buf, size_t n), (fd, buf, n))
{
    struct fiber *self = hook_enter_cancel();
    struct iovec v = {buf, n};
    if (self == NULL && !hook_limited())
        return real.read(fd, buf, n);
    return hook_result(file_or_readv(self, fd, &v, 1, "read"));
}
TWIN(__read, read);

EXPORT ssize_t __read_chk(int fd, void *buf, size_t n, size_t size)
{
    if (n > size)
        return real.__read_chk(fd, buf, n, size); /* ends the program */
    return read(fd, buf, n);
}

LIGHT(ssize_t, write, (int fd, const void *buf, size_t n), (fd, buf, n))
{
    struct fiber *self = hook_light_fd();
    struct fd_entry *e = file_peek(fd);
    if (unlikely(self == NULL || e == NULL || e->kind != FD_FILE || e->direct))
        return careful_write(fd, buf, n);
    e->fresh = false;
    method_light(self);
    long r = sys(SYS_write, fd, buf, n);
    method_light_end(self);
    return hook_result(r);
}
CAREFUL(ssize_t, write, (int fd, const void *buf, size_t n), (fd, buf, n))
{
    struct fiber *self = hook_enter_cancel();
    struct iovec v = {(void *)buf, n};
    if (self == NULL && !hook_limited())
        return real.write(fd, buf, n);
    return hook_result(file_or_writev(self, fd, &v, 1, "write"));
}
TWIN(__write, write);

/* The core reads the program's vector; a bad one is the kernel's to refuse, and so is a bad count. With nothing in it
 * the kernel does nothing, unlike a write of no bytes: that is an empty message, or refused. */
static bool vector_there(const struct iovec *iov, int n)
{
    if (n <= 0 || n > IOV_MAX || !mem_readable(iov, (size_t)n * sizeof *iov))
        return false;
    size_t any = 0;
    for (int i = 0; i < n; i++)
        any |= iov[i].iov_len;
    return any != 0;
}

GATED(ssize_t, readv, (int fd, const struct iovec *iov, int n), (fd, iov, n))
{
    struct fiber *self = hook_enter_cancel();
    if ((self == NULL && !hook_limited()) || !vector_there(iov, n))
        return real.readv(fd, iov, n);
    return hook_result(file_or_readv(self, fd, iov, n, "readv"));
}

GATED(ssize_t, writev, (int fd, const struct iovec *iov, int n), (fd, iov, n))
{
    struct fiber *self = hook_enter_cancel();
    if ((self == NULL && !hook_limited()) || !vector_there(iov, n))
        return real.writev(fd, iov, n);
    return hook_result(file_or_writev(self, fd, iov, n, "writev"));
}

/* With a position: files. Only a stream can wait otherwise: offset -1 of the v2 kinds. */
#define POSITION_READ(name, params, args, there, iov, n)                                                               \
    GATED(ssize_t, name, params, args)                                                                                 \
    {                                                                                                                  \
        struct fiber *self = hook_enter_cancel();                                                                      \
        if (self == NULL || offset < 0 || !(there))                                                                    \
            return real.name args;                                                                                     \
        return hook_refused(self, fd) ? -1 : hook_result(file_preadv(self, fd, iov, n, offset, #name));                \
    }                                                                                                                  \
    extern __typeof__(name) name

POSITION_READ(pread, (int fd, void *buf, size_t n, off_t offset), (fd, buf, n, offset), true, (&(struct iovec){buf, n}),
              1);
POSITION_READ(pread64, (int fd, void *buf, size_t n, off64_t offset), (fd, buf, n, offset), true,
              (&(struct iovec){buf, n}), 1);
TWIN(__pread64, pread64);
POSITION_READ(preadv, (int fd, const struct iovec *iov, int n, off_t offset), (fd, iov, n, offset),
              vector_there(iov, n), iov, n);
POSITION_READ(preadv64, (int fd, const struct iovec *iov, int n, off64_t offset), (fd, iov, n, offset),
              vector_there(iov, n), iov, n);

EXPORT ssize_t __pread_chk(int fd, void *buf, size_t n, off_t offset, size_t size)
{
    return n > size ? real.__pread_chk(fd, buf, n, offset, size) : pread(fd, buf, n, offset);
}

EXPORT ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t offset, size_t size)
{
    return n > size ? real.__pread64_chk(fd, buf, n, offset, size) : pread64(fd, buf, n, offset);
}

static bool writes_wait(int fd)
{
    const struct fd_entry *e = fdtab_peek(fd);
    return (e != NULL && e->direct) || file_asks(fd);
}

FD_CALL_KNOWN(hook_enter_cancel, ssize_t, pwrite, (int fd, const void *buf, size_t n, off_t offset),
              (fd, buf, n, offset), fd, writes_wait(fd));
FD_CALL_KNOWN(hook_enter_cancel, ssize_t, pwrite64, (int fd, const void *buf, size_t n, off64_t offset),
              (fd, buf, n, offset), fd, writes_wait(fd));
TWIN(__pwrite64, pwrite64);
FD_CALL_KNOWN(hook_enter_cancel, ssize_t, pwritev, (int fd, const struct iovec *iov, int n, off_t offset),
              (fd, iov, n, offset), fd, writes_wait(fd));
FD_CALL_KNOWN(hook_enter_cancel, ssize_t, pwritev64, (int fd, const struct iovec *iov, int n, off64_t offset),
              (fd, iov, n, offset), fd, writes_wait(fd));

/* With a position, or flags, the v2 kinds are the kernel's alone, under the fiber's method. */
#define V2_CALL(name, params, io)                                                                                      \
    GATED(ssize_t, name, params, (fd, iov, n, offset, flags))                                                          \
    {                                                                                                                  \
        struct fiber *self = hook_enter_cancel();                                                                      \
        if (offset == -1 && flags == 0 && (self != NULL || hook_limited()) && vector_there(iov, n))                    \
            return hook_result(io(self, fd, iov, n, #name));                                                           \
        if (hook_refused(self, fd))                                                                                    \
            return -1;                                                                                                 \
        struct method_call call;                                                                                       \
        method_begin(&call, self, self != NULL && (flags & RWF_NOWAIT) == 0 && writes_wait(fd), #name);                \
        ssize_t r = real.name(fd, iov, n, offset, flags);                                                              \
        method_end(&call);                                                                                             \
        return r;                                                                                                      \
    }                                                                                                                  \
    extern __typeof__(name) name

V2_CALL(preadv2, (int fd, const struct iovec *iov, int n, off_t offset, int flags), file_or_readv);
V2_CALL(pwritev2, (int fd, const struct iovec *iov, int n, off_t offset, int flags), file_or_writev);

EXPORT ssize_t preadv64v2(int fd, const struct iovec *iov, int n, off64_t offset, int flags)
{
    return preadv2(fd, iov, n, offset, flags);
}

EXPORT ssize_t pwritev64v2(int fd, const struct iovec *iov, int n, off64_t offset, int flags)
{
    return pwritev2(fd, iov, n, offset, flags);
}
