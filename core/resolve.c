#include "core/resolve.h"
#include "core/lookup.h"
#include "core/rt.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>

/* ---- getaddrinfo ---- */

struct addrinfo_job {
    struct lookup lookup;
    char *node, *service;
    struct addrinfo hints, *result;
    bool hinted;
    int r;
    char more[];
};

static void addrinfo_call(struct lookup *l)
{
    struct addrinfo_job *j = container_of(l, struct addrinfo_job, lookup);
    j->r = real.getaddrinfo(j->node, j->service, j->hinted ? &j->hints : NULL, &j->result);
}

static void addrinfo_discard(struct lookup *l)
{
    struct addrinfo_job *j = container_of(l, struct addrinfo_job, lookup);
    if (j->r == 0)
        real.freeaddrinfo(j->result);
}

/* The attempt without blocking: numbers need no look-up. Each result repeats the flags that were asked for. */
static bool addrinfo_numeric(const char *node, const char *service, const struct addrinfo *hints,
                             struct addrinfo **result)
{
    struct addrinfo numeric = {.ai_family = AF_UNSPEC, .ai_flags = AI_V4MAPPED | AI_ADDRCONFIG}; /* as if none */
    int before = errno;
    if (hints != NULL)
        numeric = *hints;
    int added = (AI_NUMERICHOST | AI_NUMERICSERV) & ~numeric.ai_flags;
    numeric.ai_flags |= added;
    if (real.getaddrinfo(node, service, &numeric, result) != 0) {
        errno = before;
        return false;
    }
    for (struct addrinfo *a = *result; a != NULL; a = a->ai_next)
        a->ai_flags &= ~added;
    return true;
}

int resolve_addrinfo(struct fiber *self, const char *node, const char *service, const struct addrinfo *hints,
                     struct addrinfo **result)
{
    if (addrinfo_numeric(node, service, hints, result))
        return 0;
    struct addrinfo_job *j =
        lookup_new(sizeof *j + lookup_text_size(node) + lookup_text_size(service), addrinfo_call, addrinfo_discard);
    if (j == NULL)
        return EAI_MEMORY;
    char *at = j->more;
    j->node = lookup_put_text(&at, node);
    j->service = lookup_put_text(&at, service);
    j->hinted = hints != NULL;
    if (hints != NULL)
        j->hints = *hints;
    enum lookup_end end = lookup_run(self, &j->lookup, "getaddrinfo");
    if (end != LOOKUP_DONE)
        return end == LOOKUP_STOPPED ? EAI_SYSTEM : EAI_AGAIN;
    int r = j->r;
    if (r == 0)
        *result = j->result;
    lookup_free(j);
    return r;
}

/* ---- getnameinfo ---- */

struct nameinfo_job {
    struct lookup lookup;
    struct sockaddr_storage addr;
    socklen_t addrlen, hostlen, servicelen;
    int flags, r;
    char text[]; /* host, then service */
};

static void nameinfo_call(struct lookup *l)
{
    struct nameinfo_job *j = container_of(l, struct nameinfo_job, lookup);
    j->r = real.getnameinfo((struct sockaddr *)&j->addr, j->addrlen, j->hostlen ? j->text : NULL, j->hostlen,
                            j->servicelen ? j->text + j->hostlen : NULL, j->servicelen, j->flags);
}

