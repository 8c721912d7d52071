#include "core/mq.h"
#include "core/enter.h"
#include "core/io.h"
#include "core/mem.h"
#include "core/ready.h"

struct transfer {
    int fd, dir;
    char *message;
    size_t size;
    unsigned *priority, level;
};

static long transfer(const struct transfer *t, const struct timespec *until)
{
    return t->dir == DIR_IN ? sys(SYS_mq_timedreceive, t->fd, t->message, t->size, t->priority, until)
                            : sys(SYS_mq_timedsend, t->fd, t->message, t->size, t->level, until);
}

/* A time that has passed long ago: the kernel does not sleep, and says -ETIMEDOUT where it would. */
static long attempt(const struct transfer *t)
{
    const struct timespec past = {0, 0};
    long r;
    do
        r = transfer(t, &past);
    while (r == -EINTR);
    return r;
}

/* Who polls is not there to the kernel, which would tell of a message (mq_notify) that somebody waits for. So where
 * that is asked for, those who wait stand in line for the first of them, who waits in the kernel. */
static bool asked_to_tell;

static long try_transfer(void *arg)
{
    long r = attempt(arg);
    return r == -ETIMEDOUT ? -EAGAIN : r;
}

static long wait_transfer(void *arg)
{
    return transfer(arg, NULL);
}

static long wait_in_line(struct fiber *self, struct transfer *t, uint64_t at, const char *name)
{
    const struct line_call call = {
        .key = {LINE_MQ, {(uint64_t)t->fd, (uint64_t)t->dir}, NULL, 0},
        .attempt = try_transfer,
        .call = wait_transfer,
        .arg = t,
        .fd = t->fd,
        .restarts = true,
        .flags = WAIT_CANCEL | WAIT_INTR,
        .at = at,
        .name = name,
    };
    return line_wait(self, &call);
}

/* A queue looks like a file, and for files nobody waits. */
void mq_tell(struct fiber *self)
{
    if (__atomic_exchange_n(&asked_to_tell, true, __ATOMIC_SEQ_CST))
        return;
    for (unsigned c = 0; c < FD_CHUNKS; c++) {
        struct fd_entry *chunk = __atomic_load_n(&rt.fdtab.chunks[c], __ATOMIC_ACQUIRE);
        for (int i = 0; chunk != NULL && i < FD_CHUNK; i++)
            if (chunk[i].kind == FD_FILE)
                ready_look_again(self, &chunk[i]);
    }
    struct wait moment; /* for them to be there; nothing says that a thread sleeps in its call */
    wait_init(&moment, self, NULL);
    core_enter(self);
    wait_park(&moment, clock_after(2 * NS_PER_MS), 0, "mq_notify");
    core_leave(self);
}

static bool time_good(const struct timespec *t)
{
    return mem_readable(t, sizeof *t) && t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < 1000000000;
}

static long run(struct fiber *self, struct transfer *t, const struct timespec *until, const char *call)
{
    struct fd_entry *e = fdtab_get(t->fd);
    int kind = e == NULL ? -EBADF : fdtab_kind(t->fd, e);
    if (kind < 0 || (until != NULL && !time_good(until))) /* an error, at once */
        return transfer(t, until);
    struct io_limit limit = {.at = CLOCK_NEVER, .error = ETIMEDOUT, .counted = true};
    if (until != NULL)
        limit.at = clock_deadline(CLOCK_REALTIME, until);
    for (bool waited = false;; waited = true) {
        if (e->state == FD_ABORTED)
            return -fdtab_extra(e)->abort_errno;
        uint32_t seq = __atomic_load_n(&e->seq, __ATOMIC_SEQ_CST);
        long r = attempt(t);
        if (r == -ETIMEDOUT && __atomic_load_n(&asked_to_tell, __ATOMIC_SEQ_CST))
            r = wait_in_line(self, t, limit.at, call);
        else if (r == -ETIMEDOUT) {
            r = io_wait(self, t->fd, e, t->dir, seq, &limit, call);
            if (r == 0)
                continue;
            return r;
        }
        if (waited)
            ready_pass_on(self, e, t->dir);
        return r;
    }
}

long mq_take(struct fiber *self, int fd, char *message, size_t size, unsigned *priority, const struct timespec *until)
{
    struct transfer t = {fd, DIR_IN, message, size, priority, 0};
    return run(self, &t, until, "mq_receive");
}

long mq_give(struct fiber *self, int fd, const char *message, size_t size, unsigned priority,
             const struct timespec *until)
{
    struct transfer t = {fd, DIR_OUT, (char *)message, size, NULL, priority};
    return run(self, &t, until, "mq_send");
}
