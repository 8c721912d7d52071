#include "core/stacks.h"
#include "core/config.h"
#include "core/rt.h"
#include "core/sys.h"
#include "shim/real.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum { FIRST_SLOTS = 4 };
static const size_t slab_most = 1ul << 40; /* bytes of address space */

struct stack_class *stacks_class(size_t size, size_t guard)
{
    struct stacks *s = &rt.stacks;
    for (unsigned i = 0; i < s->nclasses; i++)
        if (s->classes[i].size == size && s->classes[i].guard == guard)
            return &s->classes[i];
    if (s->nclasses == STACK_CLASSES)
        return NULL;
    struct stack_class *c = &s->classes[s->nclasses++];
    *c = (struct stack_class){.size = size, .guard = guard, .slab_slots = FIRST_SLOTS};
    return c;
}

static int wants_code(struct dl_phdr_info *info, size_t size, void *found)
{
    bool executable = true; /* libc's rule for an object that does not say */
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_GNU_STACK)
            executable = (info->dlpi_phdr[i].p_flags & PF_X) != 0;
    if (info->dlpi_name != NULL && strncmp(info->dlpi_name, "linux-vdso", 10) == 0)
        executable = false;
    *(bool *)found |= executable;
    return 0;
}

void stacks_init(void)
{
    rt.stacks.protected = strcmp(real.gnu_get_libc_version(), "2.42") < 0;
    rt.stacks.executable = false;
    real.dl_iterate_phdr(wants_code, &rt.stacks.executable);
}

/* A stack that could never be used whole is refused, as the kernel refuses it to libc, which reserves what it maps. */
static bool beyond_memory(size_t size)
{
    struct sysinfo info;
    return size >= 1ul << 32 && sys(SYS_sysinfo, &info) == 0 && size / info.mem_unit > info.totalram + info.totalswap;
}

/* Each slab doubles the last, so a million fibers take some twenty mappings; where that much cannot be had (RLIMIT_AS,
 * strict overcommit), less. */
static int new_slab(struct stack_class *c)
{
    int protection = PROT_READ | PROT_WRITE | (rt.stacks.executable ? PROT_EXEC : 0);
    if (beyond_memory(c->size))
        return -ENOMEM;
    for (size_t n = c->slab_slots; n > 0; n /= 2) {
        long p =
            sys(SYS_mmap, 0, n * c->size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
        if ((unsigned long)p > -4096ul)
            continue;
        (void)sys(SYS_madvise, p, n * c->size, MADV_NOHUGEPAGE);
        c->next = (char *)p;
        c->end = c->next + n * c->size;
        c->slab_slots = n * 2 * c->size <= slab_most ? n * 2 : n;
        return 0;
    }
    return -ENOMEM;
}

static int install_guard(char *slot, size_t guard)
{
    if (guard == 0)
        return 0;
    if (feature_on(FEATURE_GUARD_INSTALL)) {
        if (sys(SYS_madvise, slot, guard, MADV_GUARD_INSTALL) == 0)
            return 0;
        feature_off(FEATURE_GUARD_INSTALL);
    }
    return (int)sys(SYS_mprotect, slot, guard, PROT_NONE);
}

char *stacks_get(struct stack_class *c)
{
    if (c->next == c->end && new_slab(c) != 0)
        return NULL;
    if (install_guard(c->next, c->guard) != 0)
        return NULL;
    char *slot = c->next;
    c->next += c->size;
    return slot;
}

bool stacks_protects(const struct fiber *f, const void *at)
{
    return rt.stacks.protected && f->class != NULL && (uintptr_t)at - (uintptr_t)f->slot < f->class->guard;
}
