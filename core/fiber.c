#include "core/enter.h"
#include "core/identity.h"
#include "core/landing.h"
#include "core/switch.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

struct runtime rt;
__thread struct fiber *fiber_self __attribute__((tls_model("initial-exec")));

enum {
    PAGE = 4096,
    FREE_WITH_PAGES = 64,
    SMALL_STACK = 64 << 10, /* the block is no part of a smaller one: hooks need more stack than the bare calls */
};

struct fiber *fiber_of(pthread_t handle)
{
    struct fiber *f = *(struct fiber **)((uintptr_t)handle + (uintptr_t)rt.tls.off_self);
    return f != NULL && f->fs == (uintptr_t)handle && !f->promoted ? f : NULL;
}

struct fiber *fiber_by_tid(struct fiber *self, int tid)
{
    struct fiber *found = NULL;
    if (tid == tls_tid(self->fs))
        return self;
    core_enter(self);
    for (struct list *l = rt.fibers.all.next; l != &rt.fibers.all && found == NULL; l = l->next) {
        struct fiber *f = container_of(l, struct fiber, all);
        if (tls_tid(f->fs) == tid)
            found = f;
    }
    core_leave(self);
    return found;
}

static void adopt_main(void)
{
    struct fiber *f = rt.fibers.main;
    if (f == NULL) {
        f = rt.fibers.main = &rt.fibers.first;
        f->fs = tls_pointer();
        f->main = true;
    }
    list_init(&rt.fibers.all);
    list_append(&rt.fibers.all, &f->all);
    rt.fibers.live = 1;
    rt.trim = (struct trim){0};
    f->state = FIBER_RUNNING;
    rt.fibers.leader_block = f->fs;
    f->kt = &rt.baton.first;
    rt.baton.first.running = f;
    fiber_self = f;
}

int fiber_start_core(void)
{
    if (!rt.fibers.calibrated) {
        if (tls_calibrate() != 0)
            return -ENOSYS;
        rt.fibers.calibrated = true;
        switch_init();
    }
    int e = baton_init();
    if (e == 0)
        e = loop_init();
    if (e != 0)
        return e;
    adopt_main();
    (void)sys(SYS_prctl, PR_GET_NAME, rt.fibers.main->name);
    signals_start(rt.fibers.main);
    identity_wrap_setxid();
    __atomic_store_n(&rt.coop, true, __ATOMIC_SEQ_CST);
    real_gate_set(REAL_FIBERS, true);
    return 0;
}

/* First frame of every fiber, inside the core. */
static void boot(void *arg)
{
    struct fiber *self = arg;
    core_leave(self);
    tls_enter();
    struct landing landing;
    if (landing_set(&landing) == 0) {
        __pthread_register_cancel(&landing.buf);
        if (self->c11)
            self->result = (void *)(intptr_t)((int (*)(void *))(void (*)(void))self->start)(self->arg);
        else
            self->result = self->start(self->arg);
    } else if (fiber_self != NULL && !fiber_self->exiting) {
        fiber_self->result = PTHREAD_CANCELED;
    }
    fiber_exit(fiber_self != NULL ? fiber_self : rt.fibers.main); /* NULL in the child of a fork */
}

static struct fiber *take_free(struct stack_class *c)
{
    struct fiber *f = c->free;
    if (f == NULL)
        return NULL;
    c->free = f->next;
    c->nfree--;
    if (c->nkept > c->nfree)
        c->nkept = c->nfree;
    return tls_remake(f->fs, f->slot + c->guard, c->size - c->guard) ? f : NULL; /* without memory the slot is lost */
}

/* A slot is [guard][stack][TLS, struct pthread][struct fiber]. The stack begins right below the block, in the same
 * page: a page less for a thread that waits. As libc does, the program is shown a stack that ends where the slot ends,
 * the block included. */
static struct fiber *take_fresh(struct stack_class *c)
{
    char *slot = stacks_get(c);
    if (slot == NULL)
        return NULL;
    struct fiber *f = (struct fiber *)(((uintptr_t)slot + c->size - sizeof *f) & ~63ul);
    f->class = c;
    f->slot = slot;
    f->fs = tls_make((char *)f, slot + c->guard, c->size - c->guard);
    if (f->fs == 0) { /* the slot stays unused: memory is short */
        return NULL;
    }
    return f;
}

static size_t round_page(size_t n)
{
    return (n + PAGE - 1) & ~(size_t)(PAGE - 1);
}

/* What a slot holds above its stack. */
static size_t block_size(void)
{
    return round_page(tls_room() + sizeof(struct fiber));
}

