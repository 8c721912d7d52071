#include "shim/events.h"
#include "core/job.h"
#include "core/method.h"
#include "core/notify.h"
#include "core/on_signal.h"
#include "shim/hook.h"

/* Fibers run: true, and the caller in *self, NULL if it is none. The first who needs them starts the core. */
static bool fibers(struct fiber **self)
{
    *self = hook_enter();
    if (*self == NULL && hook_start_fibers())
        *self = hook_enter();
    return rt.coop;
}

/* ---- signals: the number of a function is its handle ---- */

coax_signal_handler *events_on_signal(int sig, void (*fn)(int, void *), void *arg)
{
    struct fiber *self;
    uint64_t number = 0;
    int e = fn == NULL ? -EINVAL : fibers(&self) ? on_signal_add(self, sig, fn, arg, &number) : -ENOTSUP;
    if (e == 0)
        return (coax_signal_handler *)(uintptr_t)number;
    errno = -e;
    return NULL;
}

int events_disable_signal_handler(coax_signal_handler *handler)
{
    struct fiber *self = hook_enter();
    return (int)hook_result(rt.coop ? on_signal_remove(self, (uintptr_t)handler) : -ENOENT);
}

/* ---- notifications ---- */

int events_make_notification(int once, void (*fn)(void *), void *arg)
{
    struct fiber *self;
    if (fn == NULL)
        return (int)hook_result(-EINVAL);
    return (int)hook_result(fibers(&self) ? notify_make(self, once != 0, fn, arg) : -ENOTSUP);
}

int events_send_notification(int id)
{
    return (int)hook_result(notify_send(id));
}

/* There is none before the core has started, but in a fork's child. */
int events_stop_notification(int id)
{
    struct fiber *self = hook_enter();
    return (int)hook_result(rt.coop ? notify_stop(self, id) : notify_stop_here(id));
}

int events_set_notification(int id, void (*fn)(void *), void *arg)
{
    struct fiber *self;
    if (fn == NULL)
        return (int)hook_result(-EINVAL);
    return (int)hook_result(fibers(&self) ? notify_set(self, id, fn, arg) : -ENOENT);
}

/* ---- jobs ---- */

static bool place_of(const struct fiber *self, int method, enum job_place *place)
{
    static const enum job_place places[METHODS] = {
        [METHOD_NONE] = JOB_HERE, [METHOD_DETACH] = JOB_HELPER, [METHOD_SWITCH] = JOB_SWITCH};
    if (method == -1)
        method = method_of(self);
    if (method < 0 || method >= METHODS)
        return false;
    *place = places[method];
    return true;
}

int events_execute_job(int method, void (*run)(void *), void *job, int (*result)(void *), void (*free_job)(void *))
{
    const struct job_functions fns = {run, result, free_job};
    struct fiber *self = hook_enter_cancel();
    enum job_place place;
    int value = 0;
    if (run == NULL || !place_of(self, method, &place))
        return (int)hook_result(-EINVAL);
    if (place == JOB_HELPER) /* so that the wait can be ended, and the job may use all of this */
        (void)fibers(&self);
    int e = job_execute(self, place, &fns, job, &value);
    return e < 0 ? (int)hook_result(e) : value;
}

int events_pool_size(void)
{
    return (int)pool_limit();
}

int events_set_pool_size(int size)
{
    if (size < 0 || size > POOL_MOST)
        return (int)hook_result(-EINVAL);
    hook_enter();
    pool_set_limit((unsigned)size);
    return 0;
}

int events_thread_count(void)
{
    return (int)pool_threads();
}

int events_thread_waiting_count(void)
{
    return (int)pool_idle();
}

/* libc's own asks the kernel thread's rseq area, which a fiber has none of. */
int events_get_cpu(void)
{
    unsigned cpu = 0;
    return (int)hook_result(sys(SYS_getcpu, &cpu, NULL, NULL) < 0 ? -ENOSYS : (long)cpu);
}
