#include "shim/real.h"
#include "shim/elf.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct real real;
extern char real_unknown[] __attribute__((visibility("hidden"))); /* real_jump.S */
unsigned real_gate = REAL_UNBOUND;

static long missing(void)
{
    errno = ENOSYS;
    return -1;
}

/* Every name of struct real, in its order. */
static const struct block {
#define HOOK(name) char name[sizeof #name];
#define HOOK_AS(name, like) HOOK(name)
#define HOOK_VERSION(function, name, version)
#define HOOK_DEFAULT(name, version)
#define USE(name) HOOK(name)
#include "shim/hooks.def"
    REAL_USES(USE)
#undef HOOK
} block = {
#define HOOK(name) #name,
#include "shim/hooks.def"
    REAL_USES(USE)
#undef HOOK
};

static const struct elf_name names[] = {
#define HOOK(name) {ELF_HASH(#name), offsetof(struct block, name)},
#include "shim/hooks.def"
    REAL_USES(USE)
#undef HOOK
#undef HOOK_AS
#undef HOOK_VERSION
#undef HOOK_DEFAULT
#undef USE
};

enum { NAMES = sizeof(struct real) / sizeof(void *) };

/* RTLD_NEXT: other preloads behind us keep their say. */
void *real_next(const char *name)
{
    void *p = dlsym(RTLD_NEXT, name);
    if (p == NULL)
        p = dlvsym(RTLD_NEXT, name, "GLIBC_2.2.5"); /* names that only old binaries may ask for */
    return p != NULL ? p : (void *)missing;
}

void *real_symbol(const char *name)
{
    return dlsym(RTLD_DEFAULT, name);
}

static void *next_version(const char *name, const char *version)
{
    void *p = dlvsym(RTLD_NEXT, name, version);
    return p != NULL ? p : (void *)missing;
}

const struct real_old *real_old(void)
{
    static struct real_old old;
    static bool bound;
    if (__atomic_load_n(&bound, __ATOMIC_ACQUIRE))
        return &old;
    int saved = errno;
#define HOOK(name)
#define HOOK_AS(name, like)
#define HOOK_VERSION(function, name, version) *(void **)&old.function = next_version(#name, version);
#define HOOK_DEFAULT(name, version)
#include "shim/hooks.def"
#undef HOOK
#undef HOOK_AS
#undef HOOK_VERSION
#undef HOOK_DEFAULT
    __atomic_store_n(&bound, true, __ATOMIC_RELEASE);
    errno = saved;
    return &old;
}

/* The table is read and written without a lock: who is late writes the same. */
static void **slot(unsigned i)
{
    return (void **)&real + i;
}

static void *find(unsigned i)
{
    const char *name = (const char *)&block + names[i].at;
    void *p = NULL;
    if (!elf_find_one(names[i].hash, name, &p))
        p = real_next(name);
    return p != NULL ? p : (void *)missing;
}

/* From real_jump.S, which does not come back here: errno stays. */
void *real_late(unsigned i)
{
    int saved = errno;
    void *p = find(i);
    __atomic_store_n(slot(i), p, __ATOMIC_RELAXED);
    errno = saved;
    return p;
}

static bool is_bound(const void *p)
{
    return (uintptr_t)p - (uintptr_t)real_unknown >= 16ul * NAMES;
}

void real_bind_all(void)
{
    int saved = errno;
    void *found[NAMES];
    bool all = elf_find(names, (const char *)&block, NAMES, found);
    for (unsigned i = 0; i < NAMES; i++) {
        if (found[i] == NULL && !all)
            found[i] = real_next((const char *)&block + names[i].at);
        if (found[i] == NULL)
            found[i] = (void *)missing;
        if (!is_bound(*slot(i)))
            __atomic_store_n(slot(i), found[i], __ATOMIC_RELAXED);
    }
    errno = saved;
}

/* Most programs call few of them. A name is looked up at its first call, which may be in a handler: where the symbol
 * tables do not tell, all are asked of the loader now. */
void real_bind(void)
{
    enum { PROBE = REAL_PLACE(malloc) };
    static_assert(NAMES <= 720, "real_jump.S has too few");
    for (unsigned i = 0; i < NAMES; i++)
        *slot(i) = (char *)real_unknown + 16ul * i;
    void *p;
    if (!elf_find_one(names[PROBE].hash, "malloc", &p))
        real_bind_all();
    real_gate_set(REAL_UNBOUND, false);
}
