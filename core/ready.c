#include "core/ready.h"
#include "core/enter.h"
#include "core/handover.h"

#include <errno.h>
#include <sys/epoll.h>

enum { KEY_BUCKETS = 1024, EVENTS = 128, ROUNDS = 2 };

/* Waiters by stream: a reader waits for DIR_IN on its key, a writer for DIR_OUT. */
static struct key_bucket {
    uint32_t waiters;
    uint32_t writes; /* to these streams, by hooks; never 0 */
    int64_t level;   /* bytes in them, if hooks alone write and read */
    struct list list;
} buckets[KEY_BUCKETS];

static struct list unarmed;
static uint32_t round_now;

int ready_init(void)
{
    list_init(&unarmed);
    for (unsigned i = 0; i < KEY_BUCKETS; i++) {
        buckets[i].waiters = 0;
        buckets[i].writes = 1;
        list_init(&buckets[i].list);
    }
    int fd = loop_own_fd((int)sys(SYS_epoll_create1, EPOLL_CLOEXEC));
    rt.fdtab.epoll = fd;
    return fd < 0 ? fd : 0;
}

static struct key_bucket *bucket_of(uint64_t key)
{
    return &buckets[(key * 0x9e3779b97f4a7c15ull) >> 54];
}

static void unlink_one(struct ready_link *l)
{
    if (list_linked(&l->by_fd))
        list_remove(&l->by_fd);
    if (list_linked(&l->unarmed))
        list_remove(&l->unarmed);
    if (list_linked(&l->by_key)) {
        list_remove(&l->by_key);
        __atomic_fetch_sub(&bucket_of(l->key)->waiters, 1, __ATOMIC_RELAXED);
    }
}

static void unlink_all(struct wait *wait)
{
    struct ready_wait *w = container_of(wait, struct ready_wait, wait);
    for (unsigned i = 0; i < w->nlinks; i++)
        unlink_one(&w->links[i]);
}

void ready_hand(struct ready_link *l)
{
    struct ready_wait *w = l->owner;
    unlink_all(&w->wait);
    wait_wake(&w->wait, 0);
}

static void wake(struct ready_link *l)
{
    if (l->believed) /* asked in earnest from here on */
        fdtab_peek(l->fd)->empty_at = 0;
    if (l->offer != NULL)
        handover_woken(l->offer);
    ready_hand(l);
}

/* 0: registered; -errno: cannot be. anew: what is there now counts as an event. */
int ready_watch(int fd, struct fd_entry *e, bool anew)
{
    if (e->registered && !anew)
        return 0;
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET,
        .data.u64 = (uint64_t)e->generation << 32 | (uint32_t)fd,
    };
    long r = e->registered ? -EEXIST : sys(SYS_epoll_ctl, rt.fdtab.epoll, EPOLL_CTL_ADD, fd, &event);
    if (r == -EEXIST) /* left from an earlier owner of the same description */
        r = sys(SYS_epoll_ctl, rt.fdtab.epoll, EPOLL_CTL_MOD, fd, &event);
    if (r == 0)
        e->registered = true;
    return (int)r;
}

/* Nobody waits on it any more, and who did was woken from here: while it is registered, each write of the program wakes
 * our epoll set as well, which costs as much as the write. It comes back when somebody waits and the loop sleeps. */
void ready_unwatch(int fd)
{
    struct fd_entry *e = fdtab_peek(fd);
    if (!e->registered || !list_empty(&e->waiters[DIR_IN]) || !list_empty(&e->waiters[DIR_OUT]))
        return;
    (void)sys(SYS_epoll_ctl, rt.fdtab.epoll, EPOLL_CTL_DEL, fd, NULL);
    e->registered = false;
}

void ready_begin(struct ready_wait *w, struct fiber *self, struct ready_link *links)
{
    wait_init(&w->wait, self, unlink_all);
    w->links = links;
    w->nlinks = 0;
    w->dropped = -1;
}

/* Behind those whose turn comes before; mostly that is the end. */
static void stand_by_fd(struct list *head, struct ready_link *l)
{
    struct list *at = head;
    while (at->prev != head && container_of(at->prev, struct ready_link, by_fd)->turn > l->turn)
        at = at->prev;
    list_insert(&l->by_fd, at);
}

