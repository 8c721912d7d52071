/* Robust mutexes of a thread: what the kernel would do with libc's list of them. See tls.h. */
#include "core/rt.h"
#include "core/sys.h"

/* What the kernel does for a kernel thread: the word keeps its waiters bit, gets FUTEX_OWNER_DIED, one waiter wakes. */
void tls_drop_robust(uintptr_t fs, int owner)
{
    if (rt.tls.off_robust < 0)
        return;
    uintptr_t head = fs + (uintptr_t)rt.tls.off_robust;
    long futex_offset = *(long *)(head + sizeof(void *));
    uint32_t tid = (uint32_t)owner;
    uintptr_t next = *(uintptr_t *)head & ~1ul;
    *(uintptr_t *)head = head;
    while (next != head && next != 0) {
        uintptr_t entry = next;
        next = *(uintptr_t *)entry & ~1ul;
        *(uintptr_t *)entry = 0; /* __list.__next */
        uint32_t *word = (uint32_t *)(entry + (uintptr_t)futex_offset);
        uint32_t v = __atomic_load_n(word, __ATOMIC_RELAXED);
        while ((v & FUTEX_TID_MASK) == tid) {
            uint32_t died = (v & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
            if (!__atomic_compare_exchange_n(word, &v, died, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
                continue;
            (void)sys(SYS_futex, word, FUTEX_WAKE, 1);
            addr_wake(word, 1);
            break;
        }
    }
}

void tls_rename_robust(uintptr_t fs, int from, int to)
{
    if (rt.tls.off_robust < 0)
        return;
    uintptr_t head = fs + (uintptr_t)rt.tls.off_robust;
    long futex_offset = *(long *)(head + sizeof(void *));
    for (uintptr_t e = *(uintptr_t *)head & ~1ul; e != head && e != 0; e = *(uintptr_t *)e & ~1ul)
        tls_rename_owner((uint32_t *)(e + (uintptr_t)futex_offset), from, to);
}

void tls_rename_owner(uint32_t *word, int from, int to)
{
    uint32_t v = __atomic_load_n(word, __ATOMIC_RELAXED);
    while ((v & FUTEX_TID_MASK) == (uint32_t)from &&
           !__atomic_compare_exchange_n(word, &v, (v & ~(uint32_t)FUTEX_TID_MASK) | (uint32_t)to, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        ;
}

uintptr_t tls_robust_head(uintptr_t fs)
{
    return rt.tls.off_robust >= 0 ? fs + (uintptr_t)rt.tls.off_robust : 0;
}

void tls_register_robust(uintptr_t fs)
{
    enum { HEAD = 24 };
    if (rt.tls.off_robust >= 0)
        (void)sys(SYS_set_robust_list, tls_robust_head(fs), HEAD);
}
