#include "core/poll.h"
#include "core/enter.h"
#include "core/io.h"
#include "core/mem.h"
#include "core/ready.h"

#include <errno.h>

enum { ON_STACK = 12 };

struct scan {
    uint64_t at; /* the earliest limit of all */
    int index;   /* whose; -1: the program's own timeout */
};

static void limit_of(struct scan *s, int index, struct fd_entry *e, int dir, uint64_t now, enum op op)
{
    uint64_t limit = rt.config.timeout[op];
    if (limit == 0)
        return;
    bool connect = op == OP_CONNECT;
    uint64_t *since = connect ? &fdtab_extra(e)->connect_since : &fdtab_extra(e)->since[dir];
    if (connect ? *since == 0 : (e->since & 1u << dir) == 0)
        *since = now;
    if (!connect)
        e->since |= (uint8_t)(1u << dir);
    if (*since + limit < s->at)
        *s = (struct scan){*since + limit, index};
}

/* A wait counts as reading, writing, connecting or accepting what it watches. */
static struct scan scan_limits(const struct pollfd *fds, unsigned n, uint64_t at)
{
    struct scan s = {at, -1};
    if (!rt.config.any_timeout)
        return s;
    uint64_t now = clock_now();
    if (rt.config.timeout[OP_POLL] != 0 && at == CLOCK_NEVER)
        s.at = now + rt.config.timeout[OP_POLL];
    for (unsigned i = 0; i < n; i++) {
        struct fd_entry *e = fds[i].fd < 0 ? NULL : fdtab_get(fds[i].fd);
        if (e == NULL)
            continue;
        int kind = fdtab_kind(fds[i].fd, e);
        if (kind != FD_STREAM && kind != FD_DGRAM && kind != FD_PIPE && kind != FD_FIFO)
            continue;
        if (io_connecting(fds[i].fd, e)) {
            limit_of(&s, (int)i, e, DIR_OUT, now, OP_CONNECT);
            continue;
        }
        if ((fds[i].events & (POLLIN | POLLRDNORM)) != 0)
            limit_of(&s, (int)i, e, DIR_IN, now, e->listening ? OP_ACCEPT : OP_READ);
        if ((fds[i].events & (POLLOUT | POLLWRNORM)) != 0)
            limit_of(&s, (int)i, e, DIR_OUT, now, OP_WRITE);
    }
    return s;
}

short poll_expire(int fd, short events)
{
    struct fd_entry *e = fdtab_get(fd);
    if (e == NULL)
        return 0;
    if (e->state == FD_ABORTED)
        return (short)((events & (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM)) | POLLERR);
    if (io_connecting(fd, e)) {
        e->expired |= 1u << DIR_OUT;
        return POLLOUT | POLLERR;
    }
    uint64_t now = clock_now();
    uint64_t limit = rt.config.timeout[e->listening ? OP_ACCEPT : OP_READ];
    if ((events & (POLLIN | POLLRDNORM)) != 0 && limit != 0 &&
        ((e->since & 1u << DIR_IN) == 0 || fdtab_extra(e)->since[DIR_IN] + limit <= now)) {
        e->expired |= 1u << DIR_IN;
        return (short)(events & (POLLIN | POLLRDNORM));
    }
    e->expired |= 1u << DIR_OUT;
    return (short)(events & (POLLOUT | POLLWRNORM));
}

int poll_find_expired(const struct pollfd *fds, unsigned n)
{
    if (!rt.config.any_timeout && !rt.fdtab.aborted)
        return -1;
    for (unsigned i = 0; i < n; i++) {
        const struct fd_entry *e = fds[i].fd < 0 ? NULL : fdtab_peek(fds[i].fd);
        unsigned dirs = ((fds[i].events & (POLLIN | POLLRDNORM)) != 0 ? 1u << DIR_IN : 0) |
                        ((fds[i].events & (POLLOUT | POLLWRNORM)) != 0 ? 1u << DIR_OUT : 0);
        if (e != NULL && ((e->expired & dirs) != 0 || e->state == FD_ABORTED))
            return (int)i;
    }
    return -1;
}

static uint32_t seq_sum(const struct pollfd *fds, unsigned n)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct fd_entry *e = fds[i].fd < 0 ? NULL : fdtab_get(fds[i].fd);
        if (e != NULL)
            sum += __atomic_load_n(&e->seq, __ATOMIC_SEQ_CST);
    }
    return sum;
}

/* What is ready is no longer waited for: its clock starts anew. */
static void forget(const struct pollfd *fds, unsigned n)
{
    if (!rt.config.any_timeout)
        return;
    for (unsigned i = 0; i < n; i++) {
        struct fd_entry *e = fds[i].fd < 0 ? NULL : fdtab_peek(fds[i].fd);
        struct pollfd p = {fds[i].fd, fds[i].events, 0};
        if (e == NULL || e->since == 0 || sys(SYS_poll, &p, 1, 0) <= 0)
            continue;
        if ((p.revents & ~POLLOUT) != 0)
            fdtab_moved(e, DIR_IN);
        if ((p.revents & POLLOUT) != 0)
            fdtab_moved(e, DIR_OUT);
    }
}

