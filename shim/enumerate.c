/* Enumerations: one entry after the other, in turn. */
#include "shim/in_turn.h"

/* ---- accounts ---- */

EXPORT void setpwent(void)
{
    struct fiber *self = in_turn(TURN_PASSWD, __func__);
    real.setpwent();
    turn_drop(self, TURN_PASSWD);
}

EXPORT void endpwent(void)
{
    struct fiber *self = in_turn(TURN_PASSWD, __func__);
    real.endpwent();
    turn_drop(self, TURN_PASSWD);
}

EXPORT struct passwd *getpwent(void)
{
    struct fiber *self = in_turn(TURN_PASSWD, __func__);
    struct passwd *r = real.getpwent();
    turn_drop(self, TURN_PASSWD);
    return r;
}

EXPORT int getpwent_r(struct passwd *record, char *buf, size_t size, struct passwd **result)
{
    struct fiber *self = in_turn(TURN_PASSWD, __func__);
    int r = real.getpwent_r(record, buf, size, result);
    turn_drop(self, TURN_PASSWD);
    return r;
}

/* ---- groups ---- */

EXPORT void setgrent(void)
{
    struct fiber *self = in_turn(TURN_GROUP, __func__);
    real.setgrent();
    turn_drop(self, TURN_GROUP);
}

EXPORT void endgrent(void)
{
    struct fiber *self = in_turn(TURN_GROUP, __func__);
    real.endgrent();
    turn_drop(self, TURN_GROUP);
}

EXPORT struct group *getgrent(void)
{
    struct fiber *self = in_turn(TURN_GROUP, __func__);
    struct group *r = real.getgrent();
    turn_drop(self, TURN_GROUP);
    return r;
}

EXPORT int getgrent_r(struct group *record, char *buf, size_t size, struct group **result)
{
    struct fiber *self = in_turn(TURN_GROUP, __func__);
    int r = real.getgrent_r(record, buf, size, result);
    turn_drop(self, TURN_GROUP);
    return r;
}

/* ---- shadow passwords ---- */

EXPORT void setspent(void)
{
    struct fiber *self = in_turn(TURN_SHADOW, __func__);
    real.setspent();
    turn_drop(self, TURN_SHADOW);
}

EXPORT void endspent(void)
{
    struct fiber *self = in_turn(TURN_SHADOW, __func__);
    real.endspent();
    turn_drop(self, TURN_SHADOW);
}

EXPORT struct spwd *getspent(void)
{
    struct fiber *self = in_turn(TURN_SHADOW, __func__);
    struct spwd *r = real.getspent();
    turn_drop(self, TURN_SHADOW);
    return r;
}

EXPORT int getspent_r(struct spwd *record, char *buf, size_t size, struct spwd **result)
{
    struct fiber *self = in_turn(TURN_SHADOW, __func__);
    int r = real.getspent_r(record, buf, size, result);
    turn_drop(self, TURN_SHADOW);
    return r;
}

/* ---- shadow groups ---- */

EXPORT void setsgent(void)
{
    struct fiber *self = in_turn(TURN_GSHADOW, __func__);
    real.setsgent();
    turn_drop(self, TURN_GSHADOW);
}

EXPORT void endsgent(void)
{
    struct fiber *self = in_turn(TURN_GSHADOW, __func__);
    real.endsgent();
    turn_drop(self, TURN_GSHADOW);
}

EXPORT struct sgrp *getsgent(void)
{
    struct fiber *self = in_turn(TURN_GSHADOW, __func__);
    struct sgrp *r = real.getsgent();
    turn_drop(self, TURN_GSHADOW);
    return r;
}

EXPORT int getsgent_r(struct sgrp *record, char *buf, size_t size, struct sgrp **result)
{
    struct fiber *self = in_turn(TURN_GSHADOW, __func__);
    int r = real.getsgent_r(record, buf, size, result);
    turn_drop(self, TURN_GSHADOW);
    return r;
}

/* ---- hosts ---- */

EXPORT void sethostent(int stay_open)
{
    struct fiber *self = in_turn(TURN_HOSTS, __func__);
    real.sethostent(stay_open);
    turn_drop(self, TURN_HOSTS);
}

EXPORT void endhostent(void)
{
    struct fiber *self = in_turn(TURN_HOSTS, __func__);
    real.endhostent();
    turn_drop(self, TURN_HOSTS);
}

EXPORT struct hostent *gethostent(void)
{
    struct fiber *self = in_turn(TURN_HOSTS, __func__);
    struct hostent *r = real.gethostent();
    turn_drop(self, TURN_HOSTS);
    return r;
}

EXPORT int gethostent_r(struct hostent *record, char *buf, size_t size, struct hostent **result, int *h_error)
{
    struct fiber *self = in_turn(TURN_HOSTS, __func__);
    int r = real.gethostent_r(record, buf, size, result, h_error);
    turn_drop(self, TURN_HOSTS);
    return r;
}

/* ---- networks ---- */

EXPORT void setnetent(int stay_open)
{
    struct fiber *self = in_turn(TURN_NETWORKS, __func__);
    real.setnetent(stay_open);
    turn_drop(self, TURN_NETWORKS);
}

EXPORT void endnetent(void)
{
    struct fiber *self = in_turn(TURN_NETWORKS, __func__);
    real.endnetent();
    turn_drop(self, TURN_NETWORKS);
}

EXPORT struct netent *getnetent(void)
{
    struct fiber *self = in_turn(TURN_NETWORKS, __func__);
    struct netent *r = real.getnetent();
    turn_drop(self, TURN_NETWORKS);
    return r;
}

