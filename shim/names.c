/* Name lookups. */
#include "shim/hook.h"
#include "core/resolve.h"

/* A limit on lookups holds without fibers, too. */
static bool tracked(const struct fiber *self)
{
    return self != NULL || (rt.config.timeout[OP_DNS] != 0 && fiber_self == NULL && !rt.coop);
}

EXPORT int getaddrinfo(const char *restrict node, const char *restrict service, const struct addrinfo *restrict hints,
                       struct addrinfo **restrict result)
{
    struct fiber *self = hook_enter();
    if (!tracked(self))
        return real.getaddrinfo(node, service, hints, result);
    return resolve_addrinfo(self, node, service, hints, result);
}

EXPORT int getnameinfo(const struct sockaddr *restrict addr, socklen_t addrlen, char *restrict host, socklen_t hostlen,
                       char *restrict service, socklen_t servicelen, int flags)
{
    struct fiber *self = hook_enter();
    if (!tracked(self))
        return real.getnameinfo(addr, addrlen, host, hostlen, service, servicelen, flags);
    return resolve_nameinfo(self, addr, addrlen, host, hostlen, service, servicelen, flags);
}

EXPORT struct hostent *gethostbyname(const char *name)
{
    struct fiber *self = hook_enter();
    if (!tracked(self))
        return real.gethostbyname(name);
    return resolve_host_static(self, &(struct host_query){.name = name, .family = AF_UNSPEC});
}

EXPORT struct hostent *gethostbyname2(const char *name, int family)
{
    struct fiber *self = hook_enter();
    if (!tracked(self))
        return real.gethostbyname2(name, family);
    return resolve_host_static(self, &(struct host_query){.name = name, .family = family});
}

EXPORT struct hostent *gethostbyaddr(const void *addr, socklen_t len, int family)
{
    struct fiber *self = hook_enter();
    if (!tracked(self))
        return real.gethostbyaddr(addr, len, family);
    return resolve_host_static(self, &(struct host_query){.addr = addr, .addrlen = len, .family = family});
}

EXPORT int gethostbyname_r(const char *restrict name, struct hostent *restrict host, char *restrict buf, size_t size,
                           struct hostent **restrict result, int *restrict h_error)
{
    struct fiber *self = hook_enter();
    if (!tracked(self))
        return real.gethostbyname_r(name, host, buf, size, result, h_error);
    return resolve_host(self, &(struct host_query){.name = name, .family = AF_UNSPEC}, host, buf, size, result,
                        h_error);
}

EXPORT int gethostbyname2_r(const char *restrict name, int family, struct hostent *restrict host, char *restrict buf,
                            size_t size, struct hostent **restrict result, int *restrict h_error)
{
    struct fiber *self = hook_enter();
    if (!tracked(self))
        return real.gethostbyname2_r(name, family, host, buf, size, result, h_error);
    return resolve_host(self, &(struct host_query){.name = name, .family = family}, host, buf, size, result, h_error);
}

EXPORT int gethostbyaddr_r(const void *restrict addr, socklen_t len, int family, struct hostent *restrict host,
                           char *restrict buf, size_t size, struct hostent **restrict result, int *restrict h_error)
{
    struct fiber *self = hook_enter();
    if (!tracked(self))
        return real.gethostbyaddr_r(addr, len, family, host, buf, size, result, h_error);
    return resolve_host(self, &(struct host_query){.addr = addr, .addrlen = len, .family = family}, host, buf, size,
                        result, h_error);
}