static struct fiber *obtain(const struct fiber_attr *a)
{
    size_t stack = a->stack != NULL ? 0 : round_page(a->stack_size);
    size_t guard = a->stack != NULL ? 0 : round_page(a->guard_size);
    size_t size = guard + stack + (stack < block_size() + SMALL_STACK ? block_size() : 0);
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
    f->stack = a->stack != NULL ? a->stack : slot + c->size - round_page(a->stack_size);
    f->stack_size = a->stack_size;
    f->guard_size = a->guard_size;
    f->policy = a->policy;
    f->param = a->param;
    memcpy(f->name, creator->name, sizeof f->name);
    f->sig.mask = creator->sig.mask;
    if (a->sigmask != NULL)
        memcpy(&f->sig.mask, a->sigmask, sizeof f->sig.mask);
    char *top = a->stack != NULL ? a->stack + a->stack_size : (char *)tls_low(fs);
    f->sp = switch_first(top, boot, f);
    *(struct fiber **)(fs + (uintptr_t)rt.tls.off_self) = f;
}

int fiber_create(struct fiber *self, pthread_t *handle, const struct fiber_attr *attr, void *(*start)(void *),
                 void *arg)
{
    core_enter(self);
    struct fiber *f = NULL;
    rt.fibers.live++; /* before baton_staff: the kernel threads leave no more */
    if (likely(rt.fibers.live > 2) || baton_staff() == 0)
        f = obtain(attr);
    if (f == NULL) {
        rt.fibers.live--;
        core_leave(self);
        return EAGAIN;
    }
    prepare(f, attr, start, arg, self);
    list_append(&rt.fibers.all, &f->all);
    rt.fibers.created++;
    signals_born(f);
    *handle = (pthread_t)f->fs;
    sched_ready(f);
    core_leave(self);
    return 0;
}

/* Keeps the slot for the next thread of its class. The pages of a few ended fibers stay warm; of more, they go back. */
static void recycle(struct fiber *f)
{
    struct stack_class *c = f->class;
    bool running = f == fiber_self; /* it still stands on the stack */
    f->state = FIBER_FREE;          /* the handle still leads here: who uses it once more is told */
    if (c == NULL)                  /* the main thread's record */
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

/* A foreign thread that has joined a fiber leaves it here. */
static void reap(struct fiber *f)
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
        recycle(f);
        f = next;
    }
}

void fiber_exit(struct fiber *self)
{
    tls_run_destructors(self->fs);
    if (!rt.coop || __atomic_load_n(&rt.fibers.live, __ATOMIC_SEQ_CST) == 1)
        real.exit(0); /* the last thread */
    core_enter(self);
    signals_gone(self);
    trim_forget(self);
    rt.fibers.live--;
    list_remove(&self->all);
    self->state = FIBER_DONE;
    tls_unlink(self->fs);
    if (self->join_wait != NULL)
        wait_wake(self->join_wait, 0);
    __atomic_store_n(&self->done, 1, __ATOMIC_SEQ_CST);
    if (self->foreign_joiners != 0)
        sys_futex_wake(&self->done, 1 << 20);
    if (self->detached)
        recycle(self);
    struct fiber *next = sched_pick();
    struct kthread *k = self->kt;
    k->running = next;
    next->kt = k;
    next->state = FIBER_RUNNING;
    rt.sched.switches++;
    switch_to(&self->sp, next->sp, next->fs);
    __builtin_unreachable();
}

struct join_wait {
    struct wait wait;
    struct fiber *target;
};

static void leave_join(struct wait *w)
{
    struct fiber *target = container_of(w, struct join_wait, wait)->target;
    target->join_wait = NULL;
    target->joiner = NULL;
}

int fiber_join(struct fiber *self, struct fiber *target, void **result, uint64_t deadline)
{
    int e = 0;
    core_enter(self);
    if (target->state == FIBER_FREE)
        e = target->detached ? EINVAL : ESRCH;
    else if (target->detached)
        e = EINVAL;
    else if (target == self || (self->joiner == target && !target->cancel_pending))
        e = EDEADLK;
    else if (target->joiner != NULL)
        e = EINVAL;
    else if (target->state != FIBER_DONE && deadline == 0)
        e = EBUSY;
    if (e == 0 && target->state != FIBER_DONE) {
        struct join_wait w = {.target = target};
        wait_init(&w.wait, self, leave_join);
        target->join_wait = &w.wait;
        target->joiner = self;
        e = -wait_park(&w.wait, deadline, WAIT_CANCEL, "pthread_join");
        if (e != 0 && e != ETIMEDOUT)
            e = E_CANCELLED;
    }
    if (e == 0) {
        if (result != NULL)
            *result = target->result;
        target->join_wait = NULL;
        recycle(target);
    }
    core_leave(self);
    return e;
}

int fiber_join_foreign(struct fiber *target, void **result, const struct timespec *left)
{
    __atomic_fetch_add(&target->foreign_joiners, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&target->done, __ATOMIC_SEQ_CST)) {
        long e = sys_futex_wait(&target->done, 0, left);
        if (e == -ETIMEDOUT)
            return ETIMEDOUT;
    }
    if (result != NULL)
        *result = target->result;
    reap(target);
    return 0;
}

int fiber_detach(struct fiber *self, struct fiber *target)
{
    int e = 0;
    core_enter(self);
    if (target->state == FIBER_FREE || target->detached) {
        e = EINVAL;
    } else {
        target->detached = true;
        if (target->state == FIBER_DONE)
            recycle(target);
    }
    core_leave(self);
    return e;
}
