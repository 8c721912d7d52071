#include "core/enter.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/ready.h"
#include "shim/real.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <asm/ioctls.h>
#include <termios.h>

#ifndef PIPEFS_MAGIC
#define PIPEFS_MAGIC 0x50495045
#endif

struct fd_entry *fdtab_peek(int fd)
{
    if (unlikely((unsigned)fd >= FD_CHUNK * FD_CHUNKS))
        return NULL;
    struct fd_entry *chunk = __atomic_load_n(&rt.fdtab.chunks[fd / FD_CHUNK], __ATOMIC_ACQUIRE);
    return chunk == NULL ? NULL : &chunk[fd % FD_CHUNK];
}

struct fd_entry *fdtab_get(int fd)
{
    struct fd_entry *e = fdtab_peek(fd);
    if (likely(e != NULL) || (unsigned)fd >= FD_CHUNK * FD_CHUNKS)
        return e;
    size_t size = FD_CHUNK * (sizeof *e + sizeof(struct fd_extra));
    struct fd_entry *chunk = mem_map(size), *seen = NULL;
    if (chunk == NULL)
        return NULL;
    for (int i = 0; i < FD_CHUNK; i++) {
        chunk[i].arrivals = 1;
        chunk[i].place = (uint8_t)i;
        for (int d = 0; d < DIRS; d++)
            list_init(&chunk[i].waiters[d]);
    }
    if (!__atomic_compare_exchange_n(&rt.fdtab.chunks[fd / FD_CHUNK], &seen, chunk, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        mem_unmap(chunk, size); /* another thread was first */
    return fdtab_peek(fd);
}

static enum fd_kind socket_kind(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    if (sys(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0)
        return FD_DGRAM;
    return type == SOCK_STREAM || type == SOCK_SEQPACKET ? FD_STREAM : FD_DGRAM;
}

static enum fd_kind device_kind(int fd, const struct stat *st)
{
    struct termios t;
    if (major(st->st_rdev) == 1) /* null, zero, full, random, urandom; kmsg waits */
        return minor(st->st_rdev) == 11 ? FD_POLLED : FD_MEMORY;
    return sys(SYS_ioctl, fd, TCGETS, &t) == 0 ? FD_TTY : FD_POLLED;
}

/* Anonymous inodes tell by the name of their link. */
static enum fd_kind anonymous_kind(int fd)
{
    char path[32], link[64];
    log_text(path, sizeof path, "/proc/self/fd/%u", (unsigned long)fd);
    long got = sys(SYS_readlink, path, link, sizeof link - 1);
    link[got > 0 ? got : 0] = '\0';
    static const char *const nowait[] = {"anon_inode:[eventfd]", "anon_inode:[timerfd]", "anon_inode:[signalfd]"};
    for (size_t i = 0; i < countof(nowait); i++)
        if (strcmp(link, nowait[i]) == 0)
            return FD_NOWAIT;
    return FD_POLLED;
}

uint64_t fdtab_name(const struct stat *st)
{
    return st->st_ino << 8 | (st->st_dev & 0xff);
}

void fdtab_piped_early(const int fds[2])
{
    for (int i = 0; i < 2; i++)
        rt.fdtab.early[rt.fdtab.nearly++ % EARLY_MOST] = (struct fd_early){fds[i], rt.fdtab.fork_count};
}

/* What stands for a pipe is the end that was made then, or one that was made since: nobody has copied any. */
static void recall_early(int fd, struct fd_entry *e)
{
    for (unsigned i = 0; i < EARLY_MOST && i < rt.fdtab.nearly; i++) {
        const struct fd_early *early = &rt.fdtab.early[i];
        if (early->fd != fd || early->fork_count != rt.fdtab.fork_count)
            continue;
        e->made_here = true;
        e->fork_count = early->fork_count;
    }
}

static void forget_early(int fd)
{
    for (unsigned i = 0; i < EARLY_MOST && i < rt.fdtab.nearly; i++)
        if (rt.fdtab.early[i].fd == fd)
            rt.fdtab.early[i].fd = -1;
}

int fdtab_kind(int fd, struct fd_entry *e)
{
    if (likely(e->kind != FD_UNKNOWN))
        return e->kind;
    struct stat st;
    struct statfs fs;
    long r = sys(SYS_fstat, fd, &st);
    if (r < 0)
        return (int)r;
    enum fd_kind kind;
    switch (st.st_mode & S_IFMT) {
    case S_IFSOCK:
        kind = socket_kind(fd);
        e->low = rt.fdtab.any_low && kind == FD_STREAM;
        break;
    case S_IFIFO:
        kind = sys(SYS_fstatfs, fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC ? FD_PIPE : FD_FIFO;
        e->key[DIR_IN] = e->key[DIR_OUT] = fdtab_name(&st);
        if (kind == FD_PIPE && rt.fdtab.nearly != 0)
            recall_early(fd, e);
        break;
    case S_IFCHR:
        kind = device_kind(fd, &st);
        break;
    case S_IFREG:
    case S_IFDIR:
    case S_IFBLK:
        kind = FD_FILE;
        break;
    default:
        kind = anonymous_kind(fd);
    }
    e->kind = (uint8_t)kind;
    return kind;
}

enum fd_state fdtab_set_state(struct fd_entry *e, enum fd_state state)
{
    enum fd_state had = __atomic_exchange_n(&e->state, (uint8_t)state, __ATOMIC_SEQ_CST);
    if ((had == FD_ABORTED) != (state == FD_ABORTED))
        __atomic_fetch_add(&rt.fdtab.aborted, state == FD_ABORTED ? 1 : -1u, __ATOMIC_SEQ_CST);
    return had;
}

static void reset(struct fd_entry *e, enum fd_kind kind)
{
    e->kind = (uint8_t)kind;
    if (unlikely(e->state != FD_OPENED))
        fdtab_set_state(e, FD_OPENED);
    e->mode = FD_MODE_BY_KIND;
    e->set_flag = false;
    e->registered = e->made_here = e->waits = e->connecting = e->listening = e->low = false;
    e->fresh = e->direct = e->plain = false;
    e->expired = e->since = 0;
    e->generation++;
    e->seq++;
    e->key[DIR_IN] = e->key[DIR_OUT] = 0;
    e->timeo_seen = 0;
    e->empty_at = 0;
    e->empty_since = e->arrivals++;
    e->checked = e->luck = e->vain = 0;
    struct fd_extra *x = fdtab_extra(e); /* in most cases nothing is written there */
    if (((uint32_t)x->epoll_set | x->members_seen) != 0)
        x->epoll_set = 0, x->members_seen = 0;
    e->fork_count = rt.fdtab.fork_count;
}

/* A number that is opened anew may still have an entry with waiters, if it was closed behind our back. */
void fdtab_opened(int fd, enum fd_kind kind)
{
    struct fd_entry *e = fdtab_get(fd);
    if (e == NULL)
        return;
    if (rt.fdtab.nearly != 0)
        forget_early(fd);
    ready_drop(fd, e, EBADF);
    reset(e, kind);
}

void fdtab_paired(const int fds[2], enum fd_kind kind)
{
    fdtab_opened(fds[0], kind);
    fdtab_opened(fds[1], kind);
    struct fd_entry *a = fdtab_peek(fds[0]), *b = fdtab_peek(fds[1]);
    struct stat st[2];
    if (a != NULL && b != NULL)
        a->made_here = b->made_here = true;
    if (a == NULL || b == NULL || (kind != FD_STREAM && kind != FD_DGRAM))
        return;
    if (sys(SYS_fstat, fds[0], &st[0]) != 0 || sys(SYS_fstat, fds[1], &st[1]) != 0)
        return;
    a->key[DIR_IN] = b->key[DIR_OUT] = fdtab_name(&st[0]);
    a->key[DIR_OUT] = b->key[DIR_IN] = fdtab_name(&st[1]);
}

void fdtab_joined(int fd, int set, uint32_t events, uint64_t data)
{
    struct fd_entry *e = fdtab_get(fd), *s = fdtab_get(set);
    if (e == NULL || s == NULL)
        return;
    s->has_members = true;
    struct fd_extra *x = fdtab_extra(e);
    x->epoll_events = events;
    x->epoll_data = data;
    x->epoll_set = set + 1;
}

void fdtab_left(int fd)
{
    struct fd_entry *e = fdtab_peek(fd);
    if (e != NULL && fdtab_extra(e)->epoll_set != 0)
        fdtab_extra(e)->epoll_set = 0;
}

/* Before its number can belong to another set. */
static void forget_members(int set, struct fd_entry *s)
{
    s->has_members = false;
    for (int c = 0; c < FD_CHUNKS; c++) {
        struct fd_entry *chunk = __atomic_load_n(&rt.fdtab.chunks[c], __ATOMIC_ACQUIRE);
        for (int i = 0; chunk != NULL && i < FD_CHUNK; i++)
            if (fdtab_extra(&chunk[i])->epoll_set == set + 1)
                fdtab_extra(&chunk[i])->epoll_set = 0;
    }
}

void fdtab_closing(int fd)
{
    struct fd_entry *e = fdtab_peek(fd);
    if (rt.fdtab.nearly != 0)
        forget_early(fd);
    if (e != NULL && e->has_members)
        forget_members(fd, e);
    if (e == NULL || (e->kind == FD_UNKNOWN && !e->fresh && !e->direct && !e->registered && e->state == FD_OPENED))
        return;
    ready_drop(fd, e, EBADF);
    if (e->registered)
        (void)sys(SYS_epoll_ctl, rt.fdtab.epoll, 2 /* EPOLL_CTL_DEL */, fd, NULL);
    reset(e, FD_UNKNOWN);
}

void fdtab_closing_range(unsigned first, unsigned last)
{
    for (unsigned c = first / FD_CHUNK; c < FD_CHUNKS && c <= last / FD_CHUNK; c++) {
        if (__atomic_load_n(&rt.fdtab.chunks[c], __ATOMIC_ACQUIRE) == NULL)
            continue;
        for (unsigned fd = c * FD_CHUNK; fd < (c + 1) * FD_CHUNK; fd++)
            if (fd >= first && fd <= last)
                fdtab_closing((int)fd);
    }
}

void fdtab_copied(int from, int to)
{
    fdtab_opened(to, FD_UNKNOWN);
    struct fd_entry *a = fdtab_peek(from), *b = fdtab_peek(to);
    if (a == NULL || b == NULL)
        return;
    a->fresh = false; /* two numbers, one position */
    b->direct = a->direct;
    a->made_here = false; /* two numbers, one description */
    b->kind = a->kind;
    b->listening = a->listening;
    b->low = a->low;
    b->mode = a->mode;
    b->set_flag = a->set_flag;
    memcpy(b->key, a->key, sizeof b->key);
}

unsigned fdtab_members(int set, struct pollfd *fds, unsigned n)
{
    unsigned found = 0;
    for (int c = 0; c < FD_CHUNKS; c++) {
        const struct fd_entry *chunk = __atomic_load_n(&rt.fdtab.chunks[c], __ATOMIC_ACQUIRE);
        for (int i = 0; chunk != NULL && i < FD_CHUNK; i++) {
            const struct fd_extra *x = fdtab_extra(&chunk[i]);
            if (x->epoll_set != set + 1)
                continue;
            if (found < n)
                fds[found] = (struct pollfd){c * FD_CHUNK + i, (short)x->epoll_events, 0};
            found++;
        }
    }
    return found;
}

bool fdtab_nonblocking(int fd)
{
    struct fd_entry *e = fdtab_peek(fd);
    if (e != NULL && e->waits && e->key[DIR_IN] != 0 && fdtab_private(e))
        return false;
    long flags = sys(SYS_fcntl, fd, F_GETFL);
    if (e != NULL)
        e->waits = flags >= 0 && (flags & O_NONBLOCK) == 0;
    return flags >= 0 && (flags & O_NONBLOCK) != 0 && (e == NULL || !e->set_flag);
}

void fdtab_changed(struct fd_entry *e)
{
    e->waits = false;
    e->checked = 0;
    if (!fdtab_private(e)) /* other numbers may stand for the same */
        __atomic_fetch_add(&rt.fdtab.option_generation, 1, __ATOMIC_RELAXED);
}

void fdtab_shared(void)
{
    __atomic_fetch_add(&rt.fdtab.fork_count, 1, __ATOMIC_RELAXED);
}

uint64_t fdtab_timeo(int fd, struct fd_entry *e, int dir)
{
    if (e->kind != FD_STREAM && e->kind != FD_DGRAM)
        return 0;
    uint32_t generation = __atomic_load_n(&rt.fdtab.timeo_generation, __ATOMIC_RELAXED) + 1;
    if (e->timeo_seen != generation) {
        static const int names[DIRS] = {SO_RCVTIMEO, SO_SNDTIMEO};
        for (int d = 0; d < DIRS; d++) {
            struct timeval tv = {0, 0};
            socklen_t size = sizeof tv;
            if (sys(SYS_getsockopt, fd, SOL_SOCKET, names[d], &tv, &size) != 0)
                tv = (struct timeval){0, 0};
            uint64_t ms = (uint64_t)tv.tv_sec * 1000 + ((uint64_t)tv.tv_usec + 999) / 1000;
            e->timeo[d] = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
        }
        e->timeo_seen = generation;
    }
    return e->timeo[dir] * NS_PER_MS;
}

bool fdtab_private(const struct fd_entry *e)
{
    return e->made_here && e->fork_count == __atomic_load_n(&rt.fdtab.fork_count, __ATOMIC_RELAXED);
}

bool fdtab_is_own(int fd)
{
    if (likely(rt.fdtab.nown == 0))
        return false;
    const struct fd_entry *e = fdtab_peek(fd);
    return e != NULL && e->own;
}

unsigned fdtab_next_own(unsigned first, unsigned last)
{
    unsigned least = ~0u;
    for (unsigned i = 0; i < rt.fdtab.nown; i++) {
        unsigned fd = (unsigned)rt.fdtab.own[i];
        if (fd >= first && fd <= last && fd < least)
            least = fd;
    }
    return least;
}

/* Above what the program may open itself, so that it has as many numbers as bare: the limit is raised for the moment
 * of the call. Where it cannot be, just below it; and never above `most`, for the kernel keeps, and copies at a fork, a
 * table as long as the highest number. */
int fdtab_take_high(int fd)
{
    struct rlimit limit, raised;
    long high = -EMFILE;
    const rlim_t most = 1 << 16;
    bool wide = sys(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) != 0 || limit.rlim_cur > most;
    if (wide)
        limit.rlim_cur = most;
    raised = limit;
    raised.rlim_cur += OWN_MOST;
    if (raised.rlim_max < raised.rlim_cur)
        raised.rlim_max = raised.rlim_cur; /* allowed to the superuser */
    if (!wide && sys(SYS_prlimit64, 0, RLIMIT_NOFILE, &raised, NULL) == 0) {
        high = sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, limit.rlim_cur);
        (void)sys(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, NULL);
    }
    for (long base = (long)limit.rlim_cur - OWN_MOST; high < 0 && base > 2; base -= OWN_MOST)
        high = sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, base);
    if (high < 0)
        high = sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3);
    struct fd_entry *e = high < 0 ? NULL : fdtab_get((int)high);
    if (e == NULL)
        return (int)high;
    e->own = true;
    if (rt.fdtab.nown < OWN_MOST)
        rt.fdtab.own[rt.fdtab.nown++] = (int)high;
    real_gate_set(REAL_OWN, true);
    return (int)high;
}

void fdtab_forget_own(int fd)
{
    struct fd_entry *e = fdtab_peek(fd);
    if (e == NULL || !e->own)
        return;
    e->own = false;
    for (unsigned i = 0; i < rt.fdtab.nown; i++)
        if (rt.fdtab.own[i] == fd)
            rt.fdtab.own[i] = rt.fdtab.own[--rt.fdtab.nown];
    if (rt.fdtab.nown == 0)
        real_gate_set(REAL_OWN, false);
}

void fdtab_forked(void)
{
    while (rt.fdtab.nown > 0) {
        int fd = rt.fdtab.own[rt.fdtab.nown - 1];
        fdtab_forget_own(fd);
        (void)sys(SYS_close, fd);
    }
    rt.fdtab.fork_count++;
    rt.fdtab.epoll = -1;
    rt.fdtab.aborted = 0;
    for (unsigned c = 0; c < FD_CHUNKS; c++)
        for (unsigned i = 0; rt.fdtab.chunks[c] != NULL && i < FD_CHUNK; i++) {
            struct fd_entry *e = &rt.fdtab.chunks[c][i];
            e->registered = e->fresh = false;
            e->state = FD_OPENED; /* without fibers nobody would see the number's next owner */
            e->mode = FD_MODE_BY_KIND;
            e->set_flag = false;
            list_init(&e->waiters[DIR_IN]);
            list_init(&e->waiters[DIR_OUT]);
        }
}
