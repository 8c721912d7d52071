/* What coax.h calls: the one table that we export besides libc's names. An entry hands on to a hook or to the core. */
#include "shim/table.h"
#include "core/cancel.h"
#include "core/child.h"
#include "core/deadline.h"
#include "core/descriptor.h"
#include "core/io.h"
#include "core/key.h"
#include "core/method.h"
#include "core/scope.h"
#include "shim/events.h"

/* ---- time ---- */

static int do_sleep(double seconds)
{
    uint64_t ns;
    if (!clock_from_seconds(seconds, &ns))
        return (int)hook_result(-EINVAL);
    struct timespec t = clock_to_timespec(ns);
    return nanosleep(&t, NULL);
}

static int do_auto_yield(struct coax_auto_yield *y)
{
    if (y == NULL || !(y->interval >= 0))
        return (int)hook_result(-EINVAL);
    double now = (double)clock_now() * 1e-9;
    if (!(y->last > 0))
        y->last = now;
    if (now - y->last < y->interval)
        return 0;
    sched_yield();
    y->last = (double)clock_now() * 1e-9;
    return 1;
}

static int do_timeout(double seconds)
{
    int r = do_sleep(seconds);
    return r < 0 ? r : (int)hook_result(-ETIMEDOUT);
}

/* ---- deadlines and cancellation ---- */

_Static_assert(sizeof(struct scope) <= sizeof(struct coax_scope_), "the header has room for a scope");

static struct scope *scope_in(struct coax_scope_ *s)
{
    return (struct scope *)(void *)s;
}

static int begin_until(struct coax_scope_ *s, uint64_t at)
{
    struct fiber *self = fiber_wanted();
    if (self == NULL)
        return fail(ENOTSUP);
    deadline_begin(scope_in(s), self, at);
    return 0;
}

static int do_begin_timeout(struct coax_scope_ *s, double seconds)
{
    uint64_t ns;
    if (!clock_from_seconds(seconds, &ns))
        return fail(EINVAL);
    return begin_until(s, clock_after(ns));
}

static int do_begin_deadline(struct coax_scope_ *s, const struct timespec *at)
{
    if (at == NULL || at->tv_nsec < 0 || at->tv_nsec >= 1000000000)
        return fail(EINVAL);
    return begin_until(s, clock_deadline(CLOCK_MONOTONIC, at));
}

static int do_begin_protect(struct coax_scope_ *s)
{
    struct fiber *self = fiber_wanted();
    if (self != NULL)
        cancel_protect(scope_in(s), self);
    return 0;
}

static void do_end(struct coax_scope_ *s)
{
    scope_leave(scope_in(s));
}

static int do_cancel(pthread_t thread)
{
    struct fiber *self = fiber_wanted(), *target = rt.coop ? fiber_of(thread) : NULL;
    if (target == NULL)
        return fail(ENOTSUP);
    return (int)hook_result(cancel_fiber(self, target));
}

/* Of the target's request there is ECANCELED to tell, so the caller's own is EINTR here. */
static int do_join(pthread_t thread, void **result)
{
    struct fiber *self = hook_enter_cancel(), *target = rt.coop ? fiber_of(thread) : NULL;
    struct ending end = {NULL, false};
    int e;
    if (target == NULL)
        e = pthread_join(thread, &end.result);
    else
        e = hook_error(self != NULL ? fiber_join(self, target, &end, CLOCK_NEVER)
                                    : fiber_join_foreign(target, &end, CLOCK_NEVER));
    if (e != 0)
        return fail(e == ECANCELED ? EINTR : e);
    if (result != NULL)
        *result = end.result;
    return end.stopped ? fail(ECANCELED) : 0;
}

static int do_pick(const pthread_t *threads, size_t n, size_t *winner, void **result)
{
    hook_enter_cancel();
    struct fiber *self = fiber_wanted();
    struct ending end;
    size_t first = 0;
    if (threads == NULL || n == 0 || n > SIZE_MAX / sizeof(struct fiber *))
        return fail(EINVAL);
    if (self == NULL)
        return fail(ENOTSUP);
    struct fiber **targets = real.malloc(n * sizeof(struct fiber *));
    int e = targets == NULL ? ENOMEM : 0;
    for (size_t i = 0; i < n && e == 0; i++)
        if ((targets[i] = fiber_of(threads[i])) == NULL)
            e = ENOTSUP;
    if (e == 0)
        e = fiber_join_first(self, targets, n, &first, &end);
    for (size_t i = 0; i < n && e == 0; i++)
        if (i != first)
            cancel_fiber(self, targets[i]);
    real.free(targets);
    if (e != 0)
        return (int)hook_result(-e);
    if (winner != NULL)
        *winner = first;
    if (result != NULL)
        *result = end.result;
    return 0;
}

/* ---- values ---- */

static int do_key_create(int *key, void (*free_value)(void *))
{
    int r = key_create(free_value);
    if (r < 0)
        return (int)hook_result(r);
    *key = r;
    return 0;
}

static void *do_get_value(int key)
{
    hook_enter();
    return fiber_record == NULL ? NULL : key_get(fiber_record, key);
}

static int do_begin_value(struct coax_scope_ *s, int key, void *value)
{
    struct fiber *self = fiber_wanted();
    if (!key_known(key))
        return fail(EINVAL);
    return self == NULL ? fail(ENOTSUP) : (int)hook_result(key_bind(scope_in(s), self, key, value));
}

/* ---- descriptors ---- */

static int do_fd_state(int fd)
{
    hook_enter();
    return (int)descriptor_state(fd); /* the same numbers */
}

static int do_fd_check(int fd)
{
    hook_enter();
    return (int)hook_result(descriptor_check(fd));
}

