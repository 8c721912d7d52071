/* read, write and their kin. */
#include "shim/hook.h"
#include "core/io.h"

#include <limits.h>

GATED(ssize_t, read, (int fd, void *buf, size_t n), (fd, buf, n))
{
    struct fiber *self = hook_enter_cancel();
    struct iovec v = {buf, n};
    if (self == NULL && !hook_limited())
        return real.read(fd, buf, n);
    return hook_result(io_readv(self, fd, &v, 1, "read"));
}
TWIN(__read, read);

EXPORT ssize_t __read_chk(int fd, void *buf, size_t n, size_t size)
{
    if (n > size)
        return real.__read_chk(fd, buf, n, size); /* ends the program */
    return read(fd, buf, n);
}

GATED(ssize_t, write, (int fd, const void *buf, size_t n), (fd, buf, n))
{
    struct fiber *self = hook_enter_cancel();
    struct iovec v = {(void *)buf, n};
    if (self == NULL && !hook_limited())
        return real.write(fd, buf, n);
    return hook_result(io_writev(self, fd, &v, 1, "write"));
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
    return hook_result(io_readv(self, fd, iov, n, "readv"));
}

GATED(ssize_t, writev, (int fd, const struct iovec *iov, int n), (fd, iov, n))
{
    struct fiber *self = hook_enter_cancel();
    if ((self == NULL && !hook_limited()) || !vector_there(iov, n))
        return real.writev(fd, iov, n);
    return hook_result(io_writev(self, fd, iov, n, "writev"));
}

/* With a position: files, which are read and written in place. Only a stream can wait: offset -1 of the v2 kinds. */
GATED(ssize_t, pread, (int fd, void *buf, size_t n, off_t offset), (fd, buf, n, offset))
{
    hook_enter_cancel();
    return real.pread(fd, buf, n, offset);
}

GATED(ssize_t, pread64, (int fd, void *buf, size_t n, off64_t offset), (fd, buf, n, offset))
{
    hook_enter_cancel();
    return real.pread64(fd, buf, n, offset);
}
TWIN(__pread64, pread64);

EXPORT ssize_t __pread_chk(int fd, void *buf, size_t n, off_t offset, size_t size)
{
    hook_enter_cancel();
    return real.__pread_chk(fd, buf, n, offset, size);
}

EXPORT ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t offset, size_t size)
{
    hook_enter_cancel();
    return real.__pread64_chk(fd, buf, n, offset, size);
}

GATED(ssize_t, pwrite, (int fd, const void *buf, size_t n, off_t offset), (fd, buf, n, offset))
{
    hook_enter_cancel();
    return real.pwrite(fd, buf, n, offset);
}

GATED(ssize_t, pwrite64, (int fd, const void *buf, size_t n, off64_t offset), (fd, buf, n, offset))
{
    hook_enter_cancel();
    return real.pwrite64(fd, buf, n, offset);
}
TWIN(__pwrite64, pwrite64);

GATED(ssize_t, preadv, (int fd, const struct iovec *iov, int n, off_t offset), (fd, iov, n, offset))
{
    hook_enter_cancel();
    return real.preadv(fd, iov, n, offset);
}

GATED(ssize_t, preadv64, (int fd, const struct iovec *iov, int n, off64_t offset), (fd, iov, n, offset))
{
    hook_enter_cancel();
    return real.preadv64(fd, iov, n, offset);
}

GATED(ssize_t, pwritev, (int fd, const struct iovec *iov, int n, off_t offset), (fd, iov, n, offset))
{
    hook_enter_cancel();
    return real.pwritev(fd, iov, n, offset);
}

GATED(ssize_t, pwritev64, (int fd, const struct iovec *iov, int n, off64_t offset), (fd, iov, n, offset))
{
    hook_enter_cancel();
    return real.pwritev64(fd, iov, n, offset);
}

GATED(ssize_t, preadv2, (int fd, const struct iovec *iov, int n, off_t offset, int flags), (fd, iov, n, offset, flags))
{
    struct fiber *self = hook_enter_cancel();
    if (offset != -1 || flags != 0 || (self == NULL && !hook_limited()) || !vector_there(iov, n))
        return real.preadv2(fd, iov, n, offset, flags);
    return hook_result(io_readv(self, fd, iov, n, "preadv2"));
}

EXPORT ssize_t preadv64v2(int fd, const struct iovec *iov, int n, off64_t offset, int flags)
{
    return preadv2(fd, iov, n, offset, flags);
}

GATED(ssize_t, pwritev2, (int fd, const struct iovec *iov, int n, off_t offset, int flags), (fd, iov, n, offset, flags))
{
    struct fiber *self = hook_enter_cancel();
    if (offset != -1 || flags != 0 || (self == NULL && !hook_limited()) || !vector_there(iov, n))
        return real.pwritev2(fd, iov, n, offset, flags);
    return hook_result(io_writev(self, fd, iov, n, "pwritev2"));
}

EXPORT ssize_t pwritev64v2(int fd, const struct iovec *iov, int n, off64_t offset, int flags)
{
    return pwritev2(fd, iov, n, offset, flags);
}
