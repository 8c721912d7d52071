#include "core/line.h"
#include "core/enter.h"
#include "core/kick.h"

#include <errno.h>
#include <string.h>

enum { LOOK_AGAIN = 5 * NS_PER_MS, PATIENCE = 100 * NS_PER_MS };

struct line_wait {
    struct wait wait;
    struct list link; /* in the bucket, by turn */
    const struct line_call *call;
    uint64_t turn;
    bool first;  /* in the kernel, or on its way */
    int dropped; /* its descriptor is closed or aborted: the error */
};

static struct line_wait *waiter(const struct list *l)
{
    return container_of(l, struct line_wait, link);
}

static struct list *bucket_of(const struct line_key *k)
{
    uint64_t h = k->kind;
    for (size_t i = 0; i < countof(k->word); i++)
        h = (h ^ k->word[i]) * 0x9e3779b97f4a7c15ull;
    struct list *b = &rt.line.bucket[h >> 58];
    if (b->next == NULL)
        list_init(b);
    return b;
}

static bool same(const struct line_key *a, const struct line_key *b)
{
    return a->kind == b->kind && memcmp(a->word, b->word, sizeof a->word) == 0 && a->size == b->size &&
           (a->size == 0 || memcmp(a->more, b->more, a->size) == 0);
}

/* The next one with the same key behind `from`. */
static struct line_wait *next_of(const struct list *bucket, const struct list *from, const struct line_key *key)
{
    for (const struct list *l = from->next; l != bucket; l = l->next)
        if (same(&waiter(l)->call->key, key))
            return waiter(l);
    return NULL;
}

/* Somebody waits in the kernel for all with that key: in a handler he does not. */
static bool served(const struct list *bucket, const struct line_key *key)
{
    for (const struct line_wait *w = next_of(bucket, bucket, key); w != NULL; w = next_of(bucket, &w->link, key))
        if (w->first && !(w->wait.away && wait_in_handler(&w->wait)))
            return true;
    return false;
}

/* Inside the core. Who is the first says who is next. */
static void leave(struct line_wait *w)
{
    if (!list_linked(&w->link))
        return;
    const struct list *bucket = bucket_of(&w->call->key);
    bool first = w->first;
    list_remove(&w->link);
    rt.line.waiting--;
    rt.line.of_fds -= w->call->fd >= 0;
    w->first = false;
    if (!first || served(bucket, &w->call->key))
        return;
    struct line_wait *next = next_of(bucket, bucket, &w->call->key);
    while (next != NULL && next->first)
        next = next_of(bucket, &next->link, &w->call->key);
    if (next == NULL)
        return;
    next->first = true;
    wait_wake(&next->wait, 0);
}

static void unlink_wait(struct wait *w)
{
    leave(container_of(w, struct line_wait, wait));
}

static void begin(struct line_wait *w, struct fiber *self)
{
    wait_init(&w->wait, self, unlink_wait);
    w->wait.held = true;
}

/* At its place: who was interrupted comes back to it. */
static void join(struct line_wait *w, struct fiber *self)
{
    struct list *bucket = bucket_of(&w->call->key), *before = bucket;
    begin(w, self);
    if (list_linked(&w->link))
        return;
    while (before->prev != bucket && waiter(before->prev)->turn > w->turn)
        before = before->prev;
    __atomic_fetch_add(&rt.line.waiting, 1, __ATOMIC_SEQ_CST); /* before the look at the others: see line_interrupted */
    w->first = !served(bucket, &w->call->key);
    list_insert(&w->link, before);
    rt.line.of_fds += w->call->fd >= 0;
}

/* No kernel thread is to be had: the first looks now and then, and lets the others look, too. */
static long look_later(struct line_wait *w)
{
    const struct line_call *c = w->call;
    uint64_t soon = clock_after(LOOK_AGAIN);
    begin(w, w->wait.fiber);
    long r = wait_park(&w->wait, c->at < soon ? c->at : soon, c->flags, c->name);
    if (r == -ETIMEDOUT && c->at >= soon)
        r = w->dropped != 0 ? -w->dropped : c->attempt(c->arg);
    return r == -EAGAIN ? -E_NO_THREAD : r;
}

