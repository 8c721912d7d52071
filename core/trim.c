#include "core/trim.h"
#include "core/enter.h"

#include <sys/mman.h>

enum { PAGE = 4096, STEP_MS = 5, ROUND_MS = 1000, FEW = 64, MANY = 512 };

/* Waits, for an event or for its turn, and has run before. Who runs the loop waits, too, but stands on its stack. */
static bool away_from_stack(const struct fiber *f)
{
    return (f->state == FIBER_PARKED || f->state == FIBER_READY) && f->kt != NULL && f->kt->running != f;
}

static void trim_fiber(struct fiber *f)
{
    uintptr_t sp = (uintptr_t)f->sp, low = (uintptr_t)f->slot + (f->class != NULL ? f->class->guard : 0);
    if (!away_from_stack(f) || f->trimmed || f->jumped || f->class == NULL || sp < low || sp > f->fs)
        return;
    f->trimmed = true;
    uintptr_t high = sp & ~(uintptr_t)(PAGE - 1);
    if (high > low)
        (void)sys(SYS_madvise, low, high - low, MADV_DONTNEED);
}

void trim_step(bool idle)
{
    struct trim *t = &rt.trim;
    if (rt.config.keep_stacks || (t->at == NULL && rt.sched.switches == t->switches))
        return;
    uint64_t now = clock_now();
    if (now < t->next)
        return;
    if (t->at == NULL) {
        t->at = rt.fibers.all.next;
        t->switches = rt.sched.switches;
    }
    for (int n = idle ? MANY : FEW; n > 0 && t->at != &rt.fibers.all; n--) {
        struct fiber *f = container_of(t->at, struct fiber, all);
        t->at = t->at->next;
        trim_fiber(f);
    }
    if (t->at == &rt.fibers.all)
        t->at = NULL;
    t->next = now + (t->at == NULL ? ROUND_MS : STEP_MS) * NS_PER_MS;
}

uint64_t trim_next(void)
{
    const struct trim *t = &rt.trim;
    return rt.config.keep_stacks || (t->at == NULL && rt.sched.switches == t->switches) ? CLOCK_NEVER : t->next;
}

void trim_forget(const struct fiber *f)
{
    if (rt.trim.at == &f->all)
        rt.trim.at = f->all.next;
}