static int do_fd_abort(int fd, int error)
{
    struct fiber *self = fiber_wanted();
    return rt.coop ? (int)hook_result(descriptor_abort(self, fd, error)) : fail(ENOTSUP);
}

/* -1 by kind, 0, 1; false: none of these. */
static bool mode_of(int blocking, enum fd_mode *mode)
{
    *mode = blocking == 1 ? FD_MODE_BLOCKING : blocking == 0 ? FD_MODE_NONBLOCKING : FD_MODE_BY_KIND;
    return blocking >= -1 && blocking <= 1;
}

static int do_fd_blocking(int fd)
{
    hook_enter();
    return (int)hook_result(descriptor_blocking(fd));
}

static int do_fd_set_blocking(int fd, int blocking, int set_flags)
{
    enum fd_mode mode;
    fiber_wanted();
    if (!mode_of(blocking, &mode))
        return fail(EINVAL);
    return rt.coop ? (int)hook_result(descriptor_set_mode(fd, mode, set_flags != 0)) : fail(ENOTSUP);
}

static int do_fd_adopt(int fd, int blocking, int set_flags)
{
    enum fd_mode mode;
    fiber_wanted();
    if (!mode_of(blocking, &mode))
        return fail(EINVAL);
    return rt.coop ? (int)hook_result(descriptor_adopt(fd, mode, set_flags != 0)) : fail(ENOTSUP);
}

/* ---- sockets ---- */

/* The first is waited for; the others are there or not, whoever else takes some meanwhile. */
static ssize_t do_accept_n(int fd, struct coax_accepted *a, size_t n, int *error)
{
    size_t done = 0;
    long r = 0;
    if (a == NULL || n == 0)
        return fail(EINVAL);
    if (coax_accept_one_(fd, &a[0]) != 0)
        r = -errno;
    struct fd_entry *e = fdtab_get(fd);
    while (r >= 0 && ++done < n && e != NULL && (r = io_refused(fd, e, DIR_IN)) == 0) {
        a[done].addrlen = sizeof a[done].addr;
        struct io_accepting next = {(struct sockaddr *)&a[done].addr, &a[done].addrlen, 0};
        r = io_try_accept(fd, e, &next, IO_FIRST);
        if (r < 0)
            break;
        io_accepted((int)r);
        a[done].fd = (int)r;
    }
    if (error != NULL)
        *error = r >= 0 || r == -EAGAIN ? 0 : (int)-r;
    return done > 0 ? (ssize_t)done : fail((int)-r);
}

/* ---- async method: the same numbers ---- */

_Static_assert((int)METHOD_NONE == (int)COAX_ASYNC_NONE && (int)METHOD_DETACH == (int)COAX_ASYNC_DETACH &&
                   (int)METHOD_SWITCH == (int)COAX_ASYNC_SWITCH,
               "methods");

static int do_default_async_method(void)
{
    return (int)method_default();
}

static int do_set_default_async_method(int method)
{
    if (method < 0 || method >= METHODS)
        return fail(EINVAL);
    method_set_default((enum method)method);
    return 0;
}

static int do_async_method(void)
{
    hook_enter();
    return (int)method_of(fiber_record);
}

/* Who is no fiber makes all calls itself, and has nobody who would inherit. */
static int do_begin_async(struct coax_scope_ *s, int method)
{
    struct fiber *self = fiber_wanted();
    return self == NULL ? 0 : (int)hook_result(method_bind(scope_in(s), self, (enum method)method));
}

/* ---- errors ---- */

static void do_watch_errors(int on)
{
    errors_watch(on != 0);
}

extern const struct coax_functions coax_functions;
EXPORT const struct coax_functions coax_functions = {
    .size = sizeof coax_functions,
    .version = COAX_VERSION,

    /* time */
    .sleep = do_sleep,
    .yield = sched_yield,
    .auto_yield = do_auto_yield,
    .timeout = do_timeout,

    /* deadlines and cancellation */
    .begin_timeout = do_begin_timeout,
    .begin_deadline = do_begin_deadline,
    .begin_protect = do_begin_protect,
    .end = do_end,
    .cancel = do_cancel,
    .join = do_join,
    .pick = do_pick,
    .pick_op = table_pick_op,

    /* values that are inherited, async method */
    .key_create = do_key_create,
    .get_value = do_get_value,
    .begin_value = do_begin_value,

    /* descriptors */
    .fd_state = do_fd_state,
    .fd_check = do_fd_check,
    .fd_abort = do_fd_abort,
    .fd_adopt = do_fd_adopt,
    .fd_blocking = do_fd_blocking,
    .fd_set_blocking = do_fd_set_blocking,

    /* sockets, directories, children */
    .wait_count = child_wait_count,
    .accept_n = do_accept_n,

    /* signals, notifications */
    .on_signal = events_on_signal,
    .disable_signal_handler = events_disable_signal_handler,
    .signal_count = on_signal_count,
    .make_notification = events_make_notification,
    .send_notification = events_send_notification,
    .stop_notification = events_stop_notification,
    .set_notification = events_set_notification,

    /* jobs, pool, processors, errors */
    .execute_job = events_execute_job,
    .pool_size = events_pool_size,
    .set_pool_size = events_set_pool_size,
    .thread_count = events_thread_count,
    .thread_waiting_count = events_thread_waiting_count,
    .get_cpu = events_get_cpu,
    .watch_errors = do_watch_errors,
    .failed_call = errors_say,

    /* async method */
    .default_async_method = do_default_async_method,
    .set_default_async_method = do_set_default_async_method,
    .async_method = do_async_method,
    .begin_async = do_begin_async,
};