EXPORT int getnetent_r(struct netent *record, char *buf, size_t size, struct netent **result, int *h_error)
{
    struct fiber *self = in_turn(TURN_NETWORKS, __func__);
    int r = real.getnetent_r(record, buf, size, result, h_error);
    turn_drop(self, TURN_NETWORKS);
    return r;
}

/* ---- services ---- */

EXPORT void setservent(int stay_open)
{
    struct fiber *self = in_turn(TURN_SERVICES, __func__);
    real.setservent(stay_open);
    turn_drop(self, TURN_SERVICES);
}

EXPORT void endservent(void)
{
    struct fiber *self = in_turn(TURN_SERVICES, __func__);
    real.endservent();
    turn_drop(self, TURN_SERVICES);
}

EXPORT struct servent *getservent(void)
{
    struct fiber *self = in_turn(TURN_SERVICES, __func__);
    struct servent *r = real.getservent();
    turn_drop(self, TURN_SERVICES);
    return r;
}

EXPORT int getservent_r(struct servent *record, char *buf, size_t size, struct servent **result)
{
    struct fiber *self = in_turn(TURN_SERVICES, __func__);
    int r = real.getservent_r(record, buf, size, result);
    turn_drop(self, TURN_SERVICES);
    return r;
}

/* ---- protocols ---- */

EXPORT void setprotoent(int stay_open)
{
    struct fiber *self = in_turn(TURN_PROTOCOLS, __func__);
    real.setprotoent(stay_open);
    turn_drop(self, TURN_PROTOCOLS);
}

EXPORT void endprotoent(void)
{
    struct fiber *self = in_turn(TURN_PROTOCOLS, __func__);
    real.endprotoent();
    turn_drop(self, TURN_PROTOCOLS);
}

EXPORT struct protoent *getprotoent(void)
{
    struct fiber *self = in_turn(TURN_PROTOCOLS, __func__);
    struct protoent *r = real.getprotoent();
    turn_drop(self, TURN_PROTOCOLS);
    return r;
}

EXPORT int getprotoent_r(struct protoent *record, char *buf, size_t size, struct protoent **result)
{
    struct fiber *self = in_turn(TURN_PROTOCOLS, __func__);
    int r = real.getprotoent_r(record, buf, size, result);
    turn_drop(self, TURN_PROTOCOLS);
    return r;
}

/* ---- numbers of RPC programs ---- */

EXPORT void setrpcent(int stay_open)
{
    struct fiber *self = in_turn(TURN_RPC, __func__);
    real.setrpcent(stay_open);
    turn_drop(self, TURN_RPC);
}

EXPORT void endrpcent(void)
{
    struct fiber *self = in_turn(TURN_RPC, __func__);
    real.endrpcent();
    turn_drop(self, TURN_RPC);
}

EXPORT struct rpcent *getrpcent(void)
{
    struct fiber *self = in_turn(TURN_RPC, __func__);
    struct rpcent *r = real.getrpcent();
    turn_drop(self, TURN_RPC);
    return r;
}

EXPORT int getrpcent_r(struct rpcent *record, char *buf, size_t size, struct rpcent **result)
{
    struct fiber *self = in_turn(TURN_RPC, __func__);
    int r = real.getrpcent_r(record, buf, size, result);
    turn_drop(self, TURN_RPC);
    return r;
}

/* ---- mail aliases ---- */

EXPORT void setaliasent(void)
{
    struct fiber *self = in_turn(TURN_ALIASES, __func__);
    real.setaliasent();
    turn_drop(self, TURN_ALIASES);
}

EXPORT void endaliasent(void)
{
    struct fiber *self = in_turn(TURN_ALIASES, __func__);
    real.endaliasent();
    turn_drop(self, TURN_ALIASES);
}

EXPORT struct aliasent *getaliasent(void)
{
    struct fiber *self = in_turn(TURN_ALIASES, __func__);
    struct aliasent *r = real.getaliasent();
    turn_drop(self, TURN_ALIASES);
    return r;
}

EXPORT int getaliasent_r(struct aliasent *record, char *buf, size_t size, struct aliasent **result)
{
    struct fiber *self = in_turn(TURN_ALIASES, __func__);
    int r = real.getaliasent_r(record, buf, size, result);
    turn_drop(self, TURN_ALIASES);
    return r;
}

/* ---- netgroups ---- */

EXPORT int setnetgrent(const char *netgroup)
{
    struct fiber *self = in_turn(TURN_NETGROUP, __func__);
    int r = real.setnetgrent(netgroup);
    turn_drop(self, TURN_NETGROUP);
    return r;
}

EXPORT void endnetgrent(void)
{
    struct fiber *self = in_turn(TURN_NETGROUP, __func__);
    real.endnetgrent();
    turn_drop(self, TURN_NETGROUP);
}

EXPORT int getnetgrent(char **host, char **user, char **domain)
{
    struct fiber *self = in_turn(TURN_NETGROUP, __func__);
    int r = real.getnetgrent(host, user, domain);
    turn_drop(self, TURN_NETGROUP);
    return r;
}

EXPORT int getnetgrent_r(char **host, char **user, char **domain, char *buf, size_t size)
{
    struct fiber *self = in_turn(TURN_NETGROUP, __func__);
    int r = real.getnetgrent_r(host, user, domain, buf, size);
    turn_drop(self, TURN_NETGROUP);
    return r;
}