static __attribute__((noinline)) int wait_native(const struct pollfd *fds, unsigned n, uint64_t at)
{
    uint64_t now = clock_now();
    struct timespec left = clock_to_timespec(at > now ? at - now : 0);
    struct pollfd few[ON_STACK], *copy = n <= ON_STACK ? few : mem_map(n * sizeof *copy);
    if (copy == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < n; i++)
        copy[i] = fds[i];
    long r = sys(SYS_ppoll, copy, n, at == CLOCK_NEVER ? NULL : &left, NULL, 8);
    if (copy != few)
        mem_unmap(copy, n * sizeof *copy);
    return r == 0 ? -ETIMEDOUT : r < 0 ? (int)r : 0;
}

/* Errors and hang-ups are always of interest: they come in. */
static bool wants(const struct pollfd *p, int dir)
{
    bool out = (p->events & (POLLOUT | POLLWRNORM | POLLWRBAND)) != 0;
    bool in = !out || (p->events & (POLLIN | POLLRDNORM | POLLRDBAND | POLLPRI | POLLRDHUP)) != 0;
    return p->fd >= 0 && (dir == DIR_OUT ? out : in);
}

static unsigned count_wanted(const struct pollfd *fds, unsigned n)
{
    unsigned count = 0;
    for (unsigned i = 0; i < n; i++)
        count += wants(&fds[i], DIR_IN) + (unsigned)wants(&fds[i], DIR_OUT);
    return count;
}

static int index_of(const struct pollfd *fds, unsigned n, int fd)
{
    for (unsigned i = 0; i < n; i++)
        if (fds[i].fd == fd)
            return (int)i;
    return -1;
}

static int wait_linked(struct fiber *self, const struct pollfd *fds, unsigned n, struct ready_link *links, uint64_t at,
                       const char *call, int *closed)
{
    struct ready_wait w;
    ready_begin(&w, self, links);
    uint64_t turn = ++rt.fdtab.turns;
    for (unsigned i = 0; i < n; i++) {
        int r = 0;
        if (wants(&fds[i], DIR_IN))
            r = ready_link(&w, fds[i].fd, DIR_IN, false, turn);
        if (r == 0 && wants(&fds[i], DIR_OUT))
            r = ready_link(&w, fds[i].fd, DIR_OUT, false, turn);
        if (r != 0 && r != -EPERM) {
            w.wait.unlink(&w.wait);
            return r;
        }
    }
    int r = wait_park(&w.wait, at, WAIT_CANCEL | WAIT_INTR, call);
    if (unlikely(r == -EBADF) && w.dropped >= 0)
        *closed = index_of(fds, n, w.dropped);
    return r;
}

/* The links lie on the stack, as many as are needed: a thread that waits in poll costs memory by this frame. */
static int wait_any(struct fiber *self, const struct pollfd *fds, unsigned n, uint32_t seq, uint64_t at,
                    const char *call, int *closed)
{
    unsigned wanted = count_wanted(fds, n);
    size_t size = wanted * sizeof(struct ready_link);
    struct ready_link *links = wanted <= ON_STACK ? __builtin_alloca(size) : mem_map(size);
    if (links == NULL)
        return -ENOMEM;
    core_enter(self);
    int r = seq_sum(fds, n) != seq ? 0 : wait_linked(self, fds, n, links, at, call, closed);
    core_leave(self);
    if (wanted > ON_STACK)
        mem_unmap(links, size);
    return r;
}

long poll_run(struct fiber *self, const struct pollfd *fds, unsigned n, const struct poll_limits *limits, uint64_t at,
              poll_attempt *attempt, void *arg, const char *call, int *expired)
{
    struct scan limit = {at, -1};
    bool scanned = false;
    *expired = -1;
    for (;;) {
        uint32_t seq = self != NULL ? seq_sum(fds, n) : 0;
        long r = attempt(arg);
        if (r != 0) {
            if (r > 0)
                forget(limits != NULL ? limits->fds : fds, limits != NULL ? limits->n : n);
            return r;
        }
        if (unlikely(rt.fdtab.aborted)) {
            *expired = limits != NULL ? poll_find_expired(limits->fds, limits->n) : poll_find_expired(fds, n);
            if (*expired >= 0)
                return 0;
        }
        if (at == 0)
            return 0;
        if (!scanned)
            limit = limits != NULL ? scan_limits(limits->fds, limits->n, at) : scan_limits(fds, n, at);
        scanned = true;
        int w = self != NULL ? wait_any(self, fds, n, seq, limit.at, call, expired) : wait_native(fds, n, limit.at);
        if (w == -ETIMEDOUT) {
            *expired = limit.index;
            return limit.index >= 0 ? 0 : attempt(arg);
        }
        if (w != 0)
            return w;
    }
}
