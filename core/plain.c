#include "core/plain.h"
#include "core/lookup.h"
#include "core/record.h"
#include "core/rt.h"
#include "shim/real.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { LINE = 2048 /* libc's own room is 1024, for the fields of a line, and for the name of a host */ };

struct plain_job {
    struct lookup lookup;
    const char *texts[4];
    union {
        id_t id;
        struct ether_addr ether;
    } key;
    long r;
    char *out;
    size_t size;
    gid_t *groups;
    int n;
    char more[];
};

static struct plain_job *job_new(void (*call)(struct lookup *), size_t out, const char *const texts[4])
{
    size_t more = out + sizeof(max_align_t);
    for (int i = 0; i < 4; i++)
        more += lookup_text_size(texts[i]);
    struct plain_job *j = lookup_new(sizeof *j + more, call, NULL);
    if (j == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    char *at = j->more;
    j->out = at;
    j->size = out;
    j->groups = (gid_t *)(((uintptr_t)at + sizeof(gid_t) - 1) & ~(sizeof(gid_t) - 1));
    at = (char *)j->groups + out;
    for (int i = 0; i < 4; i++)
        j->texts[i] = lookup_put_text(&at, texts[i]);
    return j;
}

/* Waits; false: it was not performed, and errno says why. */
static bool wait_for(struct fiber *self, struct plain_job *j, const char *name)
{
    enum lookup_end end = lookup_run(self, &j->lookup, name);
    if (end == LOOKUP_LATE)
        errno = ETIMEDOUT;
    return end == LOOKUP_DONE;
}

#define JOB(l) container_of(l, struct plain_job, lookup)

/* ---- groups ---- */

static void group_list_call(struct lookup *l)
{
    struct plain_job *j = JOB(l);
    j->r = real.getgrouplist(j->texts[0], j->key.id, j->groups, &j->n);
}

int plain_group_list(struct fiber *self, const char *user, gid_t group, gid_t *groups, int *n)
{
    size_t room = *n > 0 ? (size_t)*n : 0;
    const char *const texts[4] = {user};
    struct plain_job *j = job_new(group_list_call, room * sizeof *groups, texts);
    if (j == NULL)
        return -1;
    j->key.id = group;
    j->n = *n;
    if (!wait_for(self, j, "getgrouplist"))
        return -1;
    size_t found = j->n > 0 ? (size_t)j->n : 0;
    memcpy(groups, j->groups, (found < room ? found : room) * sizeof *groups);
    *n = j->n;
    int r = (int)j->r;
    lookup_free(j);
    return r;
}

/* As libc: as many as the kernel takes. */
static int set_groups(const gid_t *groups, size_t n)
{
    int r;
    do
        r = real.setgroups(n, groups);
    while (r != 0 && errno == EINVAL && --n > 0);
    return r;
}

int plain_init_groups(struct fiber *self, const char *user, gid_t group)
{
    for (int room = 64;; room *= 2) {
        gid_t *groups = real.malloc((size_t)room * sizeof *groups);
        int n = room;
        if (groups == NULL) {
            errno = ENOMEM;
            return -1;
        }
        int r = plain_group_list(self, user, group, groups, &n);
        bool more = r < 0 && n > room && room < NGROUPS_MAX;
        if (r >= 0 || (n > room && !more))
            r = set_groups(groups, (size_t)(n < room ? n : room));
        real.free(groups);
        if (!more)
            return r;
    }
}

/* ---- names ---- */

static void login_call(struct lookup *l)
{
    struct plain_job *j = JOB(l);
    j->r = real.getlogin_r(j->out, j->size);
}

int plain_login(struct fiber *self, char *name, size_t size)
{
    static const char *const none[4];
    struct plain_job *j = job_new(login_call, size < LINE ? size : LINE, none);
    if (j == NULL)
        return errno;
    if (!wait_for(self, j, "getlogin"))
        return errno;
    int r = (int)j->r;
    if (r == 0)
        memcpy(name, j->out, strlen(j->out) + 1);
    lookup_free(j);
    return r;
}

char *plain_login_static(struct fiber *self)
{
    char *name = record_login(self);
    int e = name == NULL ? ENOMEM : plain_login(self, name, RECORD_LOGIN_SIZE);
    if (e == 0)
        return name;
    errno = e;
    return NULL;
}

static void password_line_call(struct lookup *l)
{
    struct plain_job *j = JOB(l);
    j->r = real.getpw(j->key.id, j->out);
}

int plain_password_line(struct fiber *self, uid_t uid, char *line)
{
    static const char *const none[4];
    struct plain_job *j = job_new(password_line_call, LINE, none);
    if (j == NULL)
        return -1;
    j->key.id = uid;
    if (!wait_for(self, j, "getpw"))
        return -1;
    int r = (int)j->r;
    if (r == 0)
        memcpy(line, j->out, strlen(j->out) + 1);
    lookup_free(j);
    return r;
}

static void in_netgroup_call(struct lookup *l)
{
    struct plain_job *j = JOB(l);
    j->r = real.innetgr(j->texts[0], j->texts[1], j->texts[2], j->texts[3]);
}

int plain_in_netgroup(struct fiber *self, const char *netgroup, const char *host, const char *user, const char *domain)
{
    const char *const texts[4] = {netgroup, host, user, domain};
    struct plain_job *j = job_new(in_netgroup_call, 0, texts);
    if (j == NULL || !wait_for(self, j, "innetgr"))
        return 0;
    int r = (int)j->r;
    lookup_free(j);
    return r;
}

/* ---- hosts ---- */

static void ether_to_host_call(struct lookup *l)
{
    struct plain_job *j = JOB(l);
    j->r = real.ether_ntohost(j->out, &j->key.ether);
}

int plain_ether_to_host(struct fiber *self, char *host, const struct ether_addr *addr)
{
    static const char *const none[4];
    struct plain_job *j = job_new(ether_to_host_call, LINE, none);
    if (j == NULL)
        return -1;
    j->key.ether = *addr;
    if (!wait_for(self, j, "ether_ntohost"))
        return -1;
    int r = (int)j->r;
    if (r == 0)
        memcpy(host, j->out, strlen(j->out) + 1);
    lookup_free(j);
    return r;
}

static void host_to_ether_call(struct lookup *l)
{
    struct plain_job *j = JOB(l);
    j->r = real.ether_hostton(j->texts[0], &j->key.ether);
}

int plain_host_to_ether(struct fiber *self, const char *host, struct ether_addr *addr)
{
    const char *const texts[4] = {host};
    struct plain_job *j = job_new(host_to_ether_call, 0, texts);
    if (j == NULL || !wait_for(self, j, "ether_hostton"))
        return -1;
    int r = (int)j->r;
    if (r == 0)
        *addr = j->key.ether;
    lookup_free(j);
    return r;
}

static void host_id_call(struct lookup *l)
{
    JOB(l)->r = real.gethostid();
}

long plain_host_id(struct fiber *self)
{
    static const char *const none[4];
    struct plain_job *j = job_new(host_id_call, 0, none);
    if (j == NULL || !wait_for(self, j, "gethostid"))
        return 0;
    long r = j->r;
    lookup_free(j);
    return r;
}
