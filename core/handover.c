#include "core/handover.h"
#include "core/enter.h"
#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { BUCKETS = 512, MOST = PIPE_BUF, LINE_TURNS = 2, LINE_MS = 2, LUCK_ENOUGH = 4, LUCK_MOST = 32, VAIN_MOST = 32 };

static struct bucket {
    struct list woken; /* offers of reads that have been woken and have not run */
    struct list line;  /* writers that wait for such a read to come back */
} buckets[BUCKETS];

struct in_line {
    struct wait wait;
    struct list by_key, by_age;
    uint64_t key;
    uint64_t until;
};

static struct list lines; /* oldest first */

void handover_init(void)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        list_init(&buckets[i].woken);
        list_init(&buckets[i].line);
    }
    list_init(&lines);
}

static struct bucket *bucket_of(uint64_t key)
{
    return &buckets[(key * 0x9e3779b97f4a7c15ull) >> 55];
}

/* ---- the reader's side ---- */

static struct in_line *first_in_line(uint64_t key)
{
    struct bucket *b = bucket_of(key);
    for (struct list *i = b->line.next; i != &b->line; i = i->next) {
        struct in_line *w = container_of(i, struct in_line, by_key);
        if (w->key == key)
            return w;
    }
    return NULL;
}

static void leave_line(struct wait *wait)
{
    struct in_line *w = container_of(wait, struct in_line, wait);
    list_remove(&w->by_key);
    list_remove(&w->by_age);
}

static void let_go(struct in_line *w)
{
    leave_line(&w->wait);
    wait_wake(&w->wait, 0);
}

void handover_offer(struct offer *o, struct ready_link *l, void *buf, size_t size)
{
    struct fiber *self = l->owner->wait.fiber;
    size_t room = size < MOST ? size : MOST; /* no more than the smallest pipe holds */
    *o = (struct offer){.buf = buf, .size = size, .room = room, .fd = l->fd, .key = l->key, .wait = &l->owner->wait};
    l->offer = o;
    if (likely(self->awaited == 0))
        return;
    struct in_line *w = self->awaited == o->key ? first_in_line(o->key) : NULL;
    if (w != NULL) {
        self->awaited = 0;
        o->kept_for = w->wait.fiber;
        let_go(w);
    }
}

/* It is known to run next: while a handler runs on top of the wait nothing may be given to it, for the handler may jump
 * away. */
static bool waits(const struct offer *o)
{
    const struct fiber *f = o->wait->fiber;
    return f->wait == o->wait && f->state == FIBER_PARKED;
}

void handover_woken(struct offer *o)
{
    if (waits(o))
        list_append(&bucket_of(o->key)->woken, &o->woken);
}

size_t handover_taken(struct fiber *self, struct offer *o)
{
    if (!list_linked(&o->woken))
        return 0;
    list_remove(&o->woken);
    if (first_in_line(o->key) != NULL)
        self->awaited = o->key;
    return o->got;
}

void handover_stops(struct fiber *self)
{
    struct in_line *w;
    while ((w = first_in_line(self->awaited)) != NULL) {
        let_go(w);
    }
    self->awaited = 0;
}

bool handover_round(bool all)
{
    bool any = false;
    uint64_t now = list_empty(&lines) || all ? CLOCK_NEVER : clock_now();
    while (!list_empty(&lines)) {
        struct in_line *w = container_of(lines.next, struct in_line, by_age);
        if (w->until > now)
            break;
        let_go(w);
        any = true;
    }
    return any;
}

bool handover_waits(void)
{
    const struct list *next = __atomic_load_n(&lines.next, __ATOMIC_RELAXED);
    return next != NULL && next != &lines;
}

/* ---- what must be certain ---- */

enum { CHECKED = 1, MAY_READ = 2, MAY_WRITE = 4 };

static int option(int fd, int name)
{
    int value = 0;
    socklen_t size = sizeof value;
    return sys(SYS_getsockopt, fd, SOL_SOCKET, name, &value, &size) == 0 ? value : INT_MIN;
}

static bool plain_socket(int fd)
{
    return option(fd, SO_DOMAIN) == AF_UNIX && option(fd, SO_TYPE) == SOCK_STREAM && option(fd, SO_PEEK_OFF) == -1 &&
           option(fd, SO_RCVLOWAT) == 1;
}

