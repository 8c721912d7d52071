/* Names and addresses of hosts, and questions to name servers. */
#include "core/record.h"
#include "core/resolve.h"
#include "shim/names.h"

EXPORT int getaddrinfo(const char *restrict node, const char *restrict service, const struct addrinfo *restrict hints,
                       struct addrinfo **restrict result)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getaddrinfo(node, service, hints, result);
    return resolve_addrinfo(self, node, service, hints, result);
}

/* Many at once are asked for on threads of libc's own, which write into the program's memory. Who waits for them steps
 * away: so a handler ends the wait as it does bare. */
EXPORT int getaddrinfo_a(int mode, struct gaicb *list[], int n, struct sigevent *notify)
{
    struct fiber *self = mode == GAI_WAIT ? hook_enter_cancel() : NULL;
    if (self != NULL)
        baton_away(self, "getaddrinfo_a");
    int r = real.getaddrinfo_a(mode, list, n, notify), saved = errno;
    if (self != NULL)
        baton_back(self);
    errno = saved;
    return r;
}

EXPORT int gai_suspend(const struct gaicb *const list[], int n, const struct timespec *timeout)
{
    struct fiber *self = hook_enter_cancel();
    if (self != NULL)
        baton_away(self, "gai_suspend");
    int r = real.gai_suspend(list, n, timeout), saved = errno;
    if (self != NULL)
        baton_back(self);
    errno = saved;
    return r;
}

EXPORT int getnameinfo(const struct sockaddr *restrict addr, socklen_t addrlen, char *restrict host, socklen_t hostlen,
                       char *restrict service, socklen_t servicelen, int flags)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getnameinfo(addr, addrlen, host, hostlen, service, servicelen, flags);
    return resolve_nameinfo(self, addr, addrlen, host, hostlen, service, servicelen, flags);
}

EXPORT struct hostent *gethostbyname(const char *name)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.gethostbyname(name);
    return record_get_static(self, RECORD_HOSTBYNAME, &(struct record_query){.name = name});
}

EXPORT struct hostent *gethostbyname2(const char *name, int family)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.gethostbyname2(name, family);
    return record_get_static(self, RECORD_HOSTBYNAME2, &(struct record_query){.name = name, .family = family});
}

EXPORT struct hostent *gethostbyaddr(const void *addr, socklen_t len, int family)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.gethostbyaddr(addr, len, family);
    return record_get_static(self, RECORD_HOSTBYADDR,
                             &(struct record_query){.addr = addr, .addrlen = len, .family = family});
}

EXPORT int gethostbyname_r(const char *restrict name, struct hostent *restrict host, char *restrict buf, size_t size,
                           struct hostent **restrict result, int *restrict h_error)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.gethostbyname_r(name, host, buf, size, result, h_error);
    return record_get(self, RECORD_HOSTBYNAME, &(struct record_query){.name = name}, host, buf, size, (void **)result,
                      h_error);
}

EXPORT int gethostbyname2_r(const char *restrict name, int family, struct hostent *restrict host, char *restrict buf,
                            size_t size, struct hostent **restrict result, int *restrict h_error)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.gethostbyname2_r(name, family, host, buf, size, result, h_error);
    return record_get(self, RECORD_HOSTBYNAME2, &(struct record_query){.name = name, .family = family}, host, buf, size,
                      (void **)result, h_error);
}

EXPORT int gethostbyaddr_r(const void *restrict addr, socklen_t len, int family, struct hostent *restrict host,
                           char *restrict buf, size_t size, struct hostent **restrict result, int *restrict h_error)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.gethostbyaddr_r(addr, len, family, host, buf, size, result, h_error);
    return record_get(self, RECORD_HOSTBYADDR, &(struct record_query){.addr = addr, .addrlen = len, .family = family},
                      host, buf, size, (void **)result, h_error);
}

/* ---- questions ---- */

EXPORT int res_query(const char *name, int class, int type, unsigned char *answer, int size)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.res_query(name, class, type, answer, size);
    return resolve_ask(self, &(struct resolve_question){.name = name, .class = class, .type = type}, answer, size);
}
TWIN(__res_query, res_query);

EXPORT int res_nquery(res_state state, const char *name, int class, int type, unsigned char *answer, int size)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.res_nquery(state, name, class, type, answer, size);
    return resolve_ask(self, &(struct resolve_question){.state = state, .name = name, .class = class, .type = type},
                       answer, size);
}
TWIN(__res_nquery, res_nquery);

EXPORT int res_search(const char *name, int class, int type, unsigned char *answer, int size)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.res_search(name, class, type, answer, size);
    return resolve_ask(self, &(struct resolve_question){.search = true, .name = name, .class = class, .type = type},
                       answer, size);
}
TWIN(__res_search, res_search);

EXPORT int res_nsearch(res_state state, const char *name, int class, int type, unsigned char *answer, int size)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.res_nsearch(state, name, class, type, answer, size);
    return resolve_ask(
        self, &(struct resolve_question){.state = state, .search = true, .name = name, .class = class, .type = type},
        answer, size);
}
TWIN(__res_nsearch, res_nsearch);

EXPORT int res_querydomain(const char *name, const char *domain, int class, int type, unsigned char *answer, int size)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.res_querydomain(name, domain, class, type, answer, size);
    return resolve_ask(self, &(struct resolve_question){.name = name, .domain = domain, .class = class, .type = type},
                       answer, size);
}
TWIN(__res_querydomain, res_querydomain);

EXPORT int res_nquerydomain(res_state state, const char *name, const char *domain, int class, int type,
                            unsigned char *answer, int size)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.res_nquerydomain(state, name, domain, class, type, answer, size);
    return resolve_ask(
        self, &(struct resolve_question){.state = state, .name = name, .domain = domain, .class = class, .type = type},
        answer, size);
}
TWIN(__res_nquerydomain, res_nquerydomain);

EXPORT int res_send(const unsigned char *message, int length, unsigned char *answer, int size)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.res_send(message, length, answer, size);
    return resolve_ask(self, &(struct resolve_question){.message = message, .length = length}, answer, size);
}
TWIN(__res_send, res_send);

EXPORT int res_nsend(res_state state, const unsigned char *message, int length, unsigned char *answer, int size)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.res_nsend(state, message, length, answer, size);
    return resolve_ask(self, &(struct resolve_question){.state = state, .message = message, .length = length}, answer,
                       size);
}
TWIN(__res_nsend, res_nsend);
