#include "shim/elf.h"
#include "core/sys.h"

#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

enum { HIDDEN = 0x8000, MOST = 512, GLIBC_2_2_5 = 0x09691a75 /* the version's hash */ };

struct object {
    uintptr_t base;
    const ElfW(Sym) * symbols;
    const char *strings;
    const uint16_t *versions;
    const ElfW(Verdef) * definitions;
    const uint64_t *bloom;
    const uint32_t *buckets, *chains;
    uint32_t nbuckets, bloom_mask, bloom_shift, first;
};

/* One name that is looked for. */
struct wanted {
    const char *name;
    uint32_t hash;
    unsigned index; /* in `found` */
};

extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

static const void *table(const struct link_map *map, uintptr_t p)
{
    return (const void *)(p < map->l_addr ? p + map->l_addr : p); /* a read-only dynamic section is not relocated */
}

/* False: it has no GNU hash table. */
static bool object_read(struct object *o, const struct link_map *map)
{
    const uint32_t *hash = NULL;
    *o = (struct object){.base = map->l_addr};
    for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_SYMTAB)
            o->symbols = table(map, d->d_un.d_ptr);
        else if (d->d_tag == DT_STRTAB)
            o->strings = table(map, d->d_un.d_ptr);
        else if (d->d_tag == DT_VERSYM)
            o->versions = table(map, d->d_un.d_ptr);
        else if (d->d_tag == DT_VERDEF)
            o->definitions = table(map, d->d_un.d_ptr);
        else if (d->d_tag == DT_GNU_HASH)
            hash = table(map, d->d_un.d_ptr);
    }
    if (hash == NULL || o->symbols == NULL || o->strings == NULL)
        return false;
    o->nbuckets = hash[0];
    o->first = hash[1];
    o->bloom_mask = hash[2] - 1;
    o->bloom_shift = hash[3];
    o->bloom = (const uint64_t *)(hash + 4);
    o->buckets = (const uint32_t *)(o->bloom + hash[2]);
    o->chains = o->buckets + o->nbuckets;
    return true;
}

static inline bool perhaps(const struct object *o, uint32_t h)
{
    uint64_t word = o->bloom[h / 64 & o->bloom_mask];
    return (word >> (h % 64) & word >> ((h >> o->bloom_shift) % 64) & 1) != 0;
}

/* Is the version, by its index, the one of the oldest binaries? */
static bool oldest(const struct object *o, unsigned index)
{
    const ElfW(Verdef) *d = o->definitions;
    while (d != NULL && d->vd_ndx != index)
        d = d->vd_next == 0 ? NULL : (const ElfW(Verdef) *)((const char *)d + d->vd_next);
    return d != NULL && d->vd_hash == GLIBC_2_2_5;
}

static void *address(const struct object *o, const ElfW(Sym) * s)
{
    uintptr_t p = o->base + s->st_value;
    if (ELF64_ST_TYPE(s->st_info) == STT_GNU_IFUNC)
        p = ((uintptr_t(*)(void))p)();
    return (void *)p;
}

/* The default version; *old gets the oldest one where that is hidden. */
static void *object_find(const struct object *o, const struct wanted *w, void **old)
{
    uint32_t i = o->nbuckets == 0 ? 0 : o->buckets[w->hash % o->nbuckets];
    if (i < o->first || i == 0)
        return NULL;
    for (;; i++) {
        uint32_t h = o->chains[i - o->first];
        const ElfW(Sym) *s = &o->symbols[i];
        if (((h ^ w->hash) & ~1u) == 0 && s->st_shndx != SHN_UNDEF && s->st_value != 0 &&
            ELF64_ST_TYPE(s->st_info) != STT_TLS && strcmp(o->strings + s->st_name, w->name) == 0) {
            unsigned version = o->versions == NULL ? 0 : o->versions[i];
            if ((version & HIDDEN) == 0)
                return address(o, s);
            if (*old == NULL && oldest(o, version & ~(unsigned)HIDDEN))
                *old = address(o, s);
        }
        if ((h & 1) != 0)
            return NULL;
    }
}

/* Ours, and with it the objects behind it; NULL: not among the program's own objects. */
static const struct link_map *own_map(void)
{
    const struct link_map *map = _r_debug.r_map;
    while (map != NULL && map->l_ld != _DYNAMIC)
        map = map->l_next;
    return map;
}

static void hash_all(struct wanted *w, const char *names, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint32_t h = 5381;
        w[i] = (struct wanted){.name = names, .index = i};
        for (unsigned char c; (c = (unsigned char)*names++) != '\0';)
            h = h * 33 + c;
        w[i].hash = h;
    }
}

_Bool elf_find(const char *names, unsigned n, void **found)
{
    struct wanted wanted[MOST];
    void *old[MOST];
    const struct link_map *map = own_map();
    uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
    memset(found, 0, n * sizeof *found);
    if (map == NULL || n > MOST)
        return false;
    memset(old, 0, n * sizeof *old);
    hash_all(wanted, names, n);
    unsigned left = n;
    bool all = true;
    while (left > 0 && (map = map->l_next) != NULL) {
        struct object o;
        if (map->l_addr == vdso && vdso != 0) /* no part of the search order */
            continue;
        if (!object_read(&o, map)) {
            all = false;
            break;
        }
        unsigned kept = 0;
        for (unsigned i = 0; i < left; i++) {
            unsigned at = wanted[i].index;
            if (perhaps(&o, wanted[i].hash))
                found[at] = object_find(&o, &wanted[i], &old[at]);
            if (found[at] == NULL)
                wanted[kept++] = wanted[i];
        }
        left = kept;
    }
    for (unsigned i = 0; all && i < left; i++)
        found[wanted[i].index] = old[wanted[i].index];
    return all;
}
