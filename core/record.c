#include "core/record.h"
#include "core/enter.h"
#include "core/lookup.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>

enum { FIRST_SIZE = 1024, MOST_SIZE = 16 << 20, ALIGN = 16 };

union record {
    struct passwd passwd;
    struct group group;
    struct spwd spwd;
    struct sgrp sgrp;
    struct hostent host;
    struct netent net;
    struct servent serv;
    struct protoent proto;
    struct rpcent rpc;
    struct aliasent alias;
};

struct record_job {
    struct lookup lookup;
    enum record_kind kind;
    struct record_query q;
    union record record;
    void *found;
    char *block, *buf; /* buf lies in block as the caller's does, so that the same fits */
    size_t size;
    bool grows;
    int r, h_error;
    char more[];
};

/* ---- what each kind is ---- */

#define ASK(kind, type, member, ...)                                                                                   \
    static int ask_##kind(struct record_job *j)                                                                        \
    {                                                                                                                  \
        return real.get##kind##_r(__VA_ARGS__, &j->record.member, j->buf, j->size, (struct type **)&j->found);         \
    }
#define ASK_NET(kind, type, member, ...)                                                                               \
    static int ask_##kind(struct record_job *j)                                                                        \
    {                                                                                                                  \
        return real.get##kind##_r(__VA_ARGS__, &j->record.member, j->buf, j->size, (struct type **)&j->found,          \
                                  &j->h_error);                                                                        \
    }

ASK(pwnam, passwd, passwd, j->q.name)
ASK(pwuid, passwd, passwd, j->q.number)
ASK(grnam, group, group, j->q.name)
ASK(grgid, group, group, j->q.number)
ASK(spnam, spwd, spwd, j->q.name)
ASK(sgnam, sgrp, sgrp, j->q.name)
ASK_NET(hostbyname, hostent, host, j->q.name)
ASK_NET(hostbyname2, hostent, host, j->q.name, j->q.family)
ASK_NET(hostbyaddr, hostent, host, j->q.addr, j->q.addrlen, j->q.family)
ASK_NET(netbyname, netent, net, j->q.name)
ASK_NET(netbyaddr, netent, net, j->q.number, j->q.family)
ASK(servbyname, servent, serv, j->q.name, j->q.protocol)
ASK(servbyport, servent, serv, (int)j->q.number, j->q.protocol)
ASK(protobyname, protoent, proto, j->q.name)
ASK(protobynumber, protoent, proto, (int)j->q.number)
ASK(rpcbyname, rpcent, rpc, j->q.name)
ASK(rpcbynumber, rpcent, rpc, (int)j->q.number)
ASK(aliasbyname, aliasent, alias, j->q.name)

/* Where a record's pointers into the buffer are: texts, and lists of them that end with NULL or are counted. */
static const struct shape {
    size_t size;
    unsigned char texts[6], ntexts, lists[2], nlists, count;
} passwd = {sizeof(struct passwd),
            .texts = {offsetof(struct passwd, pw_name), offsetof(struct passwd, pw_passwd),
                      offsetof(struct passwd, pw_gecos), offsetof(struct passwd, pw_dir),
                      offsetof(struct passwd, pw_shell)},
            .ntexts = 5},
  group = {sizeof(struct group), .texts = {offsetof(struct group, gr_name), offsetof(struct group, gr_passwd)},
           .ntexts = 2, .lists = {offsetof(struct group, gr_mem)}, .nlists = 1},
  spwd = {sizeof(struct spwd), .texts = {offsetof(struct spwd, sp_namp), offsetof(struct spwd, sp_pwdp)}, .ntexts = 2},
  sgrp = {sizeof(struct sgrp), .texts = {offsetof(struct sgrp, sg_namp), offsetof(struct sgrp, sg_passwd)}, .ntexts = 2,
          .lists = {offsetof(struct sgrp, sg_adm), offsetof(struct sgrp, sg_mem)}, .nlists = 2},
  hostent = {sizeof(struct hostent), .texts = {offsetof(struct hostent, h_name)}, .ntexts = 1,
             .lists = {offsetof(struct hostent, h_aliases), offsetof(struct hostent, h_addr_list)}, .nlists = 2},
  netent = {sizeof(struct netent), .texts = {offsetof(struct netent, n_name)}, .ntexts = 1,
            .lists = {offsetof(struct netent, n_aliases)}, .nlists = 1},
  servent = {sizeof(struct servent), .texts = {offsetof(struct servent, s_name), offsetof(struct servent, s_proto)},
             .ntexts = 2, .lists = {offsetof(struct servent, s_aliases)}, .nlists = 1},
  protoent = {sizeof(struct protoent), .texts = {offsetof(struct protoent, p_name)}, .ntexts = 1,
              .lists = {offsetof(struct protoent, p_aliases)}, .nlists = 1},
  rpcent = {sizeof(struct rpcent), .texts = {offsetof(struct rpcent, r_name)}, .ntexts = 1,
            .lists = {offsetof(struct rpcent, r_aliases)}, .nlists = 1},
  aliasent = {sizeof(struct aliasent),
              .texts = {offsetof(struct aliasent, alias_name)},
              .ntexts = 1,
              .lists = {offsetof(struct aliasent, alias_members)},
              .nlists = 1,
              .count = offsetof(struct aliasent, alias_members_len)};

