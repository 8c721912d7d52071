/* The walk over the symbol tables finds what dlsym finds. */
#include "shim/elf.h"
#include "tests/unit/unit.h"

#include <dlfcn.h>

/* Besides the hooks: IFUNCs, data, a name of no object, and what is only in the loader. */
#define OTHERS(ONE)                                                                                                    \
    ONE(time) ONE(strlen) ONE(memcpy) ONE(environ) ONE(_r_debug) ONE(__tls_get_addr) ONE(coax_no_such_name) ONE(x)

static const struct block {
#define HOOK(name) char name[sizeof #name];
#define HOOK_AS(name, like) HOOK(name)
#define HOOK_VERSION(function, name, version)
#define HOOK_DEFAULT(name, version)
#include "shim/hooks.def"
    OTHERS(HOOK)
#undef HOOK
} block = {
#define HOOK(name) #name,
#include "shim/hooks.def"
    OTHERS(HOOK)
#undef HOOK
};

static const struct elf_name names[] = {
#define HOOK(name) {ELF_HASH(#name), offsetof(struct block, name)},
#include "shim/hooks.def"
    OTHERS(HOOK)
#undef HOOK
};

static void *by_dlsym(const char *name)
{
    void *p = dlsym(RTLD_NEXT, name);
    return p != NULL ? p : dlvsym(RTLD_NEXT, name, "GLIBC_2.2.5");
}

static void same_as_dlsym(void)
{
    enum { N = countof(names) };
    void *found[N];
    unsigned there = 0;
    CHECK(elf_find(names, (const char *)&block, N, found));
    for (unsigned i = 0; i < N; i++) {
        const char *name = (const char *)&block + names[i].at;
        if (found[i] != by_dlsym(name))
            fprintf(stderr, "%s\n", name);
        CHECK_EQ(found[i], by_dlsym(name));
        there += found[i] != NULL;
    }
    CHECK(there > N * 3 / 4);
    unit_ok("bind: the same addresses as dlsym");
}

static void too_many(void)
{
    static struct elf_name many[2000];
    static void *found[2000];
    CHECK(!elf_find(many, "x", countof(found), found));
    unit_ok("bind: more names than fit are left to dlsym");
}

int main(void)
{
    unit_start();
    same_as_dlsym();
    too_many();
    return 0;
}
