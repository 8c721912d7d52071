/* Waiting for asynchronous I/O. The requests are libc's: it makes them on threads of its own, and tells of their end by
 * a signal to the process or on another thread. So a fiber waits away, in libc's aio_suspend. */
#include "shim/hook.h"
#include "core/mem.h"

struct suspension {
    const struct aiocb *const *list;
    int n;
    uint64_t at;
};

static long wait_suspended(void *arg)
{
    const struct suspension *s = arg;
    uint64_t now = s->at == CLOCK_NEVER ? 0 : clock_now();
    struct timespec left = clock_to_timespec(now < s->at ? s->at - now : 0);
    int saved = errno;
    long r = real.aio_suspend(s->list, s->n, s->at == CLOCK_NEVER ? NULL : &left) == 0 ? 0 : -errno;
    errno = saved;
    return r;
}

static bool time_good(const struct timespec *t)
{
    return mem_readable(t, sizeof *t) && t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < 1000000000;
}

/* A cancellation point only where it has to wait. */
EXPORT int aio_suspend(const struct aiocb *const list[], int n, const struct timespec *timeout)
{
    struct fiber *self = hook_enter();
    if (self == NULL || (timeout != NULL && !time_good(timeout)))
        return real.aio_suspend(list, n, timeout);
    struct suspension s = {list, n, 0};
    int state;
    real.pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state); /* libc would leave from inside */
    long r = wait_suspended(&s);
    s.at = timeout == NULL ? CLOCK_NEVER : clock_after(clock_from_timespec(timeout));
    if (r == -EAGAIN)
        r = wait_away_now(self, CLOCK_NEVER, WAIT_CANCEL | WAIT_INTR, "aio_suspend", wait_suspended, &s);
    real.pthread_setcancelstate(state, NULL);
    return (int)hook_result(r);
}

EXPORT int aio_suspend64(const struct aiocb64 *const list[], int n, const struct timespec *timeout)
{
    return aio_suspend((const struct aiocb *const *)list, n, timeout);
}

/* ---- lists ---- */

struct batch {
    struct aiocb *const *list;
    int n, at; /* those before are done */
};

static bool counts(const struct aiocb *cb)
{
    return cb != NULL && cb->aio_lio_opcode != LIO_NOP;
}

/* Until all are done. Called again, it goes on where it was. */
static long wait_batch(void *arg)
{
    struct batch *b = arg;
    for (; b->at < b->n; b->at++) {
        const struct aiocb *one = b->list[b->at];
        const struct suspension s = {&one, 1, CLOCK_NEVER};
        long r;
        while (counts(one) && real.aio_error(one) == EINPROGRESS)
            if ((r = wait_suspended((void *)&s)) != 0)
                return r;
    }
    return 0;
}

/* As libc does: one that fails, or that could not be begun, is an error of them all; it is no cancellation point,
 * though the wait inside is one. */
static long list_and_wait(struct fiber *self, struct aiocb *const list[], int n)
{
    struct batch b = {list, n, 0};
    int saved = errno, state;
    bool failed = real.lio_listio(LIO_NOWAIT, list, n, NULL) != 0, disabled = self->cancel_disabled;
    errno = saved;
    self->cancel_disabled = true;
    real.pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    long r = wait_away_now(self, CLOCK_NEVER, WAIT_INTR, "lio_listio", wait_batch, &b);
    real.pthread_setcancelstate(state, NULL);
    self->cancel_disabled = disabled;
    for (int i = 0; i < n; i++)
        failed = failed || (counts(list[i]) && real.aio_error(list[i]) != 0);
    return r != 0 ? r : failed ? -EIO : 0;
}

EXPORT int lio_listio(int mode, struct aiocb *const list[restrict], int n, struct sigevent *restrict event)
{
    struct fiber *self = hook_enter();
    if (self == NULL || mode != LIO_WAIT)
        return real.lio_listio(mode, list, n, event);
    return (int)hook_result(list_and_wait(self, list, n));
}

EXPORT int lio_listio64(int mode, struct aiocb64 *const list[restrict], int n, struct sigevent *restrict event)
{
    return lio_listio(mode, (struct aiocb *const *)list, n, event);
}

/* The same, for programs that were linked before glibc 2.34. */
EXPORT int lio_listio_234(int mode, struct aiocb *const list[restrict], int n, struct sigevent *restrict event)
{
    return lio_listio(mode, list, n, event);
}
VERSION(lio_listio_234, lio_listio, "GLIBC_2.4");

EXPORT int lio_listio64_234(int mode, struct aiocb64 *const list[restrict], int n, struct sigevent *restrict event)
{
    return lio_listio(mode, (struct aiocb *const *)list, n, event);
}
VERSION(lio_listio64_234, lio_listio64, "GLIBC_2.4");
