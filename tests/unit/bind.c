/* The walk over the symbol tables finds what dlsym finds. */
#include "shim/elf.h"
#include "tests/unit/unit.h"

#include <dlfcn.h>

static const char names[] =
#define HOOK(name) #name "\0"
#define HOOK_AS(name, like) #name "\0"
#define HOOK_VERSION(function, name, version)
#define HOOK_DEFAULT(name, version)
#include "shim/hooks.def"
    /* IFUNCs, data, names of no object, and what is only in the loader */
    "time\0strlen\0memcpy\0environ\0_r_debug\0__tls_get_addr\0coax_no_such_name\0x\0";

static void *by_dlsym(const char *name)
{
    void *p = dlsym(RTLD_NEXT, name);
    return p != NULL ? p : dlvsym(RTLD_NEXT, name, "GLIBC_2.2.5");
}

static void same_as_dlsym(void)
{
    void *found[512];
    unsigned n = 0, there = 0;
    for (const char *name = names; *name != '\0'; name += strlen(name) + 1)
        n++;
    CHECK(n <= countof(found));
    CHECK(elf_find(names, n, found));
    const char *name = names;
    for (unsigned i = 0; i < n; i++, name += strlen(name) + 1) {
        if (found[i] != by_dlsym(name))
            fprintf(stderr, "%s\n", name);
        CHECK_EQ(found[i], by_dlsym(name));
        there += found[i] != NULL;
    }
    CHECK(there > n * 3 / 4);
    unit_ok("bind: the same addresses as dlsym");
}

static void too_many(void)
{
    static char many[2000];
    static void *found[1000];
    for (unsigned i = 0; i < sizeof many; i += 2)
        many[i] = 'x';
    CHECK(!elf_find(many, countof(found), found));
    unit_ok("bind: more names than fit are left to dlsym");
}

int main(void)
{
    unit_start();
    same_as_dlsym();
    too_many();
    return 0;
}
