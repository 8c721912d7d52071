/* The resolver's own calls, as look-ups: getaddrinfo, getnameinfo, and questions to name servers (res_query and kin).
 * Those with a record (gethostbyname ...) are in record.h. */
#ifndef COAX_RESOLVE_H
#define COAX_RESOLVE_H

#include "core/fiber.h"

#include <netdb.h>
#include <sys/socket.h>

int resolve_addrinfo(struct fiber *self, const char *node, const char *service, const struct addrinfo *hints,
                     struct addrinfo **result);
int resolve_nameinfo(struct fiber *self, const struct sockaddr *addr, socklen_t addrlen, char *host, socklen_t hostlen,
                     char *service, socklen_t servicelen, int flags);

/* res_nquery, res_nsearch; with a domain res_nquerydomain; with a message res_nsend. state NULL: the thread's own, as
 * the functions without n. -1 and h_errno where there is no answer. */
struct resolve_question {
    struct __res_state *state;
    bool search;
    const char *name, *domain;
    const unsigned char *message;
    int class, type, length;
};

int resolve_ask(struct fiber *self, const struct resolve_question *q, unsigned char *answer, int size);

#endif
