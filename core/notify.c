#include "core/notify.h"
#include "core/enter.h"
#include "core/identity.h"
#include "core/mem.h"

#include <errno.h>

enum { SLOT_BITS = 16, SLOTS = 1 << SLOT_BITS, USES = (1 << (31 - SLOT_BITS)) - 1, CELLS = 1 << 20 };

struct notification {
    int id; /* 0: free; read by senders */
    int uses;
    bool once;
    uint32_t next_free; /* slot + 1 */
    notify_fn *fn;
    void *arg;
};

struct sent {
    uint32_t next; /* index + 1 */
    int id;
};

/* ---- sending ---- */

static uint32_t cell_take(void)
{
    struct notify *n = &rt.notify;
    uint64_t head = __atomic_load_n(&n->free, __ATOMIC_ACQUIRE), next;
    while ((uint32_t)head != 0) {
        /* Read too late it is wrong, and then the count has moved. */
        next = ((head >> 32) + 1) << 32 | __atomic_load_n(&n->cells[(uint32_t)head - 1].next, __ATOMIC_RELAXED);
        if (__atomic_compare_exchange_n(&n->free, &head, next, true, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            return (uint32_t)head;
    }
    if (__atomic_load_n(&n->used, __ATOMIC_RELAXED) >= CELLS)
        return 0;
    uint32_t index = __atomic_fetch_add(&n->used, 1, __ATOMIC_RELAXED);
    return index < CELLS ? index + 1 : 0;
}

static void cell_put(uint32_t cell)
{
    struct notify *n = &rt.notify;
    uint64_t head = __atomic_load_n(&n->free, __ATOMIC_RELAXED), next;
    do {
        __atomic_store_n(&n->cells[cell - 1].next, (uint32_t)head, __ATOMIC_RELAXED);
        next = ((head >> 32) + 1) << 32 | cell;
    } while (!__atomic_compare_exchange_n(&n->free, &head, next, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

static struct notification *find(int id)
{
    struct notification *table = __atomic_load_n(&rt.notify.table, __ATOMIC_ACQUIRE);
    if (id <= 0 || table == NULL)
        return NULL;
    struct notification *n = &table[id & (SLOTS - 1)];
    return __atomic_load_n(&n->id, __ATOMIC_ACQUIRE) == id ? n : NULL;
}

int notify_send(int id)
{
    struct notify *n = &rt.notify;
    if (find(id) == NULL)
        return -ENOENT;
    uint32_t cell = cell_take();
    if (cell == 0)
        return -EAGAIN;
    struct sent *s = &n->cells[cell - 1];
    s->id = id;
    uint32_t head = __atomic_load_n(&n->pending, __ATOMIC_RELAXED);
    do
        __atomic_store_n(&s->next, head, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&n->pending, &head, cell, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    /* Every time: who has sent before may have left by a jump before its kick. It is cheap when one is under way. */
    loop_kick();
    sched_slice_over();
    return 0;
}

bool notify_waits(void)
{
    return __atomic_load_n(&rt.notify.pending, __ATOMIC_RELAXED) != 0;
}

/* ---- the server ---- */

/* Kills, stops and libc's own two are nobody's to block. */
static const uint64_t all_signals = ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1) | 3ull << 31);

/* The number of the oldest that was sent; 0: none. */
static int take(void)
{
    struct notify *n = &rt.notify;
    if (n->oldest == 0) {
        uint32_t cell = __atomic_exchange_n(&n->pending, 0, __ATOMIC_SEQ_CST);
        while (cell != 0) {
            uint32_t next = n->cells[cell - 1].next;
            n->cells[cell - 1].next = n->oldest;
            n->oldest = cell;
            cell = next;
        }
    }
    uint32_t cell = n->oldest;
    if (cell == 0)
        return 0;
    int id = n->cells[cell - 1].id;
    n->oldest = n->cells[cell - 1].next;
    cell_put(cell);
    return id;
}

static void rest(struct fiber *self)
{
    struct wait w;
    wait_init(&w, self, NULL);
    rt.notify.idle = &w;
    rt.fibers.live--;
    signals_gone(self);
    wait_park(&w, CLOCK_NEVER, 0, "notification");
}

void notify_drain(void)
{
    struct notify *n = &rt.notify;
    struct wait *w = n->idle;
    if (w == NULL || !notify_waits())
        return;
    if (n->known == 0) { /* all stopped: nobody is woken, for the other kernel threads may have left */
        while (take() != 0)
            ;
        return;
    }
    n->idle = NULL;
    rt.fibers.live++;
    signals_born(n->server);
    wait_wake(w, 0);
}

static struct notification next(struct fiber *self)
{
    struct notification *found = NULL, n;
    core_enter(self);
    do {
        int id = take();
        if (id == 0)
            rest(self);
        else
            found = find(id);
    } while (found == NULL);
    self->stop = false;
    n = *found;
    if (n.once)
        notify_stop_here(n.id);
    core_leave(self);
    return n;
}

/* What the function has left behind ends with it. In a fork's child there is no server, and this was its thread. */
static void *serve(void *unused)
{
    struct fiber *self = fiber_self;
    (void)unused;
    do {
        if (self->sig.mask != all_signals)
            signals_set_mask(self, all_signals);
        struct notification n = next(self);
        n.fn(n.arg);
    } while (self->service && !self->promoted);
    return NULL;
}

/* Inside the core. Without memory for it now: the next one that needs it tries again. */
static int make_server(void)
{
    struct notify *n = &rt.notify;
    if (n->server != NULL)
        return 0;
    struct fiber *f = fiber_serve(&n->attr, serve, all_signals);
    if (f == NULL)
        return -EAGAIN;
    n->server = f;
    return 0;
}

static void make_first_server(void *unused)
{
    (void)unused;
    if (baton_staff() == 0)
        make_server();
}

static void replace_server(void *unused)
{
    (void)unused;
    rt.notify.server = NULL;
    rt.notify.idle = NULL;
    if (rt.notify.known > 0)
        make_server();
}

void notify_left(struct fiber *self)
{
    self->service = false;
    fiber_inside(self->promoted ? NULL : self, replace_server, NULL);
}

void notify_started(struct fiber *self)
{
    if (rt.notify.known > 0)
        fiber_inside(self, make_first_server, NULL);
}

void notify_forked(void)
{
    struct notify *n = &rt.notify;
    if (n->server != NULL)
        n->server->service = false; /* it may be who forked: a thread of the child's now */
    n->server = NULL;
    n->idle = NULL;
    n->free = 0;
    n->used = n->pending = n->oldest = 0;
}

/* ---- what there is ---- */

/* Asks libc, and so not inside the core. */
void notify_prepare(void)
{
    struct fiber_attr *a = &rt.notify.attr;
    if (a->stack_size == 0) {
        size_t size = identity_default_stack(&a->guard_size);
        a->stack_size = rt.config.stack_size != 0 ? rt.config.stack_size : size;
        a->detached = true;
    }
}

static int make_tables(void)
{
    struct notify *n = &rt.notify;
    if (n->cells == NULL)
        n->cells = mem_map(CELLS * sizeof *n->cells);
    if (n->table == NULL && n->cells != NULL)
        __atomic_store_n(&n->table, (struct notification *)mem_map(SLOTS * sizeof *n->table), __ATOMIC_RELEASE);
    return n->table != NULL ? 0 : -ENOMEM;
}

static struct notification *slot_take(void)
{
    struct notify *n = &rt.notify;
    if (n->free_slot != 0) {
        struct notification *s = &n->table[n->free_slot - 1];
        n->free_slot = s->next_free;
        return s;
    }
    return n->slots < SLOTS ? &n->table[n->slots++] : NULL;
}

int notify_make_here(bool once, notify_fn *fn, void *arg)
{
    struct notify *n = &rt.notify;
    int e = make_tables();
    if (e != 0)
        return e;
    n->known++; /* before baton_staff: the kernel threads leave no more */
    e = baton_staff();
    if (e == 0)
        e = make_server();
    struct notification *s = e == 0 ? slot_take() : NULL;
    if (s == NULL) {
        n->known--;
        return e != 0 ? e : -EAGAIN;
    }
    s->once = once;
    s->fn = fn;
    s->arg = arg;
    int id = ++s->uses << SLOT_BITS | (int)(s - n->table);
    __atomic_store_n(&s->id, id, __ATOMIC_RELEASE);
    return id;
}

int notify_stop_here(int id)
{
    struct notify *n = &rt.notify;
    struct notification *s = find(id);
    if (s == NULL)
        return -ENOENT;
    __atomic_store_n(&s->id, 0, __ATOMIC_RELEASE);
    n->known--;
    if (s->uses < USES) {
        s->next_free = n->free_slot;
        n->free_slot = (uint32_t)(s - n->table) + 1;
    }
    return 0;
}

struct request {
    int id;
    bool once;
    notify_fn *fn;
    void *arg;
    int result;
};

static void make_here(void *arg)
{
    struct request *r = arg;
    r->result = notify_make_here(r->once, r->fn, r->arg);
}

static void set_here(void *arg)
{
    struct request *r = arg;
    struct notification *s = find(r->id);
    r->result = s != NULL ? 0 : -ENOENT;
    if (s == NULL)
        return;
    s->fn = r->fn;
    s->arg = r->arg;
}

static void stop_here(void *arg)
{
    struct request *r = arg;
    r->result = notify_stop_here(r->id);
}

int notify_make(struct fiber *self, bool once, notify_fn *fn, void *arg)
{
    struct request r = {0, once, fn, arg, 0};
    notify_prepare();
    fiber_inside(self, make_here, &r);
    return r.result;
}

int notify_set(struct fiber *self, int id, notify_fn *fn, void *arg)
{
    struct request r = {id, false, fn, arg, 0};
    fiber_inside(self, set_here, &r);
    return r.result;
}

int notify_stop(struct fiber *self, int id)
{
    struct request r = {.id = id};
    fiber_inside(self, stop_here, &r);
    return r.result;
}
