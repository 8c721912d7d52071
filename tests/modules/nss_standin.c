/*
 * A name service that answers from nothing, for every database: glibc loads it as libnss_standin.so.2 for a program that
 * says __nss_configure_lookup(database, "standin"). What is asked for says what happens:
 *   slow...  blocks in the kernel for 200 ms, where no hook sees it, and answers
 *   hang     blocks for ever there
 *   poll     blocks for ever in poll, which is a cancellation point
 *   again    fails for now, errno is EAGAIN; broken: fails, errno is EIO
 *   none...  is not known
 * Anything else is known. Numbers: 7 is slow, 8 hangs, 9 is not known. An enumeration of accounts has ten entries; where
 * it is, is kept per thread, or with STANDIN=shared per process, where each entry takes 5 ms.
 */
#define _GNU_SOURCE
#include <aliases.h>
#include <errno.h>
#include <grp.h>
#include <gshadow.h>
#include <netdb.h>
#include <netinet/ether.h>
#include <nss.h>
#include <poll.h>
#include <pwd.h>
#include <rpc/netdb.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

typedef enum nss_status status;

struct etherent {
    const char *e_name;
    struct ether_addr e_addr;
};

/* A call of the kernel's that no preload can see. */
static void block(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"(SYS_nanosleep), "D"(&t), "S"(0) : "rcx", "r11", "memory");
}

static status judge(const char *name, int *error)
{
    if (!strncmp(name, "slow", 4))
        block(200);
    if (!strcmp(name, "hang"))
        for (;;)
            block(1000);
    if (!strcmp(name, "poll"))
        for (;;)
            poll(NULL, 0, -1);
    if (!strcmp(name, "again"))
        return errno = *error = EAGAIN, NSS_STATUS_TRYAGAIN;
    if (!strcmp(name, "broken"))
        return errno = *error = EIO, NSS_STATUS_UNAVAIL;
    if (!strncmp(name, "none", 4))
        return errno = *error = ENOENT, NSS_STATUS_NOTFOUND;
    return NSS_STATUS_SUCCESS;
}

static const char *name_of(unsigned number)
{
    return number == 7 ? "slow" : number == 8 ? "hang" : number == 9 ? "none" : "someone";
}

/* The caller's buffer. */
struct room {
    char *at, *end;
    int full;
};

static void *take(struct room *r, size_t n, size_t align)
{
    char *p = (char *)(((unsigned long)r->at + align - 1) & ~(align - 1));
    if (p + n > r->end) {
        r->full = 1;
        return NULL;
    }
    r->at = p + n;
    return p;
}

static char *text(struct room *r, const char *before, const char *name)
{
    char *p = take(r, strlen(before) + strlen(name) + 1, 1);
    return p ? strcat(strcpy(p, before), name) : NULL;
}

/* Two texts and NULL. */
static char **list(struct room *r, const char *name)
{
    char **l = take(r, 3 * sizeof *l, sizeof *l);
    if (l) {
        l[0] = text(r, "first-", name);
        l[1] = text(r, "second-", name);
        l[2] = NULL;
    }
    return l;
}

#define BEGIN(name)                                                                                                    \
    struct room r = {buf, buf + size};                                                                                 \
    status s = judge(name, error);                                                                                     \
    if (s != NSS_STATUS_SUCCESS)                                                                                       \
        return s;

#define END                                                                                                            \
    if (r.full)                                                                                                        \
        return errno = *error = ERANGE, NSS_STATUS_TRYAGAIN;                                                           \
    return NSS_STATUS_SUCCESS;

#define FILL(database, type, ...)                                                                                      \
    static status database(const char *name, unsigned number, struct type *e, char *buf, size_t size, int *error)     \
    {                                                                                                                  \
        BEGIN(name)                                                                                                    \
        *e = (struct type){__VA_ARGS__};                                                                               \
        END                                                                                                            \
    }

FILL(account, passwd, .pw_name = text(&r, "", name), .pw_passwd = text(&r, "", "x"), .pw_uid = number, .pw_gid = 100,
     .pw_gecos = text(&r, "the ", name), .pw_dir = text(&r, "/homes/", name), .pw_shell = text(&r, "/bin/", "sh"))
FILL(group, group, .gr_name = text(&r, "", name), .gr_passwd = text(&r, "", "x"), .gr_gid = number,
     .gr_mem = list(&r, name))
FILL(shadow, spwd, .sp_namp = text(&r, "", name), .sp_pwdp = text(&r, "", "*"), .sp_lstchg = 5, .sp_max = 99999)
FILL(gshadow, sgrp, .sg_namp = text(&r, "", name), .sg_passwd = text(&r, "", "!"), .sg_adm = list(&r, "adm"),
     .sg_mem = list(&r, name))
FILL(network, netent, .n_name = text(&r, "", name), .n_aliases = list(&r, name), .n_addrtype = 2, .n_net = number)
FILL(service, servent, .s_name = text(&r, "", name), .s_aliases = list(&r, name), .s_port = number,
     .s_proto = text(&r, "", "tcp"))
FILL(protocol, protoent, .p_name = text(&r, "", name), .p_aliases = list(&r, name), .p_proto = number)
FILL(program, rpcent, .r_name = text(&r, "", name), .r_aliases = list(&r, name), .r_number = number)
FILL(alias, aliasent, .alias_name = text(&r, "", name), .alias_members_len = 2, .alias_members = list(&r, name))
FILL(ether, etherent, .e_name = text(&r, "", name), .e_addr = {{2, 0, 0, 0, 0, number}})

#define BY_NAME(function, database, type)                                                                              \
    status _nss_standin_##function##_r(const char *name, struct type *e, char *buf, size_t size, int *error)           \
    {                                                                                                                  \
        return database(name, 4711, e, buf, size, error);                                                              \
    }
