#include "core/enter.h"
#include "core/kick.h"
#include "core/key.h"
#include "core/landing.h"
#include "core/method.h"
#include "core/promote.h"
#include "core/record.h"
#include "core/switch.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

struct runtime rt;
__thread struct fiber *fiber_self __attribute__((tls_model("initial-exec")));
__thread struct fiber *fiber_record __attribute__((tls_model("initial-exec")));

enum {
    PAGE = 4096,
    LINE = 64, /* a record begins at one */
    FREE_WITH_PAGES = 64,
    LARGE_STACK = 1 << 20, /* the block is no part of a smaller one: it is larger than libc's, and hooks need stack */
};

struct fiber *fiber_of(pthread_t handle)
{
    struct fiber *f = *(struct fiber **)((uintptr_t)handle + (uintptr_t)rt.tls.off_record);
    return f != NULL && f->fs == (uintptr_t)handle ? f : NULL;
}

void fiber_inside(struct fiber *self, void (*fn)(void *), void *arg)
{
    if (self == NULL) {
        promote_ask(fn, arg);
    } else {
        core_enter(self);
        fn(arg);
        core_leave(self);
    }
}

struct search {
    int tid;
    struct fiber *found;
};

static void find_tid(void *arg)
{
    struct search *s = arg;
    for (struct list *l = rt.fibers.all.next; l != &rt.fibers.all && s->found == NULL; l = l->next) {
        struct fiber *f = container_of(l, struct fiber, all);
        if (tls_tid(f->fs) == s->tid)
            s->found = f;
    }
    for (struct list *l = rt.fibers.promoted.next; l != &rt.fibers.promoted && s->found == NULL; l = l->next) {
        struct fiber *f = container_of(l, struct fiber, all);
        if (f->fake_tid == s->tid || f->kt->tid == s->tid)
            s->found = f;
    }
}

struct fiber *fiber_by_tid(struct fiber *self, int tid)
{
    struct search s = {tid, NULL};
    if (self != NULL && tid == tls_tid(self->fs))
        return self;
    fiber_inside(self, find_tid, &s);
    return s.found;
}

static void adopt_main(void)
{
    struct fiber *f = rt.fibers.main;
    if (f == NULL) {
        f = rt.fibers.main = &rt.fibers.first;
        f->fs = tls_pointer();
    }
    f->main = true;
    list_init(&rt.fibers.all);
    list_init(&rt.fibers.promoted);
    list_append(&rt.fibers.all, &f->all);
    rt.fibers.live = rt.fibers.threads = 1;
    rt.trim = (struct trim){0};
    f->state = FIBER_RUNNING;
    rt.fibers.leader_block = f->fs;
    f->kt = &rt.baton.first;
    rt.baton.first.running = f;
    cpu_time_start(&rt.baton.first, f);
    fiber_self = fiber_record = f;
}

int fiber_start_core(void)
{
    if (!rt.fibers.calibrated) {
        if (tls_calibrate() != 0)
            return -ENOSYS;
        rt.fibers.calibrated = true;
        switch_init();
    }
    stacks_init();
    turn_init();
    /* The loop first: with more than one kernel thread the kernel waits some milliseconds for a grace period before it
     * has a table with room for our high descriptors. */
    int e = loop_init();
    if (e == 0)
        e = baton_init();
    if (e != 0)
        return e;
    adopt_main();
    (void)sys(SYS_prctl, PR_GET_NAME, rt.fibers.main->name);
    signals_start(rt.fibers.main);
    kick_start();
    __atomic_store_n(&rt.coop, true, __ATOMIC_SEQ_CST);
    real_gate_set(REAL_NONE, method_default() == METHOD_NONE);
    real_gate_set(REAL_FIBERS, true);
    return 0;
}

/* First frame of every fiber, inside the core. */
static void boot(void *arg)
{
    struct fiber *self = arg;
    core_leave(self);
    tls_enter();
    if (self->asked != 0)
        promote_asked(self);
    struct landing landing;
    if (landing_set(&landing) == 0) {
        __pthread_register_cancel(&landing.buf);
        if (self->c11)
            self->result = (void *)(intptr_t)((int (*)(void *))(void (*)(void))self->start)(self->arg);
        else
            self->result = self->start(self->arg);
    } else if (!fiber_record->exiting) {
        fiber_record->result = PTHREAD_CANCELED;
    }
    fiber_exit(fiber_record);
}

