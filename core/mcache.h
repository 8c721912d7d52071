/* malloc's per-thread cache. libc makes one of some 650 bytes when a thread first allocates, keeps its address and that
 * of the thread's arena in its own TLS, and frees it when a kernel thread ends.
 *
 * A fiber does not end as libc knows it: its cache stays for the next one in the same slot. And it need not be on the
 * heap: the page of the thread block has room for it. What libc makes is studied in the donor (see tls.h): a cache that
 * begins as zeros is given to a new fiber as zeros; one that looks otherwise is left to libc. */
#ifndef COAX_MCACHE_H
#define COAX_MCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MCACHE_WORDS = 8, MCACHE_STUDIED = 1024 /* bytes of libc's TLS at the most */ };

struct mcache {
    long words[MCACHE_WORDS]; /* offsets in libc's TLS of what malloc keeps there */
    unsigned nwords;
    long at;     /* offset of the word that holds the cache's address */
    size_t size; /* of the cache; 0: libc makes it */
};

/* In a thread that has never allocated; `block` is libc's TLS. False: malloc keeps more there than is known of. */
bool mcache_study(char *block, size_t size);
/* Lays the cache of a new fiber at `memory`: rt.tls.cache.size bytes of zeros. */
void mcache_give(char *block, char *memory);
/* Around the remaking of a block. */
void mcache_save(const char *block, uintptr_t kept[MCACHE_WORDS]);
void mcache_restore(char *block, const uintptr_t kept[MCACHE_WORDS]);

#endif
