#include "shim/real.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

struct real real;
int real_bound;

static long missing(void)
{
    errno = ENOSYS;
    return -1;
}

/* RTLD_NEXT: other preloads behind us keep their say. */
static void *next(const char *name)
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

void real_bind(void)
{
    int saved = errno;
#define HOOK(name) *(void **)&real.name = next(#name);
#define HOOK_AS(name, like) *(void **)&real.name = next(#name);
#include "shim/hooks.def"
#undef HOOK
#undef HOOK_AS
#define USE(name) *(void **)&real.name = next(#name);
    REAL_USES(USE)
#undef USE
    __atomic_store_n(&real_bound, 1, __ATOMIC_RELEASE);
    errno = saved;
}