static struct fiber *take_free(struct stack_class *c)
{
    struct fiber **at = &c->free;
    if (*at != NULL && *at == rt.fibers.leaving)
        at = &(*at)->next;
    struct fiber *f = *at;
    if (f == NULL)
        return NULL;
    *at = f->next;
    c->nfree--;
    if (c->nkept > c->nfree)
        c->nkept = c->nfree;
    return tls_remake(f->fs, f->slot + c->guard, c->size - c->guard) ? f : NULL; /* without memory the slot is lost */
}

static size_t round_page(size_t n)
{
    return (n + PAGE - 1) & ~(size_t)(PAGE - 1);
}

/* Room for malloc's cache, if that takes no page more: what libc's objects, libc and the core touch above the stack of
 * every thread ends in the middle of one. */
static size_t cache_size(void)
{
    const struct tls *t = &rt.tls;
    size_t touched = t->used + t->pd_size + t->align + LINE + sizeof(struct fiber);
    size_t cache = (t->cache.size + 15) & ~15ul;
    return round_page(touched + cache) == round_page(touched) ? cache : 0;
}

/* What a slot holds above its stack at the most. */
static size_t block_size(void)
{
    return round_page(tls_room() + LINE + sizeof(struct fiber) + cache_size());
}

/* A slot is [guard][stack][TLS, struct pthread][struct fiber][malloc's cache]: two pages for a thread that waits, if
 * that needs no more than one of stack. The program is shown a stack that begins right above the guard, as libc's does:
 * who handles its overflow compares the address with that. So of a small stack the block lies beyond the end. */
static struct fiber *take_fresh(struct stack_class *c)
{
    char *slot = stacks_get(c);
    if (slot == NULL)
        return NULL;
    char *top = slot + c->size - cache_size();
    struct fiber *f = (struct fiber *)((uintptr_t)(top - sizeof *f) & ~(uintptr_t)(LINE - 1));
    f->class = c;
    f->slot = slot;
    f->fs = tls_make((char *)f, cache_size() != 0 ? top : NULL, slot + c->guard, c->size - c->guard);
    if (f->fs == 0) { /* the slot stays unused: memory is short */
        return NULL;
    }
    return f;
}

static struct fiber *obtain(const struct fiber_attr *a)
{
    size_t stack = a->stack != NULL ? 0 : round_page(a->stack_size);
    size_t guard = a->stack != NULL ? 0 : round_page(a->guard_size);
    size_t size = guard + stack + (stack < block_size() + LARGE_STACK ? block_size() : 0);
    if (stack < a->stack_size * (a->stack == NULL) || size < stack || size < guard)
        return NULL; /* more than there is */
    struct stack_class *c = stacks_class(size, guard);
    struct fiber *f = c == NULL ? NULL : take_free(c);
    if (f == NULL && c != NULL)
        f = take_fresh(c);
    return f;
}

static void prepare(struct fiber *f, const struct fiber_attr *a, void *(*start)(void *), void *arg,
                    const struct fiber *creator)
{
    struct stack_class *c = f->class;
    char *slot = f->slot;
    uintptr_t fs = f->fs;
    memset(f, 0, sizeof *f);
    f->class = c;
    f->slot = slot;
    f->fs = fs;
    f->detached = a->detached;
    f->c11 = a->c11;
    f->start = start;
    f->arg = arg;
    f->stack = a->stack != NULL ? a->stack : slot + c->guard;
    f->stack_size = a->stack_size;
    f->guard_size = a->guard_size;
    f->policy = a->policy;
    key_set(f, key_share(creator->values));
    f->param = a->param;
    memcpy(f->name, creator->name, sizeof f->name);
    f->sig.mask = creator->sig.mask;
    if (a->sigmask != NULL)
        memcpy(&f->sig.mask, a->sigmask, sizeof f->sig.mask);
    char *top = a->stack != NULL ? a->stack + a->stack_size : tls_stack_top(fs);
    f->sp = switch_first(top, boot, f);
    *(struct fiber **)(fs + (uintptr_t)rt.tls.off_self) = f;
    *(struct fiber **)(fs + (uintptr_t)rt.tls.off_record) = f;
}

struct creation {
    const struct fiber *creator;
    pthread_t *handle;
    const struct fiber_attr *attr;
    void *(*start)(void *);
    void *arg;
    int error;
};

static void create_here(void *arg)
{
    struct creation *c = arg;
    struct fiber *f = NULL;
    rt.fibers.live++; /* before baton_staff: the kernel threads leave no more */
    if (likely(rt.fibers.live > 2) || baton_staff() == 0)
        f = obtain(c->attr);
    if (f == NULL) {
        rt.fibers.live--;
        c->error = EAGAIN;
        return;
    }
    prepare(f, c->attr, c->start, c->arg, c->creator);
    list_append(&rt.fibers.all, &f->all);
    __atomic_fetch_add(&rt.fibers.threads, 1, __ATOMIC_SEQ_CST);
    rt.fibers.created++;
    signals_born(f);
    *c->handle = (pthread_t)f->fs;
    sched_ready(f);
}