static void stand_by_key(struct list *head, struct ready_link *l)
{
    struct list *at = head;
    while (at->prev != head && container_of(at->prev, struct ready_link, by_key)->turn > l->turn)
        at = at->prev;
    list_insert(&l->by_key, at);
}

int ready_link(struct ready_wait *w, int fd, int dir, bool one, uint64_t turn)
{
    struct fd_entry *e = fdtab_get(fd);
    if (e == NULL)
        return -EBADF;
    bool known = e->registered && e->empty_since == e->arrivals;
    bool believed = dir == DIR_IN && e->empty_at != 0 && !known;
    bool lazy = e->key[dir] != 0 && (!e->registered || believed);
    int r = lazy ? 0 : ready_watch(fd, e, false);
    if (r != 0)
        return r;
    struct ready_link *l = &w->links[w->nlinks++];
    *l = (struct ready_link){
        .owner = w, .fd = fd, .dir = (uint8_t)dir, .one = one, .round = round_now, .key = e->key[dir]};
    l->turn = turn;
    l->believed = believed;
    stand_by_fd(&e->waiters[dir], l);
    if (e->key[dir] != 0) {
        struct key_bucket *b = bucket_of(e->key[dir]);
        stand_by_key(&b->list, l);
        __atomic_fetch_add(&b->waiters, 1, __ATOMIC_SEQ_CST);
    }
    if (lazy)
        list_append(&unarmed, &l->unarmed);
    return 0;
}

/* Wakes every poll that waits for the direction, and the first read or write. */
static void wake_dir(struct fd_entry *e, int dir)
{
    bool one_woken = false;
    for (struct list *i = e->waiters[dir].next; i != &e->waiters[dir];) {
        struct ready_link *l = container_of(i, struct ready_link, by_fd);
        i = i->next;
        if (l->one && one_woken)
            continue;
        one_woken |= l->one;
        /* One wait may be linked twice here (poll with the descriptor listed twice): step over its own links. */
        while (i != &e->waiters[dir] && container_of(i, struct ready_link, by_fd)->owner == l->owner)
            i = i->next;
        wake(l);
    }
}

static void take_event(const struct epoll_event *event)
{
    int fd = (int)(uint32_t)event->data.u64;
    struct fd_entry *e = fdtab_peek(fd);
    if (e == NULL || e->generation != (uint32_t)(event->data.u64 >> 32))
        return;
    __atomic_fetch_add(&e->seq, 1, __ATOMIC_SEQ_CST);
    const uint32_t both = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    if ((event->events & (EPOLLIN | EPOLLPRI | both)) != 0) {
        __atomic_fetch_add(&e->arrivals, 1, __ATOMIC_SEQ_CST);
        wake_dir(e, DIR_IN);
    }
    if ((event->events & (EPOLLOUT | both)) != 0)
        wake_dir(e, DIR_OUT);
}

/* The buffer belongs to the baton, not to the stack: the fiber that happens to look would keep the pages. */
void ready_poll(void)
{
    static struct epoll_event events[EVENTS];
    long n;
    do {
        n = sys(SYS_epoll_wait, rt.fdtab.epoll, events, EVENTS, 0);
        for (long i = 0; i < n; i++)
            take_event(&events[i]);
    } while (n == EVENTS);
}

bool ready_arm(bool all)
{
    bool woken = false;
    round_now++;
    while (!list_empty(&unarmed)) {
        struct ready_link *l = container_of(unarmed.next, struct ready_link, unarmed);
        if (!all && round_now - l->round < ROUNDS)
            break;
        list_remove(&l->unarmed);
        if (ready_watch(l->fd, fdtab_peek(l->fd), l->believed) != 0) {
            wake(l);
            woken = true;
        }
    }
    return woken;
}

bool ready_unarmed(void)
{
    return __atomic_load_n(&unarmed.next, __ATOMIC_RELAXED) != &unarmed;
}

