#include "core/key.h"
#include "core/fiber.h"
#include "core/scope.h"
#include "shim/real.h"

#include <errno.h>

enum { KEYS = 1024 };

struct binding {
    struct binding *outer;
    unsigned users;
    int key;
    void *value;
};

static struct {
    unsigned count;
    void (*free_value[KEYS])(void *);
} keys;

int key_create(void (*free_value)(void *))
{
    unsigned key = __atomic_load_n(&keys.count, __ATOMIC_RELAXED);
    do
        if (key == KEYS)
            return -EAGAIN;
    while (!__atomic_compare_exchange_n(&keys.count, &key, key + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    keys.free_value[key] = free_value;
    return (int)key;
}

bool key_known(int key)
{
    return key >= 0 && (unsigned)key < __atomic_load_n(&keys.count, __ATOMIC_SEQ_CST);
}

void *key_get(const struct fiber *self, int key)
{
    for (const struct binding *b = self->values; b != NULL; b = b->outer)
        if (b->key == key)
            return b->value;
    return NULL;
}

void key_set(struct fiber *self, struct binding *values)
{
    self->values = values;
    self->bound = values != NULL;
}

int key_bind(struct scope *s, struct fiber *self, int key, void *value)
{
    struct binding *b = real.malloc(sizeof *b);
    if (b == NULL)
        return -ENOMEM;
    scope_enter(s, self);
    *b = (struct binding){key_share(self->values), 1, key, value};
    key_set(self, b);
    return 0;
}

struct binding *key_share(struct binding *b)
{
    if (b != NULL)
        __atomic_fetch_add(&b->users, 1, __ATOMIC_SEQ_CST);
    return b;
}

void key_drop(struct binding *b)
{
    while (b != NULL && __atomic_sub_fetch(&b->users, 1, __ATOMIC_SEQ_CST) == 0) {
        struct binding *outer = b->outer;
        if (b->key >= 0 && keys.free_value[b->key] != NULL)
            keys.free_value[b->key](b->value);
        real.free(b);
        b = outer;
    }
}
