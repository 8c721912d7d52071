/* Values of a fiber that the fibers it creates inherit. What a fiber has is a list of bindings, newest first, that
 * never changes once it is made: a new value is a new binding in front, for the time of a scope, and a new fiber takes
 * part in its creator's list. Bindings are counted, and the program frees the value when the last who has it has gone.
 */
#ifndef COAX_KEY_H
#define COAX_KEY_H

#include <stdbool.h>

struct fiber;
struct scope;
struct binding;

struct binding;
struct fiber;
/* The fiber's own. */
void key_set(struct fiber *self, struct binding *values);

enum { KEY_METHOD = -1 }; /* of our own: no program can name it, nothing is freed */

/* A key, or -EAGAIN: there are no more. */
int key_create(void (*free_value)(void *));
bool key_known(int key);
/* The value, or NULL. */
void *key_get(const struct fiber *self, int key);
/* Within the scope. 0 or -ENOMEM, and then it is not entered. */
int key_bind(struct scope *s, struct fiber *self, int key, void *value);
/* One more, or one less, who has the list. The latter may run the program's function: outside the core. */
struct binding *key_share(struct binding *b);
void key_drop(struct binding *b);

#endif