int fiber_create(struct fiber *self, pthread_t *handle, const struct fiber_attr *attr, void *(*start)(void *),
                 void *arg)
{
    struct creation c = {self, handle, attr, start, arg, 0};
    fiber_inside(self->promoted ? NULL : self, create_here, &c);
    if (c.error != 0 && !self->promoted && rt.sched.ready > 0) { /* kernel threads would have run and ended meanwhile */
        sched_yield_now(self);
        c.error = 0;
        fiber_inside(self, create_here, &c);
    }
    return c.error;
}

struct fiber *fiber_serve(const struct fiber_attr *attr, void *(*start)(void *), uint64_t mask)
{
    struct fiber *f = obtain(attr);
    if (f == NULL)
        return NULL;
    prepare(f, attr, start, NULL, rt.fibers.main);
    f->service = true;
    f->sig.mask = mask;
    list_append(&rt.fibers.all, &f->all);
    rt.fibers.live++;
    signals_born(f);
    sched_ready(f);
    return f;
}

/* The pages of a few ended fibers stay warm; of more, they go back. */
void fiber_recycle(struct fiber *f)
{
    struct stack_class *c = f->class;
    bool running = f == fiber_self; /* it still stands on the stack */
    f->state = FIBER_FREE;          /* the handle still leads here: who uses it once more is told */
    if (f->promoted)
        promote_release(f);
    if (c == NULL) /* the main thread's record */
        return;
    if (c->nkept >= FREE_WITH_PAGES) {
        uintptr_t low = (uintptr_t)f->slot + c->guard, high = (uintptr_t)f->slot + c->size - block_size();
        if (!running && high > low)
            (void)sys(SYS_madvise, low, high - low, MADV_DONTNEED);
    } else {
        c->nkept++;
    }
    c->nfree++;
    f->next = c->free;
    c->free = f;
}

void fiber_reap(struct fiber *f)
{
    struct fiber *head = __atomic_load_n(&rt.fibers.reaped, __ATOMIC_RELAXED);
    do
        f->next = head;
    while (!__atomic_compare_exchange_n(&rt.fibers.reaped, &head, f, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    loop_kick();
}

void fiber_drain(void)
{
    struct fiber *f = __atomic_exchange_n(&rt.fibers.reaped, NULL, __ATOMIC_SEQ_CST);
    while (f != NULL) {
        struct fiber *next = f->next;
        fiber_recycle(f);
        f = next;
    }
}

void fiber_ended(struct fiber *f)
{
    list_remove(&f->all);
    f->state = FIBER_DONE;
    tls_unlink(f->fs);
    turn_left(f);
    record_release(f->records);
    f->records = NULL;
    if (f->join_wait != NULL)
        wait_wake(f->join_wait, 0);
    __atomic_store_n(&f->done, 1, __ATOMIC_SEQ_CST);
    if (f->foreign_joiners != 0)
        sys_futex_wake(&f->done, 1 << 20);
    if (f->detached)
        fiber_recycle(f);
}

void fiber_exit(struct fiber *self)
{
    tls_run_destructors(self->fs);
    key_drop(self->values);
    key_set(self, NULL);
    fiber_quit(self);
}

void fiber_quit(struct fiber *self)
{
    tls_drop_robust(self->fs, self->promoted ? self->kt->tid : tls_tid(self->fs));
    if (self->service)
        notify_left(self);
    else if (!rt.coop || __atomic_sub_fetch(&rt.fibers.threads, 1, __ATOMIC_SEQ_CST) == 0)
        real.exit(0); /* the last thread */
    if (self->promoted)
        promote_exit(self);
    core_enter(self);
    if (self->awaited != 0)
        handover_stops(self);
    trim_forget(self);
    rt.fibers.live--;
    signals_gone(self);
    struct kthread *k = self->kt;
    rt.fibers.leaving = self;
    fiber_ended(self);
    struct fiber *next = sched_pick();
    rt.fibers.leaving = NULL;
    cpu_time_pause(k, self);
    k->running = next;
    method_lost(k);
    next->kt = k;
    next->state = FIBER_RUNNING;
    rt.sched.switches++;
    switch_to(&self->sp, next->sp, next->fs);
    __builtin_unreachable();
}