static const struct kind {
    int (*ask)(struct record_job *);
    const char *call;
    const struct shape *shape;
    bool network; /* has an h_errno */
} kinds[RECORD_KINDS] = {
    [RECORD_PWNAM] = {ask_pwnam, "getpwnam", &passwd, false},
    [RECORD_PWUID] = {ask_pwuid, "getpwuid", &passwd, false},
    [RECORD_GRNAM] = {ask_grnam, "getgrnam", &group, false},
    [RECORD_GRGID] = {ask_grgid, "getgrgid", &group, false},
    [RECORD_SPNAM] = {ask_spnam, "getspnam", &spwd, false},
    [RECORD_SGNAM] = {ask_sgnam, "getsgnam", &sgrp, false},
    [RECORD_HOSTBYNAME] = {ask_hostbyname, "gethostbyname", &hostent, true},
    [RECORD_HOSTBYNAME2] = {ask_hostbyname2, "gethostbyname2", &hostent, true},
    [RECORD_HOSTBYADDR] = {ask_hostbyaddr, "gethostbyaddr", &hostent, true},
    [RECORD_NETBYNAME] = {ask_netbyname, "getnetbyname", &netent, true},
    [RECORD_NETBYADDR] = {ask_netbyaddr, "getnetbyaddr", &netent, true},
    [RECORD_SERVBYNAME] = {ask_servbyname, "getservbyname", &servent, false},
    [RECORD_SERVBYPORT] = {ask_servbyport, "getservbyport", &servent, false},
    [RECORD_PROTOBYNAME] = {ask_protobyname, "getprotobyname", &protoent, false},
    [RECORD_PROTOBYNUMBER] = {ask_protobynumber, "getprotobynumber", &protoent, false},
    [RECORD_RPCBYNAME] = {ask_rpcbyname, "getrpcbyname", &rpcent, false},
    [RECORD_RPCBYNUMBER] = {ask_rpcbynumber, "getrpcbynumber", &rpcent, false},
    [RECORD_ALIASBYNAME] = {ask_aliasbyname, "getaliasbyname", &aliasent, false},
};

/* ---- the job ---- */

static void record_free(struct record_job *j)
{
    real.free(j->block);
    lookup_free(j);
}

static void discard(struct lookup *l)
{
    real.free(container_of(l, struct record_job, lookup)->block);
}

/* Without a buffer of the caller's it grows until the record fits, as libc's own does. */
static void call(struct lookup *l)
{
    struct record_job *j = container_of(l, struct record_job, lookup);
    for (;;) {
        j->r = kinds[j->kind].ask(j);
        if (!j->grows || j->r != ERANGE || j->size >= MOST_SIZE)
            return;
        real.free(j->block);
        j->size *= 2;
        j->block = j->buf = real.malloc(j->size);
        if (j->block == NULL) {
            j->r = errno = ENOMEM;
            return;
        }
    }
}

static struct record_job *job_new(enum record_kind kind, const struct record_query *q, size_t size, size_t offset)
{
    size_t more = lookup_text_size(q->name) + lookup_text_size(q->protocol) + q->addrlen;
    struct record_job *j = lookup_new(sizeof *j + more, call, discard);
    if (j == NULL)
        return NULL;
    char *at = j->more;
    j->kind = kind;
    j->q = *q;
    if (q->addr != NULL) /* first: it may be read as a number */
        j->q.addr = lookup_put(&at, q->addr, q->addrlen);
    j->q.name = lookup_put_text(&at, q->name);
    j->q.protocol = lookup_put_text(&at, q->protocol);
    j->size = size;
    j->block = size > SIZE_MAX - ALIGN ? NULL : real.malloc(size + ALIGN);
    if (j->block == NULL) {
        lookup_free(j);
        return NULL;
    }
    j->buf = j->block + offset;
    return j;
}

