/* The shim's own memory: mappings, never malloc (a fiber may park inside a signal handler that interrupted malloc). */
#ifndef COAX_MEM_H
#define COAX_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed memory or NULL. Pages are taken when touched. */
void *mem_map(size_t size);
void mem_unmap(void *p, size_t size);
/* Grows or shrinks a mapping, contents kept; NULL: as it was. p may be NULL. */
void *mem_remap(void *p, size_t old_size, size_t new_size);
/* The address lies in a shared mapping: another process may wait on it, or own it. Reads the process's map (slow). */
bool mem_shared(const void *p);
/* The n bytes at p, at least one, can be read: asked from the kernel, no fault. */
bool mem_readable(const void *p, size_t n);
/* Likewise for writing; what was there is lost. */
bool mem_writable(void *p, size_t n);
/* realloc for libev: its few arrays, a mapping each. */
void *mem_realloc(void *p, long size);

#endif
