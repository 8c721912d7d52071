#include "shim/elf.h"
#include "core/sys.h"
#include "shim/real.h"

#include <link.h>
#include <string.h>
#include <sys/auxv.h>

enum { HIDDEN = 0x8000, MOST = 1024, GLIBC_2_2_5 = 0x09691a75 /* the version's hash */ };

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

extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

/* Weak, or the loader would be a library that we name as needed: it would come early in the order in which all symbols
 * of the program are looked up, and each look-up would ask it first. */
extern __typeof__(_r_debug) _r_debug __attribute__((weak));

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

/* By its filter: may the object have the name? */
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

/* The default version, else the oldest one; NULL: neither. */
static void *object_find(const struct object *o, uint32_t hash, const char *name)
{
    uint32_t i = o->nbuckets == 0 ? 0 : o->buckets[hash % o->nbuckets];
    void *old = NULL;
    if (i < o->first || i == 0)
        return NULL;
    for (;; i++) {
        uint32_t h = o->chains[i - o->first];
        const ElfW(Sym) *s = &o->symbols[i];
        if (((h ^ hash) & ~1u) == 0 && s->st_shndx != SHN_UNDEF && s->st_value != 0 &&
            ELF64_ST_TYPE(s->st_info) != STT_TLS && strcmp(o->strings + s->st_name, name) == 0) {
            unsigned version = o->versions == NULL ? 0 : o->versions[i];
            if ((version & HIDDEN) == 0)
                return address(o, s);
            if (oldest(o, version & ~(unsigned)HIDDEN))
                old = address(o, s);
        }
        if ((h & 1) != 0)
            return old;
    }
}

/* Ours, and with it the objects behind it; NULL: not among the program's own objects. */
static const struct link_map *own_map(void)
{
    const struct link_map *map = &_r_debug == NULL ? NULL : _r_debug.r_map;
    while (map != NULL && map->l_ld != _DYNAMIC)
        map = map->l_next;
    return map;
}

/* Of the missing names, by index, those that the object has are found; how many are still missing. */
static unsigned object_search(const struct object *o, const struct elf_name *names, const char *block,
                              uint16_t *missing, unsigned left, void **found)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < left; i++) {
        unsigned at = missing[i];
        void *p = perhaps(o, names[at].hash) ? object_find(o, names[at].hash, block + names[at].at) : NULL;
        if (p != NULL)
            found[at] = p;
        else
            missing[kept++] = (uint16_t)at;
    }
    return kept;
}

bool elf_find(const struct elf_name *names, const char *block, unsigned n, void **found)
{
    uint16_t missing[MOST];
    const struct link_map *map = own_map();
    uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
    memset(found, 0, n * sizeof *found);
    if (map == NULL || n > MOST)
        return false;
    for (unsigned i = 0; i < n; i++)
        missing[i] = (uint16_t)i;
    for (unsigned left = n; left > 0 && (map = map->l_next) != NULL;) {
        struct object o;
        if (map->l_addr == vdso && vdso != 0) /* no part of the search order */
            continue;
        if (!object_read(&o, map))
            return false;
        left = object_search(&o, names, block, missing, left, found);
    }
    return true;
}

bool elf_find_one(uint32_t hash, const char *name, void **found)
{
    const struct link_map *map = own_map();
    uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
    *found = NULL;
    if (map == NULL)
        return false;
    while (*found == NULL && (map = map->l_next) != NULL) {
        struct object o;
        if (map->l_addr == vdso && vdso != 0)
            continue;
        if (!object_read(&o, map))
            return false;
        if (perhaps(&o, hash))
            *found = object_find(&o, hash, name);
    }
    return true;
}

/* ---- who asks for a function: it is named by a relocation ---- */

struct relocations {
    const ElfW(Rela) * first;
    size_t size; /* in bytes */
};

static bool names(const struct relocations *r, const ElfW(Sym) * symbols, const char *strings, const char *name)
{
    for (size_t i = 0; r->first != NULL && i < r->size / sizeof *r->first; i++) {
        const ElfW(Sym) *s = &symbols[ELF64_R_SYM(r->first[i].r_info)];
        if (s != symbols && s->st_shndx == SHN_UNDEF && strcmp(strings + s->st_name, name) == 0)
            return true;
    }
    return false;
}

static bool object_imports(const struct link_map *map, const char *name)
{
    struct relocations calls = {.first = NULL}, others = {.first = NULL};
    const ElfW(Sym) *symbols = NULL;
    const char *strings = NULL;
    for (const ElfW(Dyn) *d = map->l_ld; d != NULL && d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_SYMTAB)
            symbols = table(map, d->d_un.d_ptr);
        else if (d->d_tag == DT_STRTAB)
            strings = table(map, d->d_un.d_ptr);
        else if (d->d_tag == DT_JMPREL)
            calls.first = table(map, d->d_un.d_ptr);
        else if (d->d_tag == DT_PLTRELSZ)
            calls.size = d->d_un.d_val;
        else if (d->d_tag == DT_RELA)
            others.first = table(map, d->d_un.d_ptr);
        else if (d->d_tag == DT_RELASZ)
            others.size = d->d_un.d_val;
    }
    return symbols != NULL && strings != NULL &&
           (names(&calls, symbols, strings, name) || names(&others, symbols, strings, name));
}

struct look {
    struct elf_import *import;
    bool begun, found;
};

/* The loader lets one thread look at a time. */
static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    struct look *l = arg;
    unsigned long changes = info->dlpi_adds + info->dlpi_subs;
    if (!l->begun && l->import->changes == changes) {
        l->found = l->import->found;
        return 1;
    }
    l->begun = true;
    struct link_map map = {.l_addr = info->dlpi_addr};
    for (int i = 0; i < info->dlpi_phnum && info->dlpi_addr != getauxval(AT_SYSINFO_EHDR); i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            map.l_ld = (ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    l->found |= object_imports(&map, l->import->name);
    l->import->found = l->found;
    l->import->changes = changes;
    return 0;
}

bool elf_imports(struct elf_import *import)
{
    struct look l = {.import = import};
    real.dl_iterate_phdr(look, &l);
    return l.found;
}