int resolve_nameinfo(struct fiber *self, const struct sockaddr *addr, socklen_t addrlen, char *host, socklen_t hostlen,
                     char *service, socklen_t servicelen, int flags)
{
    if (host == NULL)
        hostlen = 0;
    if (service == NULL)
        servicelen = 0;
    const int numbers = NI_NUMERICHOST | NI_NUMERICSERV;
    if ((flags & numbers) == numbers || addrlen > sizeof(struct sockaddr_storage) || hostlen > 1 << 20 ||
        servicelen > 1 << 20)
        return real.getnameinfo(addr, addrlen, host, hostlen, service, servicelen, flags);
    struct nameinfo_job *j = lookup_new(sizeof *j + hostlen + servicelen, nameinfo_call, NULL);
    if (j == NULL)
        return EAI_MEMORY;
    j->addrlen = addrlen;
    j->hostlen = hostlen;
    j->servicelen = servicelen;
    j->flags = flags;
    memcpy(&j->addr, addr, addrlen);
    enum lookup_end end = lookup_run(self, &j->lookup, "getnameinfo");
    if (end != LOOKUP_DONE)
        return end == LOOKUP_STOPPED ? EAI_SYSTEM : EAI_AGAIN;
    int r = j->r;
    if (r == 0 && hostlen > 0)
        memcpy(host, j->text, strnlen(j->text, hostlen - 1) + 1);
    if (r == 0 && servicelen > 0)
        memcpy(service, j->text + hostlen, strnlen(j->text + hostlen, servicelen - 1) + 1);
    lookup_free(j);
    return r;
}

/* ---- questions ---- */

struct question_job {
    struct lookup lookup;
    struct resolve_question q;
    unsigned char *answer;
    int size, r;
    char more[];
};

/* With the caller's state in the place of the thread's, if it has one that counts: lookup.c has put it there. */
static void question_call(struct lookup *l)
{
    struct question_job *j = container_of(l, struct question_job, lookup);
    const struct resolve_question *q = &j->q;
    res_state given = q->state == NULL ? NULL : real.__res_state();
    if (q->message != NULL)
        j->r = given == NULL ? real.res_send(q->message, q->length, j->answer, j->size)
                             : real.res_nsend(given, q->message, q->length, j->answer, j->size);
    else if (q->domain != NULL)
        j->r = given == NULL ? real.res_querydomain(q->name, q->domain, q->class, q->type, j->answer, j->size)
                             : real.res_nquerydomain(given, q->name, q->domain, q->class, q->type, j->answer, j->size);
    else if (q->search)
        j->r = given == NULL ? real.res_search(q->name, q->class, q->type, j->answer, j->size)
                             : real.res_nsearch(given, q->name, q->class, q->type, j->answer, j->size);
    else
        j->r = given == NULL ? real.res_query(q->name, q->class, q->type, j->answer, j->size)
                             : real.res_nquery(given, q->name, q->class, q->type, j->answer, j->size);
}

int resolve_ask(struct fiber *self, const struct resolve_question *q, unsigned char *answer, int size)
{
    size_t room = size > 0 ? (size_t)size : 0, length = q->message != NULL && q->length > 0 ? (size_t)q->length : 0;
    size_t more = lookup_text_size(q->name) + lookup_text_size(q->domain) + length + room;
    struct question_job *j = lookup_new(sizeof *j + more, question_call, NULL);
    if (j == NULL || (q->state != NULL && !lookup_use_resolver(&j->lookup, q->state))) {
        if (j != NULL)
            lookup_free(j);
        h_errno = NETDB_INTERNAL;
        errno = ENOMEM;
        return -1;
    }
    char *at = j->more;
    j->q = *q;
    j->q.name = lookup_put_text(&at, q->name);
    j->q.domain = lookup_put_text(&at, q->domain);
    if (length > 0)
        j->q.message = (unsigned char *)lookup_put(&at, q->message, length);
    j->answer = (unsigned char *)lookup_put(&at, answer, room);
    j->size = size;
    enum lookup_end end = lookup_run(self, &j->lookup, "res_query");
    if (end != LOOKUP_DONE) {
        h_errno = end == LOOKUP_STOPPED ? NETDB_INTERNAL : TRY_AGAIN;
        if (end == LOOKUP_LATE)
            errno = ETIMEDOUT;
        return -1;
    }
    int r = j->r;
    memcpy(answer, j->answer, room);
    if (q->state != NULL)
        lookup_resolver_back(q->state, &j->lookup);
    lookup_free(j);
    return r;
}
