/*
 * Databases one entry after the other.
 *   files THREADS    every database as this machine has it, the threads one after the other
 *   place THREADS    in a name service that keeps its place per thread (tests/modules), with waits in between
 *   turns THREADS    all at once: each entry is given once; others go on meanwhile
 *   cancel THREADS   waiting for their turn and in the middle of one, they are cancelled; the next can enumerate
 *   utmp THREADS FILE  who is logged in, in a file of ours
 */
#define _GNU_SOURCE
#include <aliases.h>
#include <errno.h>
#include <grp.h>
#include <gshadow.h>
#include <netdb.h>
#include <netinet/in.h>
#include <nss.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <shadow.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utmp.h>
#include <utmpx.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

extern int __nss_configure_lookup(const char *database, const char *services);

static const char *mode, *path;
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static FILE *out;

/* ---- files ---- */

/* What comes first with a buffer of one's own must be what comes first without; then how many there are. */
#define COUNT(database, type, name, set, ...)                                                                          \
    do {                                                                                                               \
        struct type e, *found;                                                                                         \
        char buf[4096];                                                                                                \
        int n = 0;                                                                                                     \
        set;                                                                                                           \
        int r = get##database##ent_r(&e, buf, sizeof buf, &found __VA_ARGS__);                                         \
        set;                                                                                                           \
        struct type *first = get##database##ent();                                                                     \
        CHECK(!found == !first);                                                                                       \
        if (first)                                                                                                     \
            CHECK(!strcmp(found->name, first->name));                                                                  \
        fprintf(out, #database ": %s %s", strerrorname_np(r), first ? first->name : "-");                              \
        while (first && get##database##ent())                                                                          \
            n++;                                                                                                       \
        fprintf(out, " and %d more\n", n);                                                                             \
        end##database##ent();                                                                                          \
    } while (0)

static void files(void)
{
    int h;
    COUNT(pw, passwd, pw_name, setpwent());
    COUNT(gr, group, gr_name, setgrent());
    COUNT(sp, spwd, sp_namp, setspent());
    COUNT(sg, sgrp, sg_namp, setsgent());
    COUNT(host, hostent, h_name, sethostent(1), , &h);
    COUNT(net, netent, n_name, setnetent(0), , &h);
    COUNT(serv, servent, s_name, setservent(1));
    COUNT(proto, protoent, p_name, setprotoent(0));
    COUNT(rpc, rpcent, r_name, setrpcent(1));
    COUNT(alias, aliasent, alias_name, setaliasent());
    /* With too little room the same entry comes again. */
    struct group g, *found;
    char buf[4096];
    setgrent();
    CHECK(getgrent_r(&g, buf, 3, &found) == ERANGE && !found);
    CHECK(getgrent_r(&g, buf, sizeof buf, &found) == 0 && found == &g);
    fprintf(out, "after ERANGE: %s\n", g.gr_name);
    endgrent();
    __nss_configure_lookup("netgroup", "standin");
    char *host, *user, *domain;
    fprintf(out, "setnetgrent: %d", setnetgrent("none"));
    fprintf(out, " %d", setnetgrent("somebody"));
    while (getnetgrent(&host, &user, &domain))
        fprintf(out, " (%s,%s,%s)", host, user, domain);
    endnetgrent();
    CHECK(setnetgrent("somebody"));
    CHECK(getnetgrent_r(&host, &user, &domain, buf, sizeof buf));
    fprintf(out, " %s\n", host);
    endnetgrent();
}

/* ---- place ---- */

static void place(void)
{
    struct passwd *e;
    setpwent();
    while ((e = getpwent())) {
        fprintf(out, "%s ", e->pw_name);
        usleep(1000);
    }
    fprintf(out, "\n");
    endpwent();
}

/* ---- turns ---- */

static atomic_int given[1000];

static void *turns(void *unused)
{
    struct passwd e, *found;
    char buf[500];
    for (int i = 0; i < 3; i++) {
        errno = 77;
        CHECK(getpwent_r(&e, buf, sizeof buf, &found) == 0 && found == &e);
        int n = atoi(e.pw_name + strlen("entry"));
        CHECK(n == e.pw_uid && given[n]++ == 0);
    }
    return NULL;
}

/* ---- cancel ---- */

static atomic_int inside;

static void *again_and_again(void *unused)
{
    struct passwd e, *found;
    char buf[500];
    inside++;
    for (;;) {
        getpwent_r(&e, buf, sizeof buf, &found);
        pthread_testcancel();
    }
}

/* ---- utmp ---- */

static void utmp(void)
{
    struct utmp u = {.ut_type = USER_PROCESS, .ut_pid = 77}, record, *found;
    struct utmpx x = {.ut_type = USER_PROCESS, .ut_pid = 78}, *foundx;
    CHECK(truncate(path, 0) == 0);
    CHECK(utmpname(path) == 0);
    strcpy(u.ut_id, "ab");
    strcpy(u.ut_line, "tty77");
    strcpy(u.ut_user, "alice");
    strcpy(x.ut_id, "cd");
    strcpy(x.ut_line, "tty78");
    strcpy(x.ut_user, "bob");
    setutent();
    CHECK(pututline(&u) != NULL);
    setutxent();
    CHECK(pututxline(&x) != NULL);
    updwtmp(path, &u);
    updwtmpx(path, &x);
    CHECK(utmpxname(path) == 0);
    setutxent();
    while ((foundx = getutxent()))
        fprintf(out, "%.32s ", foundx->ut_user);
    setutent();
    fprintf(out, "| %.32s", (found = getutent()) ? found->ut_user : "-");
    CHECK(getutent_r(&record, &found) == 0);
    fprintf(out, " %.32s", found->ut_user);
    setutent();
    fprintf(out, " %.32s", (found = getutid(&u)) ? found->ut_user : "-");
    setutent();
    fprintf(out, " %.32s", (found = getutline(&u)) ? found->ut_user : "-");
    setutent();
    CHECK(getutid_r(&u, &record, &found) == 0 && found == &record);
    setutent();
    CHECK(getutline_r(&u, &record, &found) == 0 && found == &record);
    setutxent();
    fprintf(out, " %.32s", (foundx = getutxid(&x)) ? foundx->ut_user : "-");
    setutxent();
    fprintf(out, " %.32s\n", (foundx = getutxline(&x)) ? foundx->ut_user : "-");
    strcpy(u.ut_line, "none");
    setutent();
    errno = 0;
    CHECK(getutline(&u) == NULL);
    fprintf(out, "none: %s\n", strerrorname_np(errno));
    endutent();
    endutxent();
}

static void *in_order(void *unused)
{
    CHECK(pthread_mutex_lock(&one_at_a_time) == 0);
    if (!strcmp(mode, "files"))
        files();
    else if (!strcmp(mode, "place"))
        place();
    else
        utmp();
    CHECK(pthread_mutex_unlock(&one_at_a_time) == 0);
    return NULL;
}

static atomic_int stop;
static long ticks;

static void *ticker(void *unused)
{
    while (!stop) {
        usleep(1000);
        ticks++;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int n = atoi(argv[2]);
    pthread_t t[n + 1], tick;
    mode = argv[1];
    path = argc > 3 ? argv[3] : NULL;
    out = stdout;
    if (strcmp(mode, "files") && strcmp(mode, "utmp"))
        CHECK(__nss_configure_lookup("passwd", "standin") == 0);
    if (!strcmp(mode, "turns") || !strcmp(mode, "cancel")) {
        setenv("STANDIN", "shared", 1);
        CHECK(pthread_create(&tick, NULL, ticker, NULL) == 0);
        setpwent();
    }
    if (!n)
        in_order(NULL);
    for (int i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL,
                             !strcmp(mode, "turns")    ? turns
                             : !strcmp(mode, "cancel") ? again_and_again
                                                       : in_order,
                             NULL) == 0);
    for (int i = 0; i < n && !strcmp(mode, "cancel"); i++) {
        while (inside < n)
            usleep(1000);
        usleep(3000);
        CHECK(pthread_cancel(t[i]) == 0);
    }
    for (int i = 0; i < n; i++) {
        void *result;
        CHECK(pthread_join(t[i], &result) == 0 && result == (!strcmp(mode, "cancel") ? PTHREAD_CANCELED : NULL));
    }
    if (!strcmp(mode, "turns") || !strcmp(mode, "cancel")) {
        stop = 1;
        CHECK(pthread_join(tick, NULL) == 0);
        CHECK(ticks >= 5);
        struct passwd *e = getpwent();
        CHECK(e != NULL);
        if (!strcmp(mode, "turns"))
            printf("then %s\n", e->pw_name);
        endpwent();
        printf("%d threads\n", n);
    }
    return 0;
}
