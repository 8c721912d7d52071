#include "core/mcache.h"
#include "core/mem.h"
#include "core/rt.h"
#include "shim/real.h"

#include <string.h>

enum { WORD = sizeof(uintptr_t), LEAST = 256, MOST = 2048 };

static uintptr_t word_at(const char *block, long offset)
{
    return *(const uintptr_t *)(block + offset);
}

static bool all_zero(uintptr_t p, size_t size)
{
    for (size_t i = 0; i < size; i += WORD)
        if (*(uintptr_t *)(p + i) != 0)
            return false;
    return true;
}

/* The size that may be used of a chunk of the heap which is still zeros but for the last word, where heap of a former
 * owner may lie; 0: it is none. */
static size_t fresh_chunk(uintptr_t p)
{
    if (p % 16 != 0 || !mem_readable((void *)(p - 2 * WORD), 2 * WORD))
        return 0;
    size_t usable = (*(size_t *)(p - WORD) & ~7ul) - WORD;
    if (usable < LEAST || usable > MOST || !mem_readable((void *)p, usable))
        return 0;
    return all_zero(p, usable - WORD) ? usable : 0;
}

/* One word of it is what was freed, and one has counted that. */
static bool took(uintptr_t cache, size_t size, uintptr_t freed)
{
    unsigned words = 0;
    bool found = false;
    for (size_t i = 0; i + WORD < size; i += WORD) {
        uintptr_t w = *(uintptr_t *)(cache + i);
        words += w != 0;
        found |= w == freed;
    }
    return found && words == 2;
}

bool mcache_study(char *block, size_t size)
{
    struct mcache *m = &rt.tls.cache;
    uintptr_t before[MCACHE_STUDIED / WORD];
    size_t fresh = 0;
    memcpy(before, block, size);
    void *volatile p = real.malloc(24);
    for (size_t i = 0; i + WORD <= size; i += WORD) {
        uintptr_t w = word_at(block, (long)i);
        size_t usable = w != before[i / WORD] ? fresh_chunk(w) : 0;
        if (usable != 0) {
            m->at = (long)i;
            fresh = usable;
        }
    }
    uintptr_t freed = (uintptr_t)p;
    real.free(p);
    for (size_t i = 0; i + WORD <= size; i += WORD) {
        if (word_at(block, (long)i) == before[i / WORD])
            continue;
        if (m->nwords == MCACHE_WORDS)
            return false;
        m->words[m->nwords++] = (long)i;
    }
    if (fresh != 0 && took(word_at(block, m->at), fresh, freed))
        m->size = fresh;
    return true;
}

void mcache_give(char *block, char *memory)
{
    if (rt.tls.cache.size != 0)
        *(char **)(block + rt.tls.cache.at) = memory;
}

void mcache_save(const char *block, uintptr_t kept[MCACHE_WORDS])
{
    const struct mcache *m = &rt.tls.cache;
    for (unsigned i = 0; i < m->nwords; i++)
        kept[i] = word_at(block, m->words[i]);
}

void mcache_restore(char *block, const uintptr_t kept[MCACHE_WORDS])
{
    const struct mcache *m = &rt.tls.cache;
    for (unsigned i = 0; i < m->nwords; i++)
        *(uintptr_t *)(block + m->words[i]) = kept[i];
}