/* Wakes who waits for `dir` of the stream: every poll, and the first read or write. */
static void wake_stream(struct fiber *self, uint64_t key, int dir)
{
    if (key == 0)
        return;
    struct key_bucket *b = bucket_of(key);
    if (dir == DIR_OUT)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    else if (unlikely(__atomic_add_fetch(&b->writes, 1, __ATOMIC_SEQ_CST) == 0))
        __atomic_fetch_add(&b->writes, 1, __ATOMIC_SEQ_CST);
    if (likely(__atomic_load_n(&b->waiters, __ATOMIC_RELAXED) == 0))
        return;
    if (self == NULL || baton_is_away(self)) {
        loop_kick(); /* the carrier registers the waiters and sees for itself */
        return;
    }
    core_enter(self);
    bool one_woken = false;
    for (struct list *i = b->list.next, *next; i != &b->list; i = next) {
        struct ready_link *l = container_of(i, struct ready_link, by_key);
        next = i->next;
        if (l->dir != dir || l->key != key || (l->one && one_woken))
            continue;
        one_woken |= l->one;
        while (next != &b->list && container_of(next, struct ready_link, by_key)->owner == l->owner)
            next = next->next;
        int fd = l->fd;
        wake(l);
        ready_unwatch(fd);
    }
    core_leave(self);
}

struct ready_link *ready_reader(uint64_t key)
{
    struct key_bucket *b = bucket_of(key);
    for (struct list *i = b->list.next; i != &b->list; i = i->next) {
        struct ready_link *l = container_of(i, struct ready_link, by_key);
        if (l->key == key && l->dir == DIR_IN && l->one)
            return l;
    }
    return NULL;
}

unsigned ready_waiters(uint64_t key)
{
    return __atomic_load_n(&bucket_of(key)->waiters, __ATOMIC_RELAXED);
}

uint32_t ready_writes(const struct fd_entry *e)
{
    return e->key[DIR_IN] == 0 ? 0 : __atomic_load_n(&bucket_of(e->key[DIR_IN])->writes, __ATOMIC_SEQ_CST);
}

int64_t ready_account(const struct fd_entry *e, int64_t bytes)
{
    return __atomic_add_fetch(&bucket_of(e->key[DIR_IN])->level, bytes, __ATOMIC_RELAXED);
}

/* What went out here comes in there. A pipe's two ends have one key; a socketpair's are crossed at creation. */
void ready_progress(struct fiber *self, struct fd_entry *e, int dir)
{
    wake_stream(self, e->key[dir], dir == DIR_OUT ? DIR_IN : DIR_OUT);
}

void ready_stream_closed(struct fiber *self, const uint64_t key[DIRS])
{
    wake_stream(self, key[DIR_OUT], DIR_IN);
    wake_stream(self, key[DIR_IN], DIR_OUT);
}

void ready_pass_on_here(struct fd_entry *e, int dir)
{
    wake_dir(e, dir);
}

void ready_pass_on(struct fiber *self, struct fd_entry *e, int dir)
{
    if (likely(list_empty(&e->waiters[dir])) || self == NULL)
        return;
    core_enter(self);
    wake_dir(e, dir);
    core_leave(self);
}

void ready_wake_all(struct fd_entry *e)
{
    for (int dir = 0; dir < DIRS; dir++)
        while (!list_empty(&e->waiters[dir]))
            wake(container_of(e->waiters[dir].next, struct ready_link, by_fd));
}

/* Everybody who waits on the descriptor looks again. */
void ready_look_again(struct fiber *self, struct fd_entry *e)
{
    if (list_empty(&e->waiters[DIR_IN]) && list_empty(&e->waiters[DIR_OUT]))
        return;
    core_enter(self);
    ready_wake_all(e);
    core_leave(self);
}

void ready_drop(int fd, struct fd_entry *e, int error)
{
    struct fiber *self = fiber_self;
    line_drop(self, fd, error);
    if (likely(list_empty(&e->waiters[DIR_IN]) && list_empty(&e->waiters[DIR_OUT])) || self == NULL)
        return;
    core_enter(self);
    for (int dir = 0; dir < DIRS; dir++) {
        while (!list_empty(&e->waiters[dir])) {
            struct ready_link *l = container_of(e->waiters[dir].next, struct ready_link, by_fd);
            l->owner->dropped = error == EBADF ? fd : -1;
            wait_wake(&l->owner->wait, -error);
        }
    }
    core_leave(self);
}
