/* Memory for fibers: slots of equal size cut from slabs, one class for each size that the program asks for.
 * A slot is [guard][stack][TLS, struct pthread][struct fiber]. A slot is never given back: an ended fiber stays in it,
 * on its class's free list, and is used again (libc cannot free a thread's malloc cache). Under the baton. */
#ifndef COAX_STACKS_H
#define COAX_STACKS_H

#include <stdbool.h>
#include <stddef.h>

enum { STACK_CLASSES = 64 };

struct fiber;

struct stack_class {
    size_t size, guard;    /* of a slot; of the guard at its low end */
    char *next, *end;      /* what is left of the newest slab */
    size_t slab_slots;     /* of the next slab */
    struct fiber *free;    /* ended fibers, newest first */
    unsigned nfree, nkept; /* how many; how many of them keep their stack pages */
};

struct stacks {
    struct stack_class classes[STACK_CLASSES];
    unsigned nclasses;
    bool protected;  /* libc's guards are pages without rights, not pages that are none */
    bool executable; /* as libc's: some object has code on its stack (nested functions), or does not say it has none */
};

/* Looks at the objects that are loaded. Outside the core: libc's lock may be held. */
void stacks_init(void);

/* The class of that size and guard (multiples of a page), made if need be; NULL: too many classes. */
struct stack_class *stacks_class(size_t size, size_t guard);
/* A fault at this address is in the fiber's guard, and bare it would be one of rights (SEGV_ACCERR). */
bool stacks_protects(const struct fiber *f, const void *at);
/* A fresh slot with its guard in place, or NULL: memory or a limit ended it. */
char *stacks_get(struct stack_class *c);

#endif
