#include "core/lookup.h"
#include "core/enter.h"
#include "core/identity.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>

/* ---- the resolver's state ---- */

/* Without what is the original's alone: its open sockets, and its claim on a configuration, which a reload would give
 * back twice if the look-up were abandoned. The addresses are allocated one by one, so they are copied. */
static struct __res_state *state_copy(const struct __res_state *from)
{
    struct __res_state *s = real.malloc(sizeof *s);
    if (s == NULL)
        return NULL;
    *s = *from;
    s->options = (from->options | RES_NORELOAD) & ~(unsigned long)RES_STAYOPEN;
    s->_vcsock = -1;
    for (int i = 0; i < MAXNS; i++) {
        s->_u._ext.nssocks[i] = -1;
        if (from->_u._ext.nsaddrs[i] == NULL)
            continue;
        s->_u._ext.nsaddrs[i] = real.malloc(sizeof *s->_u._ext.nsaddrs[i]);
        if (s->_u._ext.nsaddrs[i] != NULL)
            *s->_u._ext.nsaddrs[i] = *from->_u._ext.nsaddrs[i];
    }
    return s;
}

static void state_free(struct __res_state *s)
{
    for (int i = 0; s != NULL && i < MAXNS; i++)
        real.free(s->_u._ext.nsaddrs[i]);
    real.free(s);
}

void lookup_resolver_back(struct __res_state *to, const struct lookup *j)
{
    to->id = j->resolver->id;
    to->res_h_errno = j->resolver->res_h_errno;
    to->_flags = j->resolver->_flags;
}

bool lookup_use_resolver(struct lookup *j, const struct __res_state *state)
{
    j->resolver = state_copy(state);
    return j->resolver != NULL;
}

/* ---- the job ---- */

void *lookup_new(size_t size, void (*call)(struct lookup *), void (*discard)(struct lookup *))
{
    struct lookup *j = real.malloc(size);
    if (j == NULL)
        return NULL;
    memset(j, 0, size);
    j->call = call;
    j->discard = discard;
    return j;
}

void lookup_free(void *lookup)
{
    struct lookup *j = lookup;
    state_free(j->resolver);
    real.free(j);
}

size_t lookup_text_size(const char *text)
{
    return text == NULL ? 0 : strlen(text) + 1;
}

char *lookup_put(char **at, const void *bytes, size_t n)
{
    char *to = *at;
    memcpy(to, bytes, n);
    *at += n;
    return to;
}

char *lookup_put_text(char **at, const char *text)
{
    return text == NULL ? NULL : lookup_put(at, text, strlen(text) + 1);
}

static void run(struct job *job)
{
    struct lookup *j = container_of(job, struct lookup, job);
    struct __res_state *own = real.__res_state(), saved;
    int error = errno, h_error = h_errno;
    if (j->resolver != NULL) {
        saved = *own;
        *own = *j->resolver;
    }
    errno = j->error;
    h_errno = j->h_error;
    j->call(j);
    j->error = errno;
    j->h_error = h_errno;
    if (j->resolver != NULL) {
        *j->resolver = *own;
        *own = saved;
    }
    errno = error; /* who has no helper makes the call himself */
    h_errno = h_error;
}

static void drop(struct job *job)
{
    struct lookup *j = container_of(job, struct lookup, job);
    if (j->discard != NULL)
        j->discard(j);
    lookup_free(j);
}

static uint64_t limit(void)
{
    uint64_t ns = rt.config.timeout[OP_DNS];
    return ns == 0 ? CLOCK_NEVER : clock_after(ns);
}

enum lookup_end lookup_run(struct fiber *self, struct lookup *j, const char *name)
{
    struct __res_state *mine = real.__res_state();
    bool given = j->resolver != NULL;
    if (!given && mine->options != 0)
        (void)lookup_use_resolver(j, mine);
    j->job.run = run;
    j->job.drop = drop;
    j->job.endless = true;
    j->error = errno;
    j->h_error = h_errno;
    int r = pool_run(self, &j->job, limit(), WAIT_CANCEL | WAIT_STOP, name);
    if (r == -E_CANCELLED)
        identity_test_cancel(fiber_record);
    if (r == -ETIMEDOUT)
        return LOOKUP_LATE;
    if (r != 0) {
        errno = r == -ECANCELED ? ECANCELED : r == -E_DEADLINE ? ETIMEDOUT : EINTR;
        return LOOKUP_STOPPED;
    }
    errno = j->error;
    h_errno = j->h_error;
    if (!given && j->resolver != NULL)
        lookup_resolver_back(mine, j);
    return LOOKUP_DONE;
}
