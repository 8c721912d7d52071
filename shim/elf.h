/* Symbols of the objects behind the shim in the search order, read from their tables: as dlsym(RTLD_NEXT) finds them,
 * for many names in one walk, at a fraction of the instructions. No lock, no memory, no thread-local storage. */
#ifndef COAX_ELF_H
#define COAX_ELF_H

#include <stdbool.h>
#include <stdint.h>

/* One name: its hash, known when the shim is built, and where it stands in a block of names. */
struct elf_name {
    uint32_t hash;
    uint16_t at;
};

/* The hash of DT_GNU_HASH, h = h * 33 + c from 5381, as a constant: each character times its power of 33. */
#define ELF_POWER(k)                                                                                                   \
    ((((k)&1) != 0 ? 0x21u : 1u) * (((k)&2) != 0 ? 0x441u : 1u) * (((k)&4) != 0 ? 0x121881u : 1u) *                    \
     (((k)&8) != 0 ? 0x747c7101u : 1u) * (((k)&16) != 0 ? 0x92d9e201u : 1u))
#define ELF_CHAR(s, i)                                                                                                 \
    (sizeof(s) - 1 > (i)                                                                                               \
         ? (uint32_t)(unsigned char)(s)[sizeof(s) - 1 > (i) ? (i) : 0] * ELF_POWER(sizeof(s) - 2 - (i))                \
         : 0u)
#define ELF_FOUR(s, i) (ELF_CHAR(s, i) + ELF_CHAR(s, i + 1) + ELF_CHAR(s, i + 2) + ELF_CHAR(s, i + 3))
#define ELF_HASH(s) /* at most 31 characters */                                                                        \
    (5381u * ELF_POWER(sizeof(s) - 1) + ELF_FOUR(s, 0) + ELF_FOUR(s, 4) + ELF_FOUR(s, 8) + ELF_FOUR(s, 12) +           \
     ELF_FOUR(s, 16) + ELF_FOUR(s, 20) + ELF_FOUR(s, 24) + ELF_FOUR(s, 28))

/* Fills `found` with the addresses of n names of a block. Of each object the default version, as dlsym has it, or
 * GLIBC_2.2.5 of names that only old binaries may ask for. NULL: nowhere, or not decided here. False: not all is
 * decided, since there are too many names, or an object without a GNU hash table was met while some were missing. */
bool elf_find(const struct elf_name *names, const char *block, unsigned n, void **found);
/* One name, with little stack. */
bool elf_find_one(uint32_t hash, const char *name, void **found);

/* Does an object that is loaded now ask for the function, to call it or to have its address? Looks again only after
 * something was loaded or unloaded. Takes a lock of the loader's: not in a signal handler. */
struct elf_import {
    const char *name;
    unsigned long changes;
    bool found;
};
bool elf_imports(struct elf_import *import);

#endif
