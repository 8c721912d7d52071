/* coax_pick_op: the program's operations as the core attempts them. */
#include "shim/table.h"
#include "core/pick.h"

#include <limits.h>
#include <poll.h>

enum { MOST = 1 << 16 };

static short ready_now(int fd, short events)
{
    struct pollfd p = {fd, events, 0};
    return sys(SYS_poll, &p, 1, 0) == 0 ? 0 : p.revents;
}

static long try_read(struct pick_op *op)
{
    const struct coax_op *o = op->arg;
    struct iovec iov = {o->buf, o->size};
    struct io_vec v = {&iov, 1};
    return o->size == 0 ? sys(SYS_read, op->fd, o->buf, 0) : io_try_read(op->fd, op->entry, &v, IO_FIRST);
}

static long try_write(struct pick_op *op)
{
    const struct coax_op *o = op->arg;
    struct iovec iov = {o->buf, o->size};
    struct io_vec v = {&iov, 1};
    return io_try_write(op->fd, op->entry, &v, IO_FIRST);
}

static long try_accept(struct pick_op *op)
{
    struct coax_op *o = op->arg;
    struct io_accepting a = {o->addr, o->addr != NULL ? &o->addrlen : NULL, 0};
    long r = io_try_accept(op->fd, op->entry, &a, IO_FIRST);
    if (r >= 0)
        io_accepted((int)r);
    return r;
}

/* Of a local socket with a full queue nothing tells when there is room: it is asked again now and then. */
static long try_connect(struct pick_op *op)
{
    const struct coax_op *o = op->arg;
    if (op->connecting)
        return ready_now(op->fd, POLLOUT) == 0 ? -EAGAIN : sys(SYS_connect, op->fd, o->addr, o->addrlen);
    long r = io_begin_connect(op->fd, o->addr, o->addrlen);
    if (r == -EAGAIN)
        op->again = clock_after(5 * NS_PER_MS);
    if (r != -EINPROGRESS)
        return r;
    op->connecting = true;
    return -EAGAIN;
}

static long try_wait(struct pick_op *op)
{
    short got = ready_now(op->fd, op->dir == DIR_IN ? POLLIN : POLLOUT);
    return got == 0 ? -EAGAIN : (got & POLLNVAL) != 0 ? -EBADF : 0;
}

static const struct {
    pick_attempt *attempt;
    int dir;
} kinds[] = {
    [COAX_OP_READ] = {try_read, DIR_IN},
    [COAX_OP_WRITE] = {try_write, DIR_OUT},
    [COAX_OP_ACCEPT] = {try_accept, DIR_IN},
    [COAX_OP_CONNECT] = {try_connect, DIR_OUT},
    [COAX_OP_WAIT_READ] = {try_wait, DIR_IN},
    [COAX_OP_WAIT_WRITE] = {try_wait, DIR_OUT},
    [COAX_OP_SLEEP] = {NULL, 0},
};

/* false: there is no such operation. */
static bool translate(struct pick_op *op, struct coax_op *o)
{
    *op = (struct pick_op){.arg = o, .fd = -1, .at = CLOCK_NEVER, .again = CLOCK_NEVER};
    if (o->kind < 0 || (size_t)o->kind >= countof(kinds))
        return false;
    if (o->kind == COAX_OP_SLEEP) {
        uint64_t ns;
        if (!clock_from_seconds(o->seconds, &ns))
            return false;
        op->at = clock_after(ns);
        return true;
    }
    op->attempt = kinds[o->kind].attempt;
    op->dir = kinds[o->kind].dir;
    op->fd = o->fd < 0 ? INT_MAX : o->fd; /* no descriptor either */
    return true;
}

ssize_t table_pick_op(struct coax_op *ops, size_t n)
{
    hook_enter_cancel();
    struct fiber *self = fiber_wanted();
    if (ops == NULL || n == 0 || n > MOST)
        return fail(EINVAL);
    struct pick_op few[4], *list = n <= countof(few) ? few : real.malloc(n * sizeof *list);
    long r = list == NULL ? -ENOMEM : self == NULL ? -ENOTSUP : 0;
    for (size_t i = 0; i < n && r == 0; i++)
        r = translate(&list[i], &ops[i]) ? 0 : -EINVAL;
    if (r == 0)
        r = pick_run(self, list, n);
    if (r >= 0) {
        long result = list[r].result;
        ops[r].result = result < 0 ? -1 : result;
        ops[r].error = result < 0 ? (int)-result : 0;
    }
    if (list != few)
        real.free(list);
    return hook_result(r);
}
