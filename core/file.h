/* Calls on files by the fiber's async method (method.h): which of them wait, and reading.
 *
 * A read of a regular file is first tried with RWF_NOWAIT: what is in the page cache comes at once. What is not there
 * is read as the method says; by `detach`, away from the carrier. A read that was tried may stop where the cached part
 * ends, which is the end of a page, and bare it would not: then the rest is read, too. So that a program which opens,
 * reads and closes small files makes no more system calls than bare, what open gave is not asked for its kind while
 * the attempts succeed, and the first read, which starts at 0, has met the end of the file if it stops elsewhere than
 * at the end of a page. File systems without RWF_NOWAIT (tmpfs, overlayfs) are remembered by their device. */
#ifndef COAX_FILE_H
#define COAX_FILE_H

#include "core/fdtab.h"
#include "core/method_call.h"
#include "core/mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Does a call on this name, or on this descriptor, have to ask another machine or process? */
static inline bool file_asks_path(int dir, const char *path)
{
    return method_suspects(&rt.methods) && mounts_slow_path(dir, path);
}

static inline bool file_asks(int fd)
{
    return method_suspects(&rt.methods) && mounts_slow_fd(fd);
}

/* Does what was written have to go to a disk? Not where memory is all that there is. */
bool file_has_disk(int fd);

/* fdtab_peek, inlined. */
static inline struct fd_entry *file_peek(int fd)
{
    if (unlikely((unsigned)fd >= FD_CHUNK * FD_CHUNKS))
        return NULL;
    struct fd_entry *chunk = __atomic_load_n(&rt.fdtab.chunks[(unsigned)fd / FD_CHUNK], __ATOMIC_ACQUIRE);
    return unlikely(chunk == NULL) ? NULL : &chunk[(unsigned)fd % FD_CHUNK];
}

/* open and its kin: a descriptor or -errno. A FIFO waits for its other end, a leased file for its holder. */
struct file_name {
    int dir;
    const char *path;
};
long file_open(struct fiber *self, struct file_name name, int flags, mode_t mode, const char *call);

/* The program has asked what it is: that is noted, so that nobody else has to. */
bool file_is_plain(dev_t device);
static inline void file_seen(int fd, mode_t mode, dev_t device)
{
    struct fd_entry *e = file_peek(fd);
    if (e == NULL || e->kind != FD_UNKNOWN || !S_ISREG(mode))
        return;
    e->kind = FD_FILE;
    e->plain = file_is_plain(device);
}

/* Its position has changed without a read. */
static inline void file_moved(int fd)
{
    struct fd_entry *e = file_peek(fd);
    if (e != NULL)
        e->fresh = false;
}

/* The entry, if reads and writes of the descriptor are for the calls below; else NULL. */
static inline struct fd_entry *file_entry(int fd)
{
    struct fd_entry *e = file_peek(fd);
    return e != NULL && e->state != FD_ABORTED && (e->kind == FD_FILE || e->fresh) ? e : NULL;
}

/* A count or -errno. Files by the fiber's method, all else by readiness; self NULL: all by readiness. */
long file_or_readv(struct fiber *self, int fd, const struct iovec *iov, int n, const char *call);
long file_or_writev(struct fiber *self, int fd, const struct iovec *iov, int n, const char *call);
/* Of files alone. With the entry: at the descriptor's own position. */
long file_readv(struct fiber *self, int fd, struct fd_entry *e, const struct iovec *iov, int n, const char *call);
long file_preadv(struct fiber *self, int fd, const struct iovec *iov, int n, off_t offset, const char *call);
/* false: it is no file, and nothing has been written. */
bool file_writev(struct fiber *self, int fd, struct fd_entry *e, const struct iovec *iov, int n, const char *call,
                 long *result);

/* splice and kin, from `in` to `out`, -1: none. What the kernel refuses it refuses at once, whatever there is to read:
 * it is asked first, and only where it would wait for room without regard to SPLICE_F_NONBLOCK we wait before. */
enum file_transfer { TRANSFER_NOW, TRANSFER_TRIED, TRANSFER_AWAITED };
enum file_transfer file_splices(int in, int out);
/* sendfile moves something, once both ends are ready. */
bool file_sends(int in, const off_t *at, int out);
/* Waits until the descriptor can be read, or written, without waiting: 0 or -errno. A file can, and one with
 * O_NONBLOCK is the kernel's to judge. */
int file_await(struct fiber *self, int fd, int dir, const char *call);
/* Data has gone that way. */
void file_progress(struct fiber *self, int fd, int dir);

#endif
