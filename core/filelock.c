#include "core/filelock.h"
#include "core/enter.h"

#include <errno.h>
#include <sys/file.h>
#include <sys/stat.h>

struct request {
    int fd, cmd; /* cmd: of flock, or the one of fcntl that waits */
    struct flock lock;
};

static long try_flock(void *arg)
{
    const struct request *r = arg;
    return sys(SYS_flock, r->fd, r->cmd | LOCK_NB);
}

static long wait_flock(void *arg)
{
    const struct request *r = arg;
    return sys(SYS_flock, r->fd, r->cmd);
}

static int without_waiting(int cmd)
{
    return cmd == F_SETLKW ? F_SETLK : F_OFD_SETLK;
}

static long try_fcntl(void *arg)
{
    const struct request *r = arg;
    long e = sys(SYS_fcntl, r->fd, without_waiting(r->cmd), &r->lock);
    return e == -EACCES ? -EAGAIN : e;
}

static long wait_fcntl(void *arg)
{
    const struct request *r = arg;
    return sys(SYS_fcntl, r->fd, r->cmd, &r->lock);
}

/* Closing it shall end the wait: the table must know the descriptor. */
static int note(int fd)
{
    struct fd_entry *e = fdtab_get(fd);
    if (e == NULL)
        return 0;
    if (__atomic_load_n(&e->state, __ATOMIC_SEQ_CST) == FD_ABORTED)
        return -fdtab_extra(e)->abort_errno;
    int kind = fdtab_kind(fd, e);
    return kind < 0 ? kind : 0;
}

/* Same file and same mode are the same request, whatever description is to own the lock: one that had the other mode
 * has lost that by the attempt, as it would by the call. */
long filelock_flock(struct fiber *self, int fd, int op)
{
    struct request r = {.fd = fd, .cmd = op};
    struct stat st;
    long e = note(fd);
    if (e == 0)
        e = try_flock(&r);
    if (e != -EAGAIN || sys(SYS_fstat, fd, &st) != 0)
        return e;
    const struct line_call call = {
        .key = {LINE_FLOCK, {st.st_dev, st.st_ino, (uint64_t)op}, NULL, 0},
        .attempt = try_flock,
        .call = wait_flock,
        .arg = &r,
        .fd = fd,
        .restarts = true,
        .flags = WAIT_STOP | WAIT_INTR,
        .at = CLOCK_NEVER,
        .name = "flock",
    };
    return line_wait(self, &call);
}

/* From the beginning of the file: where the descriptor stands, and the file ends, counts now. */
static long absolute(int fd, struct flock *l, const struct stat *st)
{
    long at = l->l_whence == SEEK_CUR ? sys(SYS_lseek, fd, 0, SEEK_CUR) : l->l_whence == SEEK_END ? st->st_size : 0;
    if (at < 0)
        return at;
    l->l_whence = SEEK_SET;
    l->l_start += at;
    if (l->l_len < 0) {
        l->l_start += l->l_len;
        l->l_len = -l->l_len;
    }
    return 0;
}

/* The process owns its locks, so the same range is the same request. Those of open files know their owner: who already
 * has a part would not wait for itself, so only the same descriptor makes the same request. */
long filelock_fcntl(struct fiber *self, int fd, int cmd, const struct flock *lock)
{
    struct request r = {.fd = fd, .cmd = cmd};
    struct stat st;
    long e = note(fd);
    if (e != 0)
        return e;
    e = sys(SYS_fcntl, fd, without_waiting(cmd), lock);
    if (e == -EAGAIN || e == -EACCES) { /* it can be read */
        r.lock = *lock;
        e = -EAGAIN;
    }
    if (e != -EAGAIN || sys(SYS_fstat, fd, &st) != 0 || absolute(fd, &r.lock, &st) != 0)
        return e;
    uint64_t owner = cmd == F_SETLKW ? 0 : (uint64_t)fd + 1;
    const uint64_t range[2] = {(uint64_t)r.lock.l_start, (uint64_t)r.lock.l_len};
    const struct line_call call = {
        .key = {LINE_FCNTL, {st.st_dev, st.st_ino, owner, (uint64_t)r.lock.l_type}, range, sizeof range},
        .attempt = try_fcntl,
        .call = wait_fcntl,
        .arg = &r,
        .fd = fd,
        .restarts = true,
        .flags = WAIT_CANCEL | WAIT_INTR,
        .at = CLOCK_NEVER,
        .name = "fcntl",
    };
    return line_wait(self, &call);
}
