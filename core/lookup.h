/* Look-ups, whole on a helper thread: inside libc they block in ways nobody can hook. Everything that the helper reads
 * and writes is the job's own, so that a look-up that never comes back can be abandoned when its limit passes, or when
 * its caller is cancelled.
 *
 * What libc keeps per thread goes along: errno, h_errno, and the state of the resolver (_res) if the caller has touched
 * its own. That state is the helper's while the call lasts, without the sockets and addresses that libc hangs onto it,
 * which are copied. */
#ifndef COAX_LOOKUP_H
#define COAX_LOOKUP_H

#include "core/pool.h"

#include <stddef.h>

struct __res_state;

/* At the head of a larger struct, with what the call is given and what it gives. */
struct lookup {
    struct job job;
    void (*call)(struct lookup *);    /* on the helper */
    void (*discard)(struct lookup *); /* what an abandoned look-up has found, or NULL */
    struct __res_state *resolver;     /* the caller's, copied; NULL: the helper's will do */
    int error, h_error;               /* the thread's, before the call and after it */
};

/* A look-up of `size` bytes, zero but for these; NULL: no memory. lookup_free is for one that was waited for. */
void *lookup_new(size_t size, void (*call)(struct lookup *), void (*discard)(struct lookup *));
void lookup_free(void *lookup);
/* Copies of bytes and texts, one behind the other in room at the end of the struct. */
char *lookup_put(char **at, const void *bytes, size_t n);
char *lookup_put_text(char **at, const char *text);
size_t lookup_text_size(const char *text);

/* For a state that the program hands over itself: the call will find it in place of the thread's; and, afterwards, what
 * the call has changed in it. */
bool lookup_use_resolver(struct lookup *j, const struct __res_state *state);
void lookup_resolver_back(struct __res_state *to, const struct lookup *j);

enum lookup_end { LOOKUP_DONE, LOOKUP_LATE, LOOKUP_STOPPED };
/* Runs it and waits. DONE: errno is as the call left it. Else it must not be touched again: LATE, its limit has passed;
 * STOPPED: coax_cancel or a deadline has ended it, errno says which. A cancellation point. */
enum lookup_end lookup_run(struct fiber *self, struct lookup *j, const char *name);

#endif