#define BY_NUMBER(function, database, type)                                                                            \
    status _nss_standin_##function##_r(unsigned number, struct type *e, char *buf, size_t size, int *error)            \
    {                                                                                                                  \
        return database(name_of(number), number, e, buf, size, error);                                                 \
    }

BY_NAME(getpwnam, account, passwd)
BY_NUMBER(getpwuid, account, passwd)
BY_NAME(getgrnam, group, group)
BY_NUMBER(getgrgid, group, group)
BY_NAME(getspnam, shadow, spwd)
BY_NAME(getsgnam, gshadow, sgrp)
BY_NAME(getprotobyname, protocol, protoent)
BY_NUMBER(getprotobynumber, protocol, protoent)
BY_NAME(getrpcbyname, program, rpcent)
BY_NUMBER(getrpcbynumber, program, rpcent)
BY_NAME(getaliasbyname, alias, aliasent)
BY_NAME(gethostton, ether, etherent)

status _nss_standin_getntohost_r(const struct ether_addr *addr, struct etherent *e, char *buf, size_t size, int *error)
{
    return ether(name_of(addr->ether_addr_octet[5]), addr->ether_addr_octet[5], e, buf, size, error);
}

status _nss_standin_getnetbyname_r(const char *name, struct netent *e, char *buf, size_t size, int *error,
                                   int *h_error)
{
    *h_error = NETDB_INTERNAL;
    status s = network(name, 4711, e, buf, size, error);
    if (s == NSS_STATUS_NOTFOUND)
        *h_error = HOST_NOT_FOUND;
    return s;
}

status _nss_standin_getnetbyaddr_r(unsigned net, int type, struct netent *e, char *buf, size_t size, int *error,
                                   int *h_error)
{
    return _nss_standin_getnetbyname_r(name_of(net), e, buf, size, error, h_error);
}

status _nss_standin_gethostbyname2_r(const char *name, int family, struct hostent *e, char *buf, size_t size, int *error,
                                     int *h_error)
{
    *h_error = HOST_NOT_FOUND;
    BEGIN(name)
    unsigned char **addresses = take(&r, 2 * sizeof *addresses, sizeof *addresses), *address = take(&r, 4, 4);
    if (family != AF_INET)
        return *error = ENOENT, NSS_STATUS_NOTFOUND;
    *e = (struct hostent){.h_name = text(&r, "", name), .h_aliases = list(&r, name), .h_addrtype = AF_INET, .h_length = 4,
                          .h_addr_list = (char **)addresses};
    *h_error = NETDB_INTERNAL;
    if (!r.full) {
        memcpy(address, "\12\1\2\3", 4);
        addresses[0] = address;
        addresses[1] = NULL;
    }
    END
}

status _nss_standin_getservbyname_r(const char *name, const char *protocol, struct servent *e, char *buf, size_t size,
                                    int *error)
{
    return service(name, 4711, e, buf, size, error);
}

status _nss_standin_getservbyport_r(int port, const char *protocol, struct servent *e, char *buf, size_t size,
                                    int *error)
{
    return service(name_of(port), port, e, buf, size, error);
}

status _nss_standin_initgroups_dyn(const char *user, gid_t group, long *start, long *size, gid_t **groups, long limit,
                                   int *error)
{
    status s = judge(user, error);
    if (s != NSS_STATUS_SUCCESS)
        return s;
    for (int i = 0; i < 70; i++) {
        if (*start == *size) {
            gid_t *more = realloc(*groups, 2 * *size * sizeof **groups);
            if (!more)
                return NSS_STATUS_TRYAGAIN;
            *groups = more;
            *size *= 2;
        }
        (*groups)[(*start)++] = 1000 + i;
    }
    return NSS_STATUS_SUCCESS;
}

/* ---- enumeration of accounts ---- */

static __thread int mine;
static int everybodys;

static int shared(void)
{
    const char *how = getenv("STANDIN");
    return how && !strcmp(how, "shared");
}

status _nss_standin_setpwent(int stay_open)
{
    mine = everybodys = 0;
    return NSS_STATUS_SUCCESS;
}

status _nss_standin_endpwent(void)
{
    return NSS_STATUS_SUCCESS;
}

status _nss_standin_getpwent_r(struct passwd *e, char *buf, size_t size, int *error)
{
    char name[32];
    int at = shared() ? everybodys : mine;
    if (!shared() && at == 10)
        return *error = ENOENT, NSS_STATUS_NOTFOUND;
    block(shared() ? 5 : 2);
    snprintf(name, sizeof name, "entry%d", at);
    status s = account(name, at, e, buf, size, error);
    if (s == NSS_STATUS_SUCCESS)
        mine = everybodys = at + 1;
    return s;
}

/* ---- netgroups: struct __netgrent is libc's own ---- */

struct netgrent {
    enum { triple_val, group_val } type;
    union {
        struct {
            const char *host, *user, *domain;
        } triple;
        const char *group;
    } val;
    char *data;
    size_t data_size;
    union {
        char *cursor;
        unsigned long position;
    };
    int first;
};

status _nss_standin_setnetgrent(const char *group, struct netgrent *g)
{
    int error;
    g->position = 0;
    return judge(group, &error);
}

status _nss_standin_endnetgrent(struct netgrent *g)
{
    return NSS_STATUS_SUCCESS;
}

status _nss_standin_getnetgrent_r(struct netgrent *g, char *buf, size_t size, int *error)
{
    if (g->position++ > 2)
        return NSS_STATUS_RETURN;
    snprintf(buf, size, "host%lu", g->position);
    g->type = triple_val;
    g->val.triple.host = buf;
    g->val.triple.user = "user";
    g->val.triple.domain = "domain";
    return NSS_STATUS_SUCCESS;
}
