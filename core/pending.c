#include "core/pending.h"

#include <string.h>

enum { NODES = 16384, FEW = NODES / 8 }; /* pages are taken when used; the kernel has room for about as many */

static struct pending_signal nodes[NODES];
static uint32_t first_free; /* a guess: there is none below, mostly */
static uint32_t taken;
static uint32_t ever_used; /* none above has been used */

struct pending_signal *pending_take(int sig, const siginfo_t *info, struct fiber *target)
{
    uint32_t from = __atomic_load_n(&first_free, __ATOMIC_RELAXED);
    for (uint32_t n = 0; n < NODES; n++) {
        uint32_t i = (from + n) % NODES, top = __atomic_load_n(&ever_used, __ATOMIC_RELAXED);
        struct pending_signal *p = &nodes[i];
        if (__atomic_load_n(&p->used, __ATOMIC_RELAXED) || __atomic_exchange_n(&p->used, true, __ATOMIC_ACQUIRE))
            continue;
        __atomic_store_n(&first_free, (i + 1) % NODES, __ATOMIC_RELAXED);
        while (top <= i &&
               !__atomic_compare_exchange_n(&ever_used, &top, i + 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            ;
        __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED);
        p->sig = sig;
        p->info = *info;
        p->target = target;
        p->late = false;
        p->next = NULL;
        return p;
    }
    return NULL;
}

void pending_put(struct pending_signal *p)
{
    uint32_t i = (uint32_t)(p - nodes);
    __atomic_fetch_sub(&taken, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&p->used, false, __ATOMIC_RELEASE);
    if (i < __atomic_load_n(&first_free, __ATOMIC_RELAXED))
        __atomic_store_n(&first_free, i, __ATOMIC_RELAXED);
}

void pending_init(void)
{
    memset(nodes, 0, ever_used * sizeof *nodes);
    first_free = ever_used = taken = 0;
}

bool pending_any(void)
{
    return __atomic_load_n(&taken, __ATOMIC_RELAXED) != 0;
}

bool pending_scarce(void)
{
    return __atomic_load_n(&taken, __ATOMIC_RELAXED) > NODES - FEW;
}
