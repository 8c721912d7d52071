#include "core/on_signal.h"
#include "core/enter.h"
#include "core/mem.h"

#include <errno.h>
#include <string.h>

enum { FIRST_ROOM = 4096 / 40 };

struct signal_function {
    uint64_t number;
    int sig;
    on_signal_fn *fn;
    void *arg;
};

void on_signal_note(int sig)
{
    int id = __atomic_load_n(&rt.on_signal.sent[sig], __ATOMIC_ACQUIRE);
    if (id != 0)
        (void)notify_send(id); /* so many wait already that one more makes no difference */
}

int on_signal_count(void)
{
    return (int)__atomic_load_n(&rt.on_signal.count, __ATOMIC_RELAXED);
}

/* ---- calling ---- */

struct round {
    int sig;
    uint64_t after, last; /* the next number above `after`; none that was given since the round began */
    struct signal_function next;
};

static void begin_round(void *arg)
{
    struct round *r = arg;
    r->last = rt.on_signal.last;
}

static void find_next(void *arg)
{
    struct round *r = arg;
    struct on_signal *s = &rt.on_signal;
    r->next.fn = NULL;
    for (unsigned i = 0; i < s->count; i++) {
        struct signal_function *f = &s->all[i];
        if (f->sig != r->sig || f->number <= r->after || f->number > r->last)
            continue;
        r->next = *f;
        return;
    }
}

/* On the server. A function may have made a kernel thread of it, or may be in a child that it has forked. */
static void call_all(void *arg)
{
    struct round r = {.sig = (int)(intptr_t)arg};
    fiber_inside(fiber_self, begin_round, &r);
    while (rt.coop) {
        fiber_inside(fiber_self, find_next, &r);
        if (r.next.fn == NULL)
            return;
        r.after = r.next.number;
        r.next.fn(r.sig, r.next.arg);
    }
}

/* ---- registering ---- */

static int grow(void)
{
    struct on_signal *s = &rt.on_signal;
    if (s->count < s->room)
        return 0;
    unsigned room = s->room == 0 ? FIRST_ROOM : 2 * s->room;
    void *p = mem_remap(s->all, s->room * sizeof *s->all, room * sizeof *s->all);
    if (p == NULL)
        return -ENOMEM;
    s->all = p;
    s->room = room;
    return 0;
}

static int watch(int sig)
{
    struct on_signal *s = &rt.on_signal;
    if (s->sent[sig] != 0)
        return 0;
    int id = notify_make_here(false, call_all, (void *)(intptr_t)sig);
    if (id < 0)
        return id;
    __atomic_store_n(&s->sent[sig], id, __ATOMIC_RELEASE);
    int e = signals_watch(sig, true);
    if (e != 0) {
        s->sent[sig] = 0;
        notify_stop_here(id);
    }
    return e;
}

static void unwatch(int sig)
{
    struct on_signal *s = &rt.on_signal;
    for (unsigned i = 0; i < s->count; i++)
        if (s->all[i].sig == sig)
            return;
    signals_watch(sig, false);
    notify_stop_here(__atomic_exchange_n(&s->sent[sig], 0, __ATOMIC_ACQ_REL));
}

struct change {
    struct signal_function f;
    int error;
};

static void add_here(void *arg)
{
    struct change *c = arg;
    struct on_signal *s = &rt.on_signal;
    c->error = grow();
    if (c->error == 0)
        c->error = watch(c->f.sig);
    if (c->error != 0)
        return;
    c->f.number = ++s->last;
    s->all[s->count] = c->f;
    __atomic_store_n(&s->count, s->count + 1, __ATOMIC_RELAXED);
}

static void remove_here(void *arg)
{
    struct change *c = arg;
    struct on_signal *s = &rt.on_signal;
    unsigned i = 0;
    while (i < s->count && s->all[i].number != c->f.number)
        i++;
    c->error = i < s->count ? 0 : -ENOENT;
    if (c->error != 0)
        return;
    int sig = s->all[i].sig;
    memmove(&s->all[i], &s->all[i + 1], (s->count - i - 1) * sizeof *s->all);
    __atomic_store_n(&s->count, s->count - 1, __ATOMIC_RELAXED);
    unwatch(sig);
}

int on_signal_add(struct fiber *self, int sig, on_signal_fn *fn, void *arg, uint64_t *number)
{
    struct change c = {{0, sig, fn, arg}, 0};
    if (sig < 1 || sig > SIGNALS || sig == SIGKILL || sig == SIGSTOP || sig == 32 || sig == 33)
        return -EINVAL;
    notify_prepare();
    fiber_inside(self, add_here, &c);
    *number = c.f.number;
    return c.error;
}

int on_signal_remove(struct fiber *self, uint64_t number)
{
    struct change c = {.f.number = number};
    fiber_inside(self, remove_here, &c);
    return c.error;
}

void on_signal_forked(void)
{
    struct on_signal *s = &rt.on_signal;
    for (int sig = 1; sig <= SIGNALS; sig++)
        if (s->sent[sig] != 0)
            notify_stop_here(s->sent[sig]);
    memset(s->sent, 0, sizeof s->sent);
    s->count = 0;
}
