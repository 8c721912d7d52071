#include "core/mem.h"
#include "core/sys.h"

#include <stdbool.h>
#include <sys/mman.h>

static bool failed(long p)
{
    return (unsigned long)p > -4096ul;
}

void *mem_map(size_t size)
{
    long p = sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return failed(p) ? NULL : (void *)p;
}

void mem_unmap(void *p, size_t size)
{
    if (p != NULL)
        (void)sys(SYS_munmap, p, size);
}

void *mem_remap(void *p, size_t old_size, size_t new_size)
{
    if (p == NULL)
        return mem_map(new_size);
    long q = sys(SYS_mremap, p, old_size, new_size, MREMAP_MAYMOVE);
    return failed(q) ? NULL : (void *)q;
}

void *mem_realloc(void *p, long size)
{
    enum { HEAD = 64 };
    size_t *head = p == NULL ? NULL : (size_t *)((char *)p - HEAD);
    size_t had = head == NULL ? 0 : *head;
    if (size == 0) {
        mem_unmap(head, had);
        return NULL;
    }
    size_t need = ((size_t)size + HEAD + 4095) & ~4095ul;
    if (need != had)
        head = mem_remap(head, had, need);
    if (head == NULL)
        return NULL;
    *head = need;
    return (char *)head + HEAD;
}