static long stand(struct line_wait *w)
{
    const struct line_call *c = w->call;
    if (!w->first) {
        long r = wait_park(&w->wait, c->at, c->flags, c->name);
        if (r == 0)
            r = w->dropped != 0 ? -w->dropped : c->attempt(c->arg);
        if (r != -EAGAIN)
            return r;
        begin(w, w->wait.fiber);
    }
    long r = wait_away(&w->wait, c->at, c->flags, c->name, c->call, c->arg);
    return r == -E_NO_THREAD ? look_later(w) : r;
}

static void tell_all(const struct line_wait *w, int error)
{
    const struct list *bucket = bucket_of(&w->call->key);
    for (const struct list *l = bucket->next, *next; l != bucket; l = next) {
        next = l->next;
        if (waiter(l) != w && same(&waiter(l)->call->key, &w->call->key))
            wait_wake(&waiter(l)->wait, error);
    }
}

long line_wait(struct fiber *self, const struct line_call *c)
{
    struct line_wait w = {.call = c};
    long r;
    if (c->at != CLOCK_NEVER && c->at <= clock_now())
        return -ETIMEDOUT;
    core_enter(self);
    w.turn = ++rt.line.turns;
    do {
        join(&w, self);
        r = stand(&w);
    } while (r == -E_NO_THREAD || r == -E_AGAIN || (r == -EINTR && c->restarts && signals_restarts(self)));
    if (c->gone_says != 0 && (r == -c->gone[0] || r == -c->gone[1])) {
        r = -c->gone_says;
        tell_all(&w, (int)r);
    }
    leave(&w);
    core_leave(self);
    return r;
}

void line_interrupted(struct fiber *self)
{
    struct wait *w = self->wait;
    if (likely(w == NULL) || !w->away || !w->held || self->kt->in_core)
        return;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&rt.line.waiting, __ATOMIC_RELAXED) < 2)
        return;
    core_enter(self);
    unlink_wait(w);
    core_leave(self);
}

bool line_drop_here(int fd, int error)
{
    bool inside = false;
    if (rt.line.of_fds == 0)
        return false;
    for (int i = 0; i < LINES; i++) {
        const struct list *bucket = &rt.line.bucket[i];
        for (const struct list *l = bucket->next, *next; l != NULL && l != bucket; l = next) {
            struct line_wait *w = waiter(l);
            next = l->next;
            if (w->call->fd != fd)
                continue;
            inside |= w->wait.away;
            w->dropped = error;
            wait_wake(&w->wait, -error);
        }
    }
    return inside;
}

void line_drop(struct fiber *self, int fd, int error)
{
    if (likely(__atomic_load_n(&rt.line.of_fds, __ATOMIC_RELAXED) == 0) || self == NULL)
        return;
    uint64_t until = clock_after(PATIENCE);
    kick_prepare();
    core_enter(self);
    while (line_drop_here(fd, error) && clock_now() < until) {
        struct wait w;
        wait_init(&w, self, NULL);
        wait_park(&w, clock_after(NS_PER_MS), 0, "close");
    }
    core_leave(self);
}

unsigned line_count(enum line_kind kind, uint64_t first_word, bool (*test)(const struct line_key *, long), long arg)
{
    unsigned n = 0;
    for (int i = 0; i < LINES; i++) {
        const struct list *bucket = &rt.line.bucket[i];
        for (const struct list *l = bucket->next; l != NULL && l != bucket; l = l->next) {
            const struct line_wait *w = waiter(l);
            const struct line_key *k = &w->call->key;
            n += !w->wait.away && k->kind == kind && k->word[0] == first_word && test(k, arg);
        }
    }
    return n;
}

void line_forked(void)
{
    rt.line = (struct lines){.turns = 0};
}