/* What the kernel says of the descriptor. */
static unsigned ask(int fd, const struct fd_entry *e)
{
    struct stat st;
    long flags = sys(SYS_fcntl, fd, F_GETFL);
    if (flags < 0 || (flags & (O_PATH | O_ASYNC | O_DIRECT)) != 0 || sys(SYS_fstat, fd, &st) != 0)
        return CHECKED;
    if (fdtab_name(&st) != e->key[DIR_IN] || (S_ISSOCK(st.st_mode) ? !plain_socket(fd) : !S_ISFIFO(st.st_mode)))
        return CHECKED;
    unsigned may = CHECKED;
    if ((flags & O_ACCMODE) != O_WRONLY)
        may |= MAY_READ;
    if ((flags & O_ACCMODE) != O_RDONLY)
        may |= MAY_WRITE;
    return may;
}

static bool fit(int fd, struct fd_entry *e, unsigned may)
{
    uint32_t generation = __atomic_load_n(&rt.fdtab.option_generation, __ATOMIC_RELAXED);
    if (unlikely(!e->registered || e->checked == 0 || fdtab_extra(e)->checked_at != generation)) {
        if (ready_watch(fd, e, false) != 0)
            return false;
        fdtab_extra(e)->checked_at = generation;
        fdtab_extra(e)->same_at = e->arrivals - 1; /* not yet known */
        e->checked = (uint8_t)ask(fd, e);
    }
    return (e->checked & may) != 0;
}

/* A number stands for what it did when it was registered? If not, the entry was another descriptor's. */
static bool same(int fd, struct fd_entry *e)
{
    struct epoll_event event = {.events = EPOLLET, .data.u64 = ~0ull};
    if (likely(sys(SYS_epoll_ctl, rt.fdtab.epoll, EPOLL_CTL_ADD, fd, &event) == -EEXIST))
        return true;
    (void)sys(SYS_epoll_ctl, rt.fdtab.epoll, EPOLL_CTL_DEL, fd, NULL);
    e->registered = false;
    e->checked = 0;
    return false;
}

/* What has to be asked of a descriptor that others may have, too, costs as much as a pipe does. */
static bool worth(const struct fd_entry *e)
{
    return e->kind != FD_PIPE || fdtab_private(e);
}

/* An end that has no other number cannot go without an event at the other end, so of two such ends nothing need be
 * asked while there is none. */
static bool unchanged(int w_fd, struct fd_entry *w, int r_fd, struct fd_entry *r)
{
    uint32_t arrivals = w->arrivals;
    if (likely(fdtab_extra(w)->same_at == arrivals && fdtab_private(w) && fdtab_private(r)))
        return true;
    if (!same(w_fd, w) || !same(r_fd, r))
        return false;
    fdtab_extra(w)->same_at = arrivals;
    return true;
}

/* Nothing is there for the reader, now. What an event says meanwhile has been done when this returns. */
static bool empty(int fd, struct fd_entry *e)
{
    if (unlikely(e->empty_since != e->arrivals)) { /* not known: asked anew, it is an event if there is something */
        if (ready_watch(fd, e, true) != 0)
            return false;
        e->empty_since = e->arrivals;
    }
    ready_poll();
    return e->empty_since == e->arrivals && e->registered && e->state == FD_OPENED;
}

/* In use on the fiber's own stack: no fault can happen there. */
static bool on_stack(const struct fiber *f, const void *sp, const char *p, size_t n)
{
    uintptr_t low = (uintptr_t)sp, at = (uintptr_t)p, slot = (uintptr_t)f->slot;
    return f->class != NULL && low > slot && low < f->fs && at >= low && at < f->fs && n <= f->fs - at;
}

static bool readable(const struct fiber *self, const char *p, size_t n)
{
    return on_stack(self, __builtin_frame_address(0), p, n) || mem_readable(p, n);
}

/* ---- the writer's side ---- */

/* The read that was woken last; NULL: none has still to run. */
static struct offer *woken(uint64_t key)
{
    struct bucket *b = bucket_of(key);
    for (struct list *i = b->woken.prev; i != &b->woken; i = i->prev) {
        struct offer *o = container_of(i, struct offer, woken);
        if (o->key == key)
            return o;
    }
    return NULL;
}

struct message {
    struct fiber *self;
    int fd;
    struct fd_entry *e;
    const char *buf;
    size_t n;
};

/* link NULL: the reader was woken before. What is lost in the reader's memory by trying it is written right after. */
static bool give(const struct message *m, struct offer *o, struct ready_link *link)
{
    struct fd_entry *r = fdtab_peek(o->fd);
    const struct fiber *reader = o->wait->fiber;
    char *to = o->buf + o->got;
    bool sure = on_stack(reader, reader->sp, to, m->n);
    if (!worth(r) || !readable(m->self, m->buf, m->n))
        return false;
    if (!fit(m->fd, m->e, MAY_WRITE) || !fit(o->fd, r, MAY_READ))
        return false;
    if (!empty(o->fd, r) || !unchanged(m->fd, m->e, o->fd, r) || !(sure || mem_writable(to, m->n)))
        return false;
    memcpy(to, m->buf, m->n);
    o->got += m->n;
    o->sent += m->n;
    rt.handover.count++;
    m->e->vain -= m->e->vain > 0;
    if (link != NULL) {
        list_append(&bucket_of(o->key)->woken, &o->woken);
        ready_hand(link);
    }
    return true;
}

