/* Networks, services, protocols and the numbers of hosts, by a key. */
#include "core/plain.h"
#include "core/record.h"
#include "shim/names.h"

/* ---- networks ---- */

EXPORT struct netent *getnetbyname(const char *name)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getnetbyname(name);
    return record_get_static(self, RECORD_NETBYNAME, &(struct record_query){.name = name});
}

EXPORT int getnetbyname_r(const char *name, struct netent *record, char *buf, size_t size, struct netent **result,
                          int *h_error)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getnetbyname_r(name, record, buf, size, result, h_error);
    return record_get(self, RECORD_NETBYNAME, &(struct record_query){.name = name}, record, buf, size, (void **)result,
                      h_error);
}

EXPORT struct netent *getnetbyaddr(uint32_t net, int type)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getnetbyaddr(net, type);
    return record_get_static(self, RECORD_NETBYADDR, &(struct record_query){.number = net, .family = type});
}

EXPORT int getnetbyaddr_r(uint32_t net, int type, struct netent *record, char *buf, size_t size, struct netent **result,
                          int *h_error)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getnetbyaddr_r(net, type, record, buf, size, result, h_error);
    return record_get(self, RECORD_NETBYADDR, &(struct record_query){.number = net, .family = type}, record, buf, size,
                      (void **)result, h_error);
}

/* ---- services ---- */

EXPORT struct servent *getservbyname(const char *name, const char *protocol)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getservbyname(name, protocol);
    return record_get_static(self, RECORD_SERVBYNAME, &(struct record_query){.name = name, .protocol = protocol});
}

EXPORT int getservbyname_r(const char *name, const char *protocol, struct servent *record, char *buf, size_t size,
                           struct servent **result)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getservbyname_r(name, protocol, record, buf, size, result);
    return record_get(self, RECORD_SERVBYNAME, &(struct record_query){.name = name, .protocol = protocol}, record, buf,
                      size, (void **)result, NULL);
}

EXPORT struct servent *getservbyport(int port, const char *protocol)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getservbyport(port, protocol);
    return record_get_static(self, RECORD_SERVBYPORT,
                             &(struct record_query){.number = (unsigned)port, .protocol = protocol});
}

EXPORT int getservbyport_r(int port, const char *protocol, struct servent *record, char *buf, size_t size,
                           struct servent **result)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getservbyport_r(port, protocol, record, buf, size, result);
    return record_get(self, RECORD_SERVBYPORT, &(struct record_query){.number = (unsigned)port, .protocol = protocol},
                      record, buf, size, (void **)result, NULL);
}

EXPORT struct protoent *getprotobyname(const char *name)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getprotobyname(name);
    return record_get_static(self, RECORD_PROTOBYNAME, &(struct record_query){.name = name});
}

EXPORT int getprotobyname_r(const char *name, struct protoent *record, char *buf, size_t size, struct protoent **result)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getprotobyname_r(name, record, buf, size, result);
    return record_get(self, RECORD_PROTOBYNAME, &(struct record_query){.name = name}, record, buf, size,
                      (void **)result, NULL);
}

EXPORT struct protoent *getprotobynumber(int number)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getprotobynumber(number);
    return record_get_static(self, RECORD_PROTOBYNUMBER, &(struct record_query){.number = (unsigned)number});
}

EXPORT int getprotobynumber_r(int number, struct protoent *record, char *buf, size_t size, struct protoent **result)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getprotobynumber_r(number, record, buf, size, result);
    return record_get(self, RECORD_PROTOBYNUMBER, &(struct record_query){.number = (unsigned)number}, record, buf, size,
                      (void **)result, NULL);
}

EXPORT struct rpcent *getrpcbyname(const char *name)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getrpcbyname(name);
    return record_get_static(self, RECORD_RPCBYNAME, &(struct record_query){.name = name});
}

EXPORT int getrpcbyname_r(const char *name, struct rpcent *record, char *buf, size_t size, struct rpcent **result)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getrpcbyname_r(name, record, buf, size, result);
    return record_get(self, RECORD_RPCBYNAME, &(struct record_query){.name = name}, record, buf, size, (void **)result,
                      NULL);
}

EXPORT struct rpcent *getrpcbynumber(int number)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getrpcbynumber(number);
    return record_get_static(self, RECORD_RPCBYNUMBER, &(struct record_query){.number = (unsigned)number});
}

EXPORT int getrpcbynumber_r(int number, struct rpcent *record, char *buf, size_t size, struct rpcent **result)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getrpcbynumber_r(number, record, buf, size, result);
    return record_get(self, RECORD_RPCBYNUMBER, &(struct record_query){.number = (unsigned)number}, record, buf, size,
                      (void **)result, NULL);
}

/* ---- hosts ---- */

EXPORT int ether_ntohost(char *host, const struct ether_addr *addr)
{
    struct fiber *self = hook_enter_cancel();
    return names_tracked(self) ? plain_ether_to_host(self, host, addr) : real.ether_ntohost(host, addr);
}

EXPORT int ether_hostton(const char *host, struct ether_addr *addr)
{
    struct fiber *self = hook_enter_cancel();
    return names_tracked(self) ? plain_host_to_ether(self, host, addr) : real.ether_hostton(host, addr);
}

EXPORT long gethostid(void)
{
    struct fiber *self = hook_enter_cancel();
    return names_tracked(self) ? plain_host_id(self) : real.gethostid();
}
