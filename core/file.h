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

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif

enum { FILE_PAGE = 4096, PLAIN_DEVICES = 64 };

struct files {
    uint64_t
        plain[PLAIN_DEVICES]; /* devices, + 1, whose file systems do not know RWF_NOWAIT; a later one takes a place */
    bool plain_lately;        /* what was tried last without its device being known was on such a one */
};
extern struct files files __attribute__((visibility("hidden")));

/* Does a call on this name, or on this descriptor, have to ask another machine or process? */
static inline bool file_asks_path(int dir, const char *path)
{
    return method_suspects() && mounts_slow_path(dir, path);
}

static inline bool file_asks(int fd)
{
    return method_suspects() && mounts_slow_fd(fd);
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

/* It waits for no other end and no holder. */
static inline bool file_opens_at_once(int flags)
{
    return (flags & (O_NONBLOCK | O_DIRECTORY | O_PATH)) != 0;
}

/* open gave that. What O_EXCL made is a file, and a directory counts as one; else it may be anything, which is found
 * out when it has to be. */
struct fd_entry *file_renew(int fd);
static inline void file_opened(int fd, int flags)
{
    struct fd_entry *e = file_peek(fd);
    if (unlikely(e == NULL || e->kind != FD_UNKNOWN ||
                 e->special != 0)) /* the first of its chunk, or closed behind our back */
        e = file_renew(fd);
    if (unlikely(e == NULL))
        return;
    bool file = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL) || (flags & (O_DIRECTORY | O_PATH)) == O_DIRECTORY;
    e->kind = file ? FD_FILE : FD_UNKNOWN;
    e->direct = (flags & (O_DIRECT | O_DSYNC)) != 0; /* O_SYNC has the bit of O_DSYNC */
    e->fresh = (flags & (O_PATH | O_NONBLOCK)) == 0;
    e->plain = false;
}

/* The program has asked what it is: that is noted, so that nobody else has to. */
static inline uint64_t *file_plain_place(dev_t device)
{
    return &files.plain[(device ^ device >> 8) % PLAIN_DEVICES];
}

static inline bool file_is_plain(dev_t device)
{
    return __atomic_load_n(file_plain_place(device), __ATOMIC_RELAXED) == device + 1;
}

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

/* A file, or what nobody has asked the kind of; nobody waits for it, and nothing else is known of it. */
static inline bool file_is_simple(const struct fd_entry *e)
{
    return (e->kind == FD_FILE || e->kind == FD_UNKNOWN) && e->special == 0 &&
           (e->key[DIR_IN] | e->key[DIR_OUT]) == 0 && list_empty(&e->waiters[DIR_IN]) &&
           list_empty(&e->waiters[DIR_OUT]) && (rt.line.of_fds | rt.fdtab.nearly) == 0;
}

/* fdtab_closing and fdtab_copied, inlined, for such. false: they must be called. */
static inline bool file_closing(struct fd_entry *e)
{
    if (unlikely(!file_is_simple(e)))
        return false;
    e->kind = FD_UNKNOWN;
    e->fresh = e->direct = e->plain = e->waits = false;
    if (unlikely(fdtab_extra(e)->epoll_set != 0))
        fdtab_extra(e)->epoll_set = 0;
    return true;
}

static inline bool file_copied(struct fd_entry *from, int to)
{
    struct fd_entry *e = file_peek(to);
    if (unlikely(e == NULL || e->kind != FD_UNKNOWN || !file_is_simple(e) || !file_is_simple(from)))
        return false;
    e->kind = from->kind;
    e->direct = from->direct;
    e->plain = from->plain;
    e->fresh = from->fresh = false; /* two numbers, one position */
    return true;
}

/* A read of it can be tried: there may be something in the page cache, and if not, the kernel says so. */
static inline bool file_can_be_tried(const struct fd_entry *e)
{
    return (e->kind == FD_FILE || (e->fresh && !files.plain_lately)) && !e->direct && !e->plain &&
           feature_on(FEATURE_RWF_NOWAIT);
}

/* It stopped short. At the end of a page that may be because what follows is not cached; where it began is known of the
 * first read. */
static inline bool file_may_go_on(off_t began, long r, bool known)
{
    return !known || ((uint64_t)began + (uint64_t)r) % FILE_PAGE == 0;
}

/* The usual read, inlined: one part, cached, and a full buffer or the end of the file. false: *result is what the
 * attempt gave, and file_read_on does the rest. */
static inline bool file_read_cached(int fd, struct fd_entry *e, const struct iovec *v, long *result)
{
    long r = *result = sys(SYS_preadv2, fd, v, 1, -1L, 0, RWF_NOWAIT);
    if (unlikely(r < 0))
        return false;
    bool first = e->fresh;
    e->fresh = false;
    return likely(r == 0 || (size_t)r == v->iov_len) || !file_may_go_on(0, r, first);
}
long file_read_on(struct fiber *self, int fd, struct fd_entry *e, const struct iovec *v, long r, const char *call);

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
/* A socket that poll does not call writable may have room for a little, which sendfile would fill before it waits. It
 * cannot be tried without waiting: so that is sent as a message, from where the file is. Returns how much, or 0; fails:
 * the socket refuses, and sendfile will say why at once. */
long file_send_little(struct fiber *self, int in, int out, size_t n, bool *fails);
/* One that was tried and could do nothing says so, instead of waiting. */
bool file_splices_at_once(int in, int out);
bool file_is_pipe(int fd);
/* Nobody reads it. */
bool file_is_broken(int fd);
/* sendfile moves something, once both ends are ready. */
bool file_sends(int in, const off_t *at, int out);
/* Waits until the descriptor can be read, or written, without waiting: 0 or -errno. A file can, and one with
 * O_NONBLOCK is the kernel's to judge. point: the call is a cancellation point. */
int file_await(struct fiber *self, int fd, int dir, bool point, const char *call);
/* Data has gone that way. */
void file_progress(struct fiber *self, int fd, int dir);

#endif