/* ---- into the caller's buffer ---- */

static char *moved(char *p, const struct record_job *j, char *to)
{
    return p >= j->buf && p < j->buf + j->size ? to + (p - j->buf) : p;
}

/* The buffer is copied as it is; what pointed into the old one shall point into the new. */
static void move_to(void *record, const struct record_job *j, char *buf)
{
    const struct shape *s = kinds[j->kind].shape;
    memcpy(record, &j->record, s->size);
    memcpy(buf, j->buf, j->size);
    for (int i = 0; i < s->ntexts; i++) {
        char **text = (char **)((char *)record + s->texts[i]);
        *text = moved(*text, j, buf);
    }
    for (int i = 0; i < s->nlists; i++) {
        char **list = *(char ***)((char *)record + s->lists[i]);
        size_t n = s->count != 0 ? *(size_t *)((char *)record + s->count) : SIZE_MAX;
        list = (char **)moved((char *)list, j, buf);
        *(char ***)((char *)record + s->lists[i]) = list;
        for (size_t k = 0; list != NULL && k < n && (s->count != 0 || list[k] != NULL); k++)
            list[k] = moved(list[k], j, buf);
    }
}

/* How a look-up that has not been performed is said. */
static int unperformed(enum record_kind kind, enum lookup_end end, int *h_error)
{
    if (h_error != NULL)
        *h_error = end == LOOKUP_LATE ? TRY_AGAIN : NETDB_INTERNAL;
    if (end == LOOKUP_LATE)
        errno = kinds[kind].network ? EAGAIN : ETIMEDOUT;
    return errno;
}

int record_get(struct fiber *self, enum record_kind kind, const struct record_query *q, void *record, char *buf,
               size_t size, void **result, int *h_error)
{
    *result = NULL;
    struct record_job *j = job_new(kind, q, size, (uintptr_t)buf % ALIGN);
    if (j == NULL) {
        if (h_error != NULL)
            *h_error = NETDB_INTERNAL;
        return ENOMEM;
    }
    if (h_error != NULL)
        j->h_error = *h_error;
    enum lookup_end end = lookup_run(self, &j->lookup, kinds[kind].call);
    if (end != LOOKUP_DONE)
        return unperformed(kind, end, h_error);
    int r = j->r;
    if (h_error != NULL)
        *h_error = j->h_error;
    if (j->found != NULL) {
        move_to(record, j, buf);
        *result = record;
    }
    record_free(j);
    return r;
}

/* ---- into the thread's own ---- */

struct records {
    struct records *next;
    struct answer {
        union record record;
        char *block;
    } of[RECORD_KINDS];
    char login[RECORD_LOGIN_SIZE];
};

/* Threads that are no fibers have one set, as they have with libc. The unused ones belong to the baton. */
static struct records shared;
static struct records *unused;

static struct records *records_of(struct fiber *self)
{
    if (self == NULL)
        return &shared;
    if (self->records != NULL)
        return self->records;
    core_enter(self);
    struct records *r = unused;
    if (r != NULL)
        unused = r->next;
    core_leave(self);
    if (r == NULL && (r = real.malloc(sizeof *r)) != NULL)
        memset(r, 0, sizeof *r);
    self->records = r;
    return r;
}

char *record_login(struct fiber *self)
{
    struct records *r = records_of(self);
    return r == NULL ? NULL : r->login;
}

void record_release(struct records *records)
{
    if (records == NULL)
        return;
    records->next = unused;
    unused = records;
}

void *record_get_static(struct fiber *self, enum record_kind kind, const struct record_query *q)
{
    bool network = kinds[kind].network;
    struct records *records = records_of(self);
    struct record_job *j = records == NULL ? NULL : job_new(kind, q, FIRST_SIZE, 0);
    if (j == NULL) {
        errno = ENOMEM;
        if (network)
            h_errno = NETDB_INTERNAL;
        return NULL;
    }
    j->grows = true;
    enum lookup_end end = lookup_run(self, &j->lookup, kinds[kind].call);
    if (end != LOOKUP_DONE) {
        (void)unperformed(kind, end, network ? &h_errno : NULL);
        return NULL;
    }
    if (j->h_error != 0)
        h_errno = j->h_error;
    void *found = NULL;
    if (j->found != NULL) {
        struct answer *a = &records->of[kind];
        memcpy(&a->record, &j->record, kinds[kind].shape->size);
        real.free(a->block);
        a->block = j->block;
        j->block = NULL;
        found = &a->record;
    }
    record_free(j);
    return found;
}
