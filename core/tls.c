#include "core/tls_libc.h"
#include "core/sys.h"
#include "shim/real.h"

#include <limits.h>
#include <string.h>

struct key_data {
    uintptr_t seq;
    void *data;
};

size_t tls_room(void)
{
    return rt.tls.static_size + rt.tls.align;
}

uintptr_t tls_low(uintptr_t fs)
{
    return fs - (rt.tls.static_size - rt.tls.pd_size);
}

char *tls_stack_top(uintptr_t fs)
{
    const uintptr_t page = 4096;
    uintptr_t low = tls_low(fs), used = (fs - rt.tls.used) & ~(page - 1);
    return (char *)(low >= used ? low : low & ~(page - 1));
}

static void stack_lock(void)
{
    uint32_t seen = 0;
    if (tls_libc.stack_lock == NULL)
        return;
    while (!__atomic_compare_exchange_n(tls_libc.stack_lock, &seen, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        (void)sys(SYS_sched_yield);
        seen = 0;
    }
}

static void stack_unlock(void)
{
    if (tls_libc.stack_lock != NULL && __atomic_exchange_n(tls_libc.stack_lock, 0, __ATOMIC_RELEASE) > 1)
        sys_futex_wake(tls_libc.stack_lock, 1);
}

/* Fills struct pthread from the image; the dtv that libc has just made stays. */
static void fill(uintptr_t fs, char *stack, size_t size)
{
    const struct tls *t = &rt.tls;
    char *pd = (char *)fs;
    void *dtv = *(void **)(pd + t->off_dtv);
    for (size_t i = 0; i + sizeof(uintptr_t) <= t->pd_size; i += sizeof(uintptr_t)) {
        uintptr_t w = *(const uintptr_t *)(t->image + i);
        if (w - t->image_pd < t->pd_size)
            w = w - t->image_pd + fs;
        else if ((long)i == t->off_stack)
            w = (uintptr_t)stack;
        else if ((long)i == t->off_stack_size)
            w = size;
        else if (w - t->image_stack < t->image_stack_size)
            w = 0; /* into the donor's stack: its cleanup buffer */
        *(uintptr_t *)(pd + i) = w;
    }
    *(void **)(pd + t->off_dtv) = dtv;
    *(void **)(pd + t->off_start) = NULL;
    *(int *)(pd + t->off_cancel) = 0;
    *(void **)(pd + t->off_resp) = pd + t->off_res;
    if (t->rseq_size != 0) {
        memset(pd + t->off_rseq, 0, t->rseq_size);
        ((int *)(pd + t->off_rseq))[1] = -1; /* cpu_id: not registered */
    }
    *(unsigned *)(pd + t->off_tid) = rt.tls.next_tid++;
    if (rt.tls.next_tid == FAKE_TID_END)
        rt.tls.next_tid = FAKE_TID_FIRST;
    struct chain *c = (struct chain *)(pd + t->off_list);
    stack_lock();
    c->next = tls_libc.user_stacks->next;
    c->prev = tls_libc.user_stacks;
    tls_libc.user_stacks->next->prev = c;
    tls_libc.user_stacks->next = c;
    stack_unlock();
}

uintptr_t tls_make(char *top, char *cache, char *stack, size_t size)
{
    const struct tls *t = &rt.tls;
    uintptr_t fs = ((uintptr_t)top - t->pd_size) & ~(t->align - 1);
    if (tls_libc.allocate((void *)fs) == NULL)
        return 0;
    if (cache != NULL)
        mcache_give(libc_block(fs), cache);
    fill(fs, stack, size);
    return fs;
}

bool tls_remake(uintptr_t fs, char *stack, size_t size)
{
    uintptr_t kept[MCACHE_WORDS];
    mcache_save(libc_block(fs), kept);
    tls_libc.deallocate((void *)fs, false);
    if (tls_libc.allocate((void *)fs) == NULL)
        return false;
    mcache_restore(libc_block(fs), kept);
    fill(fs, stack, size);
    return true;
}

void tls_enter(void)
{
    tls_libc.ctype_init();
}

static bool run_keys(struct key_data **blocks)
{
    bool any = false;
    for (unsigned b = 0; b < rt.tls.specific_blocks; b++) {
        unsigned in_block = rt.tls.keys / rt.tls.specific_blocks;
        for (unsigned i = 0; blocks[b] != NULL && i < in_block; i++) {
            struct key_data *d = &blocks[b][i];
            const struct key *key = &tls_libc.keys[b * in_block + i];
            void *data = d->data;
            if (data == NULL)
                continue;
            d->data = NULL;
            if (d->seq == key->seq && key->destructor != NULL) {
                any = true;
                key->destructor(data);
            }
        }
    }
    return any;
}

void tls_run_destructors(uintptr_t fs)
{
    tls_libc.call_tls_dtors();
    struct key_data **blocks = (struct key_data **)(fs + (uintptr_t)rt.tls.off_specific);
    for (int round = 0; round < PTHREAD_DESTRUCTOR_ITERATIONS && run_keys(blocks); round++)
        ;
    for (unsigned b = 1; b < rt.tls.specific_blocks; b++) {
        real.free(blocks[b]);
        blocks[b] = NULL;
    }
}

void tls_unlink(uintptr_t fs)
{
    struct chain *c = (struct chain *)(fs + (uintptr_t)rt.tls.off_list);
    stack_lock();
    c->next->prev = c->prev;
    c->prev->next = c->next;
    stack_unlock();
    tls_set_tid(fs, 0);
}

int tls_tid(uintptr_t fs)
{
    return *(int *)(fs + (uintptr_t)rt.tls.off_tid);
}

void tls_set_tid(uintptr_t fs, int tid)
{
    *(int *)(fs + (uintptr_t)rt.tls.off_tid) = tid;
}

void tls_await_end(uintptr_t fs, int tid)
{
    const void *word = (const void *)(fs + (uintptr_t)rt.tls.off_tid);
    (void)sys(SYS_futex, word, FUTEX_WAIT, tid, NULL); /* the kernel's wake is no private one */
}

void tls_set_cancelled(uintptr_t fs)
{
    __atomic_fetch_or((int *)(fs + (uintptr_t)rt.tls.off_cancel), rt.tls.cancel_bits, __ATOMIC_SEQ_CST);
}

bool tls_is_async(uintptr_t fs)
{
    return (*(volatile int *)(fs + (uintptr_t)rt.tls.off_cancel) & rt.tls.async_bits) != 0;
}
