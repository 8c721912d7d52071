#include "core/sysv.h"
#include "core/enter.h"
#include "core/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>

/* A queue or set that is removed says so to all who wait; who asks later only that there is none. */
#define GONE .gone = {EIDRM, EINVAL}, .gone_says = EIDRM

struct message {
    int id;
    void *message;
    size_t size;
    long type;
    int flags;
};

static long send_message(const struct message *m, int extra)
{
    return sys(SYS_msgsnd, m->id, m->message, m->size, m->flags | extra);
}

static long try_send(void *arg)
{
    return send_message(arg, IPC_NOWAIT);
}

static long wait_send(void *arg)
{
    return send_message(arg, 0);
}

/* Another size may fit where this one does not. */
long sysv_msgsnd(struct fiber *self, int id, const void *message, size_t size, int flags)
{
    struct message m = {id, (void *)message, size, 0, flags};
    long r = try_send(&m);
    if (r != -EAGAIN || (flags & IPC_NOWAIT) != 0)
        return r;
    const struct line_call call = {
        .key = {LINE_MSGSND, {(uint64_t)id, size}, NULL, 0},
        .attempt = try_send,
        .call = wait_send,
        .arg = &m,
        .fd = -1,
        GONE,
        .flags = WAIT_CANCEL | WAIT_INTR,
        .at = CLOCK_NEVER,
        .name = "msgsnd",
    };
    return line_wait(self, &call);
}

static long receive_message(const struct message *m, int extra)
{
    return sys(SYS_msgrcv, m->id, m->message, m->size, m->type, m->flags | extra);
}

static long try_receive(void *arg)
{
    long r = receive_message(arg, IPC_NOWAIT);
    return r == -ENOMSG ? -EAGAIN : r;
}

static long wait_receive(void *arg)
{
    return receive_message(arg, 0);
}

long sysv_msgrcv(struct fiber *self, int id, void *message, size_t size, long type, int flags)
{
    struct message m = {id, message, size, type, flags};
    if ((flags & (IPC_NOWAIT | MSG_COPY)) != 0) /* a copy is never waited for */
        return receive_message(&m, 0);
    long r = try_receive(&m);
    if (r != -EAGAIN)
        return r;
    const struct line_call call = {
        .key = {LINE_MSGRCV, {(uint64_t)id, size, (uint64_t)type, (uint64_t)flags}, NULL, 0},
        .attempt = try_receive,
        .call = wait_receive,
        .arg = &m,
        .fd = -1,
        GONE,
        .flags = WAIT_CANCEL | WAIT_INTR,
        .at = CLOCK_NEVER,
        .name = "msgrcv",
    };
    return line_wait(self, &call);
}

/* ---- semaphores ---- */

enum { OPS_HERE = 16 };

struct operation {
    int id;
    struct sembuf *ops;
    size_t n;
    struct sembuf here[OPS_HERE]; /* as the kernel keeps them: the program may change its own */
};

/* Operations that are not to wait are marked as such; many of them, by a time that has passed at once. */
static long try_operate(void *arg)
{
    const struct operation *o = arg;
    const struct timespec none = {0, 0};
    struct sembuf now[OPS_HERE];
    if (o->n > OPS_HERE)
        return sys(SYS_semtimedop, o->id, o->ops, o->n, &none);
    for (size_t i = 0; i < o->n; i++) {
        now[i] = o->ops[i];
        now[i].sem_flg |= IPC_NOWAIT;
    }
    return sys(SYS_semop, o->id, now, o->n);
}

static long wait_operate(void *arg)
{
    const struct operation *o = arg;
    return sys(SYS_semop, o->id, o->ops, o->n);
}

static bool time_good(const struct timespec *t)
{
    return mem_readable(t, sizeof *t) && t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < 1000000000;
}

/* With a time that is none the kernel copies the operations, and stops there. */
static bool ops_readable(int id, struct sembuf *ops, size_t n)
{
    const struct timespec no_time = {0, -1};
    return sys(SYS_semtimedop, id, ops, n, &no_time) == -EINVAL;
}

long sysv_semop(struct fiber *self, int id, struct sembuf *ops, size_t n, const struct timespec *timeout)
{
    struct operation o = {.id = id, .ops = ops, .n = n};
    /* What is refused, is refused at once. */
    if (n == 0 || !ops_readable(id, ops, n) || (timeout != NULL && !time_good(timeout)))
        return sys(SYS_semtimedop, id, ops, n, timeout);
    uint64_t at = timeout == NULL ? CLOCK_NEVER : clock_after(clock_from_timespec(timeout));
    if (n <= OPS_HERE) {
        memcpy(o.here, ops, n * sizeof *ops);
        o.ops = o.here;
    }
    long r = try_operate(&o);
    if (r != -EAGAIN)
        return r;
    const struct line_call call = {
        .key = {LINE_SEMOP, {(uint64_t)id}, o.ops, n * sizeof *ops},
        .attempt = try_operate,
        .call = wait_operate,
        .arg = &o,
        .fd = -1,
        GONE,
        .flags = WAIT_STOP | WAIT_INTR,
        .at = at,
        .name = "semop",
    };
    r = line_wait(self, &call);
    return r == -ETIMEDOUT ? -EAGAIN : r;
}

/* Of a request with several operations the kernel counts the one that waits; here only it knows which. */
static bool waits_for(const struct line_key *k, long arg)
{
    const struct sembuf *op = k->more;
    int number = (int)(arg >> 1), zero = (int)(arg & 1);
    return k->size == sizeof *op && op->sem_num == number && (zero ? op->sem_op == 0 : op->sem_op < 0);
}

unsigned sysv_waiting(struct fiber *self, int id, int number, int zero)
{
    core_enter(self);
    unsigned n = line_count(LINE_SEMOP, (uint64_t)id, waits_for, (long)number << 1 | zero);
    core_leave(self);
    return n;
}
