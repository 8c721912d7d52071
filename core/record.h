/* Look-ups by a key that answer with a record: accounts, hosts, networks, services. libc has three shapes of each: with
 * a buffer of the caller's (_r), without, and one after another (those: core/turn.h).
 *
 * Without a buffer libc answers from memory of the process that each function has for itself, and the record stays
 * where it is from call to call. Threads that use such a function must not do so at a time; fibers need not know, so
 * each has records of its own. When it ends they go to the next fiber that asks, and are never freed: whoever still
 * looks at one sees at worst another answer, as bare. */
#ifndef COAX_RECORD_H
#define COAX_RECORD_H

#include "core/fiber.h"

#include <sys/socket.h>

enum record_kind {
    RECORD_PWNAM,
    RECORD_PWUID,
    RECORD_GRNAM,
    RECORD_GRGID,
    RECORD_SPNAM,
    RECORD_SGNAM,
    RECORD_HOSTBYNAME,
    RECORD_HOSTBYNAME2,
    RECORD_HOSTBYADDR,
    RECORD_NETBYNAME,
    RECORD_NETBYADDR,
    RECORD_SERVBYNAME,
    RECORD_SERVBYPORT,
    RECORD_PROTOBYNAME,
    RECORD_PROTOBYNUMBER,
    RECORD_RPCBYNAME,
    RECORD_RPCBYNUMBER,
    RECORD_ALIASBYNAME,
    RECORD_KINDS,
};

/* What of it the kind takes. */
struct record_query {
    const char *name, *protocol;
    const void *addr;
    socklen_t addrlen;
    int family;
    unsigned number;
};

/* As the _r function: its result; h_error NULL where it has none. A limit that passes is ETIMEDOUT, of hosts and
 * networks EAGAIN with TRY_AGAIN. */
int record_get(struct fiber *self, enum record_kind kind, const struct record_query *q, void *record, char *buf,
               size_t size, void **result, int *h_error);
/* As the function without a buffer: NULL, errno and h_errno say why. */
void *record_get_static(struct fiber *self, enum record_kind kind, const struct record_query *q);

/* Room for getlogin's answer, as much as libc has. */
enum { RECORD_LOGIN_SIZE = 33 };
char *record_login(struct fiber *self);

struct records;
/* Inside the core: a fiber ends that had these. */
void record_release(struct records *records);

#endif
