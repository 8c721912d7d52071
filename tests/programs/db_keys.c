/*
 * Every look-up by a key, with and without a buffer of one's own, in a name service of our own (tests/modules): what is
 * found, what is not, a buffer that is too small, errors. Each thread sees the same.
 * usage: db_keys THREADS [own] (own: without a buffer, too, each thread looks at its own answer, without a lock)
 */
#define _GNU_SOURCE
#include <aliases.h>
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <gshadow.h>
#include <netdb.h>
#include <netinet/ether.h>
#include <nss.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

extern int __getlogin_r_chk(char *name, size_t size, size_t room);
extern int __nss_configure_lookup(const char *database, const char *services);

struct text {
    char *at;
    size_t n;
};

static pthread_mutex_t shared = PTHREAD_MUTEX_INITIALIZER;
static int own;

static void lock(void)
{
    if (!own)
        CHECK(pthread_mutex_lock(&shared) == 0);
    errno = 0;
}

static void unlock(void)
{
    if (!own)
        CHECK(pthread_mutex_unlock(&shared) == 0);
}

static void show_list(FILE *f, char **list, size_t n)
{
    fprintf(f, " [");
    for (size_t i = 0; list && i < n && list[i]; i++)
        fprintf(f, " %s", list[i]);
    fprintf(f, " ]");
}

static void show_passwd(FILE *f, const struct passwd *e)
{
    fprintf(f, "%s:%s:%u:%u:%s:%s:%s", e->pw_name, e->pw_passwd, e->pw_uid, e->pw_gid, e->pw_gecos, e->pw_dir,
            e->pw_shell);
}

static void show_group(FILE *f, const struct group *e)
{
    fprintf(f, "%s:%s:%u", e->gr_name, e->gr_passwd, e->gr_gid);
    show_list(f, e->gr_mem, 99);
}

static void show_spwd(FILE *f, const struct spwd *e)
{
    fprintf(f, "%s:%s:%ld:%ld", e->sp_namp, e->sp_pwdp, e->sp_lstchg, e->sp_max);
}

static void show_sgrp(FILE *f, const struct sgrp *e)
{
    fprintf(f, "%s:%s", e->sg_namp, e->sg_passwd);
    show_list(f, e->sg_adm, 99);
    show_list(f, e->sg_mem, 99);
}

static void show_netent(FILE *f, const struct netent *e)
{
    fprintf(f, "%s %d %u", e->n_name, e->n_addrtype, e->n_net);
    show_list(f, e->n_aliases, 99);
}

static void show_servent(FILE *f, const struct servent *e)
{
    fprintf(f, "%s %d %s", e->s_name, e->s_port, e->s_proto);
    show_list(f, e->s_aliases, 99);
}

static void show_protoent(FILE *f, const struct protoent *e)
{
    fprintf(f, "%s %d", e->p_name, e->p_proto);
    show_list(f, e->p_aliases, 99);
}

static void show_rpcent(FILE *f, const struct rpcent *e)
{
    fprintf(f, "%s %d", e->r_name, e->r_number);
    show_list(f, e->r_aliases, 99);
}

static void show_aliasent(FILE *f, const struct aliasent *e)
{
    fprintf(f, "%s %d", e->alias_name, e->alias_local);
    show_list(f, e->alias_members, e->alias_members_len);
}

