#include "core/mq.h"
#include "core/enter.h"
#include "core/io.h"
#include "core/mem.h"
#include "core/ready.h"

struct transfer {
    int dir;
    char *message;
    size_t size;
    unsigned *priority, level;
};

static long transfer(int fd, const struct transfer *t, const struct timespec *until)
{
    return t->dir == DIR_IN ? sys(SYS_mq_timedreceive, fd, t->message, t->size, t->priority, until)
                            : sys(SYS_mq_timedsend, fd, t->message, t->size, t->level, until);
}

/* A time that has passed long ago: the kernel does not sleep, and says -ETIMEDOUT where it would. */
static long attempt(int fd, const struct transfer *t)
{
    const struct timespec past = {0, 0};
    long r;
    do
        r = transfer(fd, t, &past);
    while (r == -EINTR);
    return r;
}

static bool time_good(const struct timespec *t)
{
    return mem_readable(t, sizeof *t) && t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < 1000000000;
}

static long run(struct fiber *self, int fd, const struct transfer *t, const struct timespec *until, const char *call)
{
    struct fd_entry *e = fdtab_get(fd);
    int kind = e == NULL ? -EBADF : fdtab_kind(fd, e);
    if (kind < 0 || (until != NULL && !time_good(until))) /* an error, at once */
        return transfer(fd, t, until);
    struct io_limit limit = {.at = CLOCK_NEVER, .error = ETIMEDOUT, .counted = true};
    if (until != NULL)
        limit.at = clock_deadline(CLOCK_REALTIME, until);
    for (bool waited = false;; waited = true) {
        if (e->state == FD_ABORTED)
            return -e->abort_errno;
        uint32_t seq = __atomic_load_n(&e->seq, __ATOMIC_SEQ_CST);
        long r = attempt(fd, t);
        if (r != -ETIMEDOUT) {
            if (waited)
                ready_pass_on(self, e, t->dir);
            return r;
        }
        r = io_wait(self, fd, e, t->dir, seq, &limit, call);
        if (r != 0)
            return r;
    }
}

long mq_take(struct fiber *self, int fd, char *message, size_t size, unsigned *priority, const struct timespec *until)
{
    const struct transfer t = {DIR_IN, message, size, priority, 0};
    return run(self, fd, &t, until, "mq_receive");
}

long mq_give(struct fiber *self, int fd, const char *message, size_t size, unsigned priority,
             const struct timespec *until)
{
    const struct transfer t = {DIR_OUT, (char *)message, size, NULL, priority};
    return run(self, fd, &t, until, "mq_send");
}
