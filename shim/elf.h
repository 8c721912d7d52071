/* Symbols of the objects behind the shim in the search order, read from their tables: as dlsym(RTLD_NEXT) finds them,
 * for many names in one walk, at a fraction of the instructions. No lock, no memory, no thread-local storage. */
#ifndef COAX_ELF_H
#define COAX_ELF_H

/* Fills `found` with the addresses of n names, which follow each other in `names`, each with its zero. Default versions
 * come first, as dlsym has it; then GLIBC_2.2.5 for names that only old binaries may ask for. NULL: nowhere, or not
 * decided here. False: an object without a GNU hash table was met while names were missing; these are for dlsym. */
_Bool elf_find(const char *names, unsigned n, void **found);

#endif
