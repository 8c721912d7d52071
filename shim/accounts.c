/* Accounts, groups and what hangs on them, by a key. */
#include "core/plain.h"
#include "core/record.h"
#include "shim/names.h"

/* ---- accounts ---- */

EXPORT struct passwd *getpwnam(const char *name)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getpwnam(name);
    return record_get_static(self, RECORD_PWNAM, &(struct record_query){.name = name});
}

EXPORT int getpwnam_r(const char *name, struct passwd *record, char *buf, size_t size, struct passwd **result)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getpwnam_r(name, record, buf, size, result);
    return record_get(self, RECORD_PWNAM, &(struct record_query){.name = name}, record, buf, size, (void **)result,
                      NULL);
}

EXPORT struct passwd *getpwuid(uid_t uid)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getpwuid(uid);
    return record_get_static(self, RECORD_PWUID, &(struct record_query){.number = uid});
}

EXPORT int getpwuid_r(uid_t uid, struct passwd *record, char *buf, size_t size, struct passwd **result)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getpwuid_r(uid, record, buf, size, result);
    return record_get(self, RECORD_PWUID, &(struct record_query){.number = uid}, record, buf, size, (void **)result,
                      NULL);
}

EXPORT struct group *getgrnam(const char *name)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getgrnam(name);
    return record_get_static(self, RECORD_GRNAM, &(struct record_query){.name = name});
}

EXPORT int getgrnam_r(const char *name, struct group *record, char *buf, size_t size, struct group **result)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getgrnam_r(name, record, buf, size, result);
    return record_get(self, RECORD_GRNAM, &(struct record_query){.name = name}, record, buf, size, (void **)result,
                      NULL);
}

EXPORT struct group *getgrgid(gid_t gid)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getgrgid(gid);
    return record_get_static(self, RECORD_GRGID, &(struct record_query){.number = gid});
}

EXPORT int getgrgid_r(gid_t gid, struct group *record, char *buf, size_t size, struct group **result)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getgrgid_r(gid, record, buf, size, result);
    return record_get(self, RECORD_GRGID, &(struct record_query){.number = gid}, record, buf, size, (void **)result,
                      NULL);
}

EXPORT struct spwd *getspnam(const char *name)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getspnam(name);
    return record_get_static(self, RECORD_SPNAM, &(struct record_query){.name = name});
}

EXPORT int getspnam_r(const char *name, struct spwd *record, char *buf, size_t size, struct spwd **result)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getspnam_r(name, record, buf, size, result);
    return record_get(self, RECORD_SPNAM, &(struct record_query){.name = name}, record, buf, size, (void **)result,
                      NULL);
}

EXPORT struct sgrp *getsgnam(const char *name)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getsgnam(name);
    return record_get_static(self, RECORD_SGNAM, &(struct record_query){.name = name});
}

EXPORT int getsgnam_r(const char *name, struct sgrp *record, char *buf, size_t size, struct sgrp **result)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getsgnam_r(name, record, buf, size, result);
    return record_get(self, RECORD_SGNAM, &(struct record_query){.name = name}, record, buf, size, (void **)result,
                      NULL);
}

EXPORT struct aliasent *getaliasbyname(const char *name)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getaliasbyname(name);
    return record_get_static(self, RECORD_ALIASBYNAME, &(struct record_query){.name = name});
}

EXPORT int getaliasbyname_r(const char *name, struct aliasent *record, char *buf, size_t size, struct aliasent **result)
{
    struct fiber *self = hook_enter_cancel();
    if (!names_tracked(self))
        return real.getaliasbyname_r(name, record, buf, size, result);
    return record_get(self, RECORD_ALIASBYNAME, &(struct record_query){.name = name}, record, buf, size,
                      (void **)result, NULL);
}

/* ---- of a user ---- */

EXPORT int getgrouplist(const char *user, gid_t group, gid_t *groups, int *n)
{
    struct fiber *self = hook_enter_cancel();
    return names_tracked(self) ? plain_group_list(self, user, group, groups, n)
                               : real.getgrouplist(user, group, groups, n);
}

EXPORT int initgroups(const char *user, gid_t group)
{
    struct fiber *self = hook_enter_cancel();
    return names_tracked(self) ? plain_init_groups(self, user, group) : real.initgroups(user, group);
}

EXPORT char *getlogin(void)
{
    struct fiber *self = hook_enter_cancel();
    return names_tracked(self) ? plain_login_static(self) : real.getlogin();
}

EXPORT int getlogin_r(char *name, size_t size)
{
    struct fiber *self = hook_enter_cancel();
    return names_tracked(self) ? plain_login(self, name, size) : real.getlogin_r(name, size);
}

EXPORT int __getlogin_r_chk(char *name, size_t size, size_t room)
{
    struct fiber *self = hook_enter_cancel();
    return names_tracked(self) && size <= room ? plain_login(self, name, size)
                                               : real.__getlogin_r_chk(name, size, room);
}

EXPORT int getpw(uid_t uid, char *line)
{
    struct fiber *self = hook_enter_cancel();
    return names_tracked(self) && line != NULL ? plain_password_line(self, uid, line) : real.getpw(uid, line);
}

EXPORT int innetgr(const char *netgroup, const char *host, const char *user, const char *domain)
{
    struct fiber *self = hook_enter_cancel();
    return names_tracked(self) ? plain_in_netgroup(self, netgroup, host, user, domain)
                               : real.innetgr(netgroup, host, user, domain);
}