/* While both ends are in the epoll set, what the kernel does take costs more, and an attempt in vain costs as much as a
 * write: it is worth it only where readers mostly wait (luck) and it mostly succeeds (vain). */
static bool lucky(struct fd_entry *e)
{
    if (e->luck < LUCK_MOST)
        e->luck++;
    return e->luck >= (e->vain < VAIN_MOST ? LUCK_ENOUGH : LUCK_MOST);
}

static void failed(struct fd_entry *e)
{
    e->vain = e->vain < VAIN_MOST ? e->vain + 2 : VAIN_MOST;
    e->luck = e->vain < VAIN_MOST ? LUCK_ENOUGH - 1 : 0;
}

/* Nobody waits at the other end. */
static void unlucky(struct fiber *self, int fd, struct fd_entry *e)
{
    if (e->luck == 0 || (e->luck /= 2) != 0)
        return;
    core_enter(self);
    ready_unwatch(fd);
    core_leave(self);
}

static void stand_in_line(struct fiber *self, uint64_t key, bool first)
{
    struct in_line w = {.key = key, .until = clock_after(LINE_MS * NS_PER_MS)};
    struct bucket *b = bucket_of(key);
    wait_init(&w.wait, self, leave_line);
    list_insert(&w.by_key, first ? b->line.next : &b->line);
    list_append(&lines, &w.by_age);
    (void)wait_park(&w.wait, CLOCK_NEVER, 0, "write");
}

enum outcome { GIVEN, TO_KERNEL, FULL };

/* To a reader that waits. FULL: somebody else comes first. */
static enum outcome to_waiting(const struct message *m, struct offer *o, struct ready_link *link)
{
    if (o->kept_for != NULL && o->kept_for != m->self)
        return FULL;
    o->kept_for = NULL;
    if (o->room >= m->n && lucky(m->e)) {
        if (give(m, o, link))
            return GIVEN;
        failed(m->e);
    }
    return TO_KERNEL;
}

/* To one that has not run since it was woken. FULL: it will come back for more, since it cannot take two at a time. */
static enum outcome to_woken(const struct message *m, struct offer *o)
{
    if (m->n <= o->room - o->got && m->e->luck >= LUCK_ENOUGH && give(m, o, NULL))
        return GIVEN;
    if (o->sent + m->n > o->size)
        return FULL;
    if (m->e->registered) { /* the queue fills, without an event for each message */
        failed(m->e);
        ready_unwatch(m->fd);
        ready_unwatch(o->fd);
    }
    return TO_KERNEL;
}

/* Inside the core. */
static bool deliver(const struct message *m)
{
    uint64_t key = m->e->key[DIR_OUT];
    for (int turn = 0;; turn++) {
        struct ready_link *link = ready_reader(key);
        struct offer *o = link != NULL ? link->offer : woken(key);
        if (o == NULL || (link != NULL && !waits(o)))
            return false;
        enum outcome result = link != NULL ? to_waiting(m, o, link) : to_woken(m, o);
        if (result == GIVEN)
            return true;
        if (result == TO_KERNEL || turn == LINE_TURNS || m->e->vain >= VAIN_MOST) {
            o->sent += m->n;
            return false;
        }
        m->e->vain += m->e->luck < LUCK_ENOUGH;
        stand_in_line(m->self, key, turn > 0);
    }
}

long handover_write(struct fiber *self, int fd, struct fd_entry *e, const void *buf, size_t n)
{
    struct message m = {self, fd, e, buf, n};
    uint64_t key = e->key[DIR_OUT];
    if (key == 0 || n == 0 || n > MOST || !feature_on(FEATURE_HANDOVER) || baton_is_away(self))
        return -EAGAIN;
    if (e->state == FD_ABORTED || e->expired != 0 || !worth(e))
        return -EAGAIN;
    if (ready_waiters(key) == 0 && list_empty(&bucket_of(key)->woken)) {
        unlucky(self, fd, e);
        return -EAGAIN;
    }
    core_enter(self);
    bool done = deliver(&m);
    core_leave(self);
    if (!done)
        return -EAGAIN;
    fdtab_moved(e, DIR_OUT);
    return (long)n;
}