/* One key of one database: in room enough, in too little, without. */
#define TRY(type, function, key, ...)                                                                                  \
    do {                                                                                                               \
        struct type e, *found = &e;                                                                                    \
        errno = 0;                                                                                                     \
        int r = function##_r(__VA_ARGS__, &e, buf, sizeof buf, &found);                                                \
        fprintf(f, #function "_r %s: %s (%s) ", key, strerrorname_np(r), strerrorname_np(errno));                      \
        CHECK(!found || found == &e);                                                                                  \
        if (found)                                                                                                     \
            show_##type(f, found);                                                                                     \
        r = function##_r(__VA_ARGS__, &e, buf, 12, &found);                                                            \
        fprintf(f, "\n  in little: %s %s\n", strerrorname_np(r), found ? "found" : "-");                               \
        lock();                                                                                                        \
        found = function(__VA_ARGS__);                                                                                 \
        fprintf(f, "  without: (%s) ", strerrorname_np(errno));                                                        \
        if (own)                                                                                                       \
            sched_yield();                                                                                             \
        if (found)                                                                                                     \
            show_##type(f, found);                                                                                     \
        unlock();                                                                                                      \
        fprintf(f, "\n");                                                                                              \
    } while (0)

#define TRY_NET(type, function, key, ...)                                                                              \
    do {                                                                                                               \
        struct type e, *found = &e;                                                                                    \
        int h = 77;                                                                                                    \
        errno = 0;                                                                                                     \
        int r = function##_r(__VA_ARGS__, &e, buf, sizeof buf, &found, &h);                                            \
        fprintf(f, #function "_r %s: %s (%s, h %d) ", key, strerrorname_np(r), strerrorname_np(errno), h);             \
        if (found)                                                                                                     \
            show_##type(f, found);                                                                                     \
        r = function##_r(__VA_ARGS__, &e, buf, 12, &found, &h);                                                        \
        fprintf(f, "\n  in little: %s %s %d\n", strerrorname_np(r), found ? "found" : "-", h);                         \
        lock();                                                                                                        \
        h_errno = 77;                                                                                                  \
        found = function(__VA_ARGS__);                                                                                 \
        fprintf(f, "  without: (%s, h %d) ", strerrorname_np(errno), h_errno);                                         \
        if (found)                                                                                                     \
            show_##type(f, found);                                                                                     \
        unlock();                                                                                                      \
        fprintf(f, "\n");                                                                                              \
    } while (0)

static void records(FILE *f)
{
    static const char *names[] = {"alice", "none", "again", "broken", "a-name-that-is-rather-long-and-does-not-end-soon"};
    static const unsigned numbers[] = {1, 9, 70000};
    char buf[1024];
    for (int i = 0; i < 5; i++) {
        TRY(passwd, getpwnam, names[i], names[i]);
        TRY(group, getgrnam, names[i], names[i]);
        TRY(spwd, getspnam, names[i], names[i]);
        TRY(sgrp, getsgnam, names[i], names[i]);
        TRY_NET(netent, getnetbyname, names[i], names[i]);
        TRY(servent, getservbyname, names[i], names[i], "tcp");
        TRY(servent, getservbyname, names[i], names[i], NULL);
        TRY(protoent, getprotobyname, names[i], names[i]);
        TRY(rpcent, getrpcbyname, names[i], names[i]);
        TRY(aliasent, getaliasbyname, names[i], names[i]);
    }
    for (int i = 0; i < 3; i++) {
        char number[16];
        snprintf(number, sizeof number, "%u", numbers[i]);
        TRY(passwd, getpwuid, number, numbers[i]);
        TRY(group, getgrgid, number, numbers[i]);
        TRY_NET(netent, getnetbyaddr, number, numbers[i], AF_INET);
        TRY(servent, getservbyport, number, numbers[i], NULL);
        TRY(protoent, getprotobynumber, number, numbers[i]);
        TRY(rpcent, getrpcbynumber, number, numbers[i]);
    }
}

static void plain(FILE *f)
{
    static const char *names[] = {"alice", "none", "again"};
    char line[1024];
    for (int i = 0; i < 3; i++) {
        gid_t groups[100] = {0};
        struct ether_addr addr = {{0}};
        int n = 100, r = getgrouplist(names[i], 5, groups, &n);
        fprintf(f, "getgrouplist %s: %d %d %u %u\n", names[i], r, n, groups[0], groups[1]);
        groups[1] = 0;
        n = 1;
        r = getgrouplist(names[i], 5, groups, &n);
        fprintf(f, "  in little: %d %d %u %u\n", r, n, groups[0], groups[1]);
        r = ether_hostton(names[i], &addr);
        fprintf(f, "ether_hostton %s: %d %d\n", names[i], r, addr.ether_addr_octet[5]);
        fprintf(f, "innetgr %s: %d %d %d\n", names[i], innetgr(names[i], "host2", "user", "domain"),
                innetgr(names[i], "host9", "user", "domain"), innetgr(names[i], NULL, NULL, NULL));
    }
    struct ether_addr one = {{2, 0, 0, 0, 0, 1}}, none = {{2, 0, 0, 0, 0, 9}};
    strcpy(line, "?");
    int r = ether_ntohost(line, &one);
    fprintf(f, "ether_ntohost: %d %s\n", r, line);
    strcpy(line, "?");
    r = ether_ntohost(line, &none);
    fprintf(f, "ether_ntohost: %d %s\n", r, line);
    strcpy(line, "?");
    r = getpw(1, line);
    fprintf(f, "getpw: %d %s\n", r, line);
    strcpy(line, "?");
    r = getpw(9, line);
    fprintf(f, "getpw: %d %s\n", r, line);
    fprintf(f, "getpw into nothing: %d %s\n", getpw(1, NULL), strerrorname_np(errno));
    fprintf(f, "gethostid %lx\n", gethostid());
    strcpy(line, "?");
    r = getlogin_r(line, sizeof line);
    fprintf(f, "getlogin_r: %s %s\n", strerrorname_np(r), line);
    CHECK(__getlogin_r_chk(line, sizeof line, sizeof line) == r);
    r = getlogin_r(line, 1);
    fprintf(f, "  in little: %s\n", strerrorname_np(r));
    lock();
    char *name = getlogin();
    fprintf(f, "getlogin: %s (%s)\n", name ? name : "-", strerrorname_np(errno));
    unlock();
}

/* What libc answers without a buffer stays until the same function is called again, and is where it was. */
static void stays(void)
{
    lock();
    struct passwd *one = getpwnam("first"), *two = getpwuid(1);
    struct group *three = getgrnam("third");
    CHECK(one && two && three && one != two);
    CHECK(!strcmp(one->pw_name, "first") && !strcmp(two->pw_name, "someone") && !strcmp(three->gr_name, "third"));
    CHECK(getpwnam("next") == one && !strcmp(one->pw_name, "next"));
    CHECK(getpwnam("none") == NULL && !strcmp(two->pw_dir, "/homes/someone"));
    char name[5000];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    CHECK(getpwnam(name) == one && strlen(one->pw_gecos) == sizeof name + 3);
    unlock();
}

static void *scenario(void *arg)
{
    struct text *t = arg;
    FILE *f = open_memstream(&t->at, &t->n);
    CHECK(f != NULL);
    records(f);
    plain(f);
    stays();
    CHECK(fclose(f) == 0);
    return NULL;
}

int main(int argc, char **argv)
{
    static const char *databases[] = {"passwd",   "group",     "shadow", "gshadow", "networks", "services",
                                      "protocols", "rpc",       "aliases", "ethers", "netgroup", "initgroups"};
    int n = argc > 1 ? atoi(argv[1]) : 0;
    own = argc > 2;
    for (int i = 0; i < 12; i++)
        CHECK(__nss_configure_lookup(databases[i], "standin") == 0);
    pthread_t t[n + 1];
    struct text text[n + 1];
    if (!n)
        scenario(&text[0]);
    for (int i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, scenario, &text[i]) == 0);
    for (int i = 0; i < n; i++) {
        CHECK(pthread_join(t[i], NULL) == 0);
        if (text[i].n != text[0].n || memcmp(text[i].at, text[0].at, text[0].n))
            printf("FAIL thread %d differs:\n%s", i, text[i].at);
    }
    fputs(text[0].at, stdout);
    return 0;
}
