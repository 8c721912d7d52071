#include "core/timer.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/rt.h"

#include <stddef.h>

enum { FIRST_ROOM = 512 };

static void place(uint32_t i, struct timer *t)
{
    rt.timers.heap[i] = t;
    t->index = i;
}

static void up(uint32_t i)
{
    struct timer *t = rt.timers.heap[i];
    for (; i > 1 && rt.timers.heap[i / 2]->at > t->at; i /= 2)
        place(i, rt.timers.heap[i / 2]);
    place(i, t);
}

static void down(uint32_t i)
{
    struct timers *s = &rt.timers;
    struct timer *t = s->heap[i];
    for (uint32_t child; (child = i * 2) <= s->count; i = child) {
        if (child < s->count && s->heap[child + 1]->at < s->heap[child]->at)
            child++;
        if (s->heap[child]->at >= t->at)
            break;
        place(i, s->heap[child]);
    }
    place(i, t);
}

/* The heap moves, and the timers are on their waiters' stacks: others do not look at them. */
static void publish(void)
{
    struct timers *s = &rt.timers;
    __atomic_store_n(&s->first, s->count == 0 ? 0 : s->heap[1]->at + 1, __ATOMIC_RELAXED);
}

bool timer_arm(struct timer *t, uint64_t at)
{
    struct timers *s = &rt.timers;
    if (s->count + 2 > s->room) {
        uint32_t room = s->room == 0 ? FIRST_ROOM : s->room * 2;
        struct timer **heap = mem_remap(s->heap, s->room * sizeof *heap, room * sizeof *heap);
        if (heap == NULL)
            return false;
        s->heap = heap;
        s->room = room;
    }
    t->at = at;
    s->heap[++s->count] = t;
    up(s->count);
    publish();
    return true;
}

void timer_disarm(struct timer *t)
{
    struct timers *s = &rt.timers;
    uint32_t i = t->index;
    if (i == 0)
        return;
    t->index = 0;
    struct timer *last = s->heap[s->count--];
    if (last != t) {
        place(i, last);
        if (i > 1 && s->heap[i / 2]->at > last->at)
            up(i);
        else
            down(i);
    }
    publish();
}

void timer_forget_all(void)
{
    rt.timers.count = 0;
    publish();
}

uint64_t timer_next(void)
{
    uint64_t first = __atomic_load_n(&rt.timers.first, __ATOMIC_RELAXED);
    return first - 1; /* of none: CLOCK_NEVER */
}

struct timer *timer_expired(uint64_t now)
{
    if (rt.timers.count == 0 || rt.timers.heap[1]->at > now)
        return NULL;
    struct timer *t = rt.timers.heap[1];
    timer_disarm(t);
    return t;
}
