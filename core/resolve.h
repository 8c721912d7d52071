/* Name lookups, whole on a helper thread: inside libc they block in ways nobody can hook. Everything the helper reads
 * and writes is the job's own, so that a lookup that never comes back can be abandoned when its limit passes. */
#ifndef COAX_RESOLVE_H
#define COAX_RESOLVE_H

#include "core/fiber.h"

#include <netdb.h>
#include <sys/socket.h>

int resolve_addrinfo(struct fiber *self, const char *node, const char *service, const struct addrinfo *hints,
                     struct addrinfo **result);
int resolve_nameinfo(struct fiber *self, const struct sockaddr *addr, socklen_t addrlen, char *host, socklen_t hostlen,
                     char *service, socklen_t servicelen, int flags);

/* gethostbyname_r (family AF_UNSPEC), gethostbyname2_r, gethostbyaddr_r (addr set). */
struct host_query {
    const char *name;
    const void *addr;
    socklen_t addrlen;
    int family;
};

int resolve_host(struct fiber *self, const struct host_query *query, struct hostent *host, char *buf, size_t size,
                 struct hostent **result, int *h_error);
/* The same into a buffer that belongs to the calling thread, as the non-reentrant calls answer. */
struct hostent *resolve_host_static(struct fiber *self, const struct host_query *query);

#endif
