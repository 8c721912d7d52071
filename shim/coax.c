/* What coax.h calls: the one table that we export besides libc's names. Each entry hands on to a hook or to the core.
 */
#include "core/coax.h"
#include "shim/hook.h"

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

    /* values that are inherited, async method */

    /* descriptors */

    /* sockets, directories, children */

    /* signals, notifications */

    /* jobs, pool, processors, errors */
};
