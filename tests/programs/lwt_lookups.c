/* lwt_lookups NAME DIR: the users, groups, protocols, services and terminals of Lwt_unix, as a C program asks for them,
 * in four threads at once. Prints what each call gave, once if it gave all threads the same. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 20 };

static struct task {
    pthread_t thread;
    char *text;
    size_t length;
    FILE *out;
} tasks[THREADS];

static void say(struct task *t, const char *call, long result)
{
    int e = errno;
    fprintf(t->out, "%s = %ld", call, result);
    if (result == -1)
        fprintf(t->out, " %s", strerrorname_np(e));
    fputc('\n', t->out);
}

#define SAY(call) say(t, #call, (long)(call))

static void user(struct task *t, const struct passwd *p)
{
    if (p == NULL)
        fputs("no user\n", t->out);
    else
        fprintf(t->out, "%s %u %u %s %s\n", p->pw_name, p->pw_uid, p->pw_gid, p->pw_dir, p->pw_shell);
}

static void group(struct task *t, const struct group *g)
{
    if (g == NULL)
        fputs("no group\n", t->out);
    else
        fprintf(t->out, "%s %u\n", g->gr_name, g->gr_gid);
}

static void protocol(struct task *t, const struct protoent *p)
{
    if (p == NULL)
        fputs("no protocol\n", t->out);
    else
        fprintf(t->out, "%s %d\n", p->p_name, p->p_proto);
}

static void service(struct task *t, const struct servent *s)
{
    if (s == NULL)
        fputs("no service\n", t->out);
    else
        fprintf(t->out, "%s %d %s\n", s->s_name, ntohs((uint16_t)s->s_port), s->s_proto);
}

static void getlogin_(struct task *t)
{
    const char *name = getlogin();
    int e = errno;
    char copy[64];
    fprintf(t->out, "%s\n", name != NULL ? name : strerrorname_np(e));
    SAY(getlogin_r(copy, sizeof copy) == (name == NULL ? e : 0));
    SAY(name == NULL || strcmp(copy, name) == 0);
}

static void getpwnam_(struct task *t)
{
    user(t, getpwnam("root"));
    user(t, getpwnam("daemon"));
    user(t, getpwnam("no such user"));
}

static void getpwuid_(struct task *t)
{
    user(t, getpwuid(0));
    user(t, getpwuid(1));
    user(t, getpwuid(4000000000u));
}

static void getgrnam_(struct task *t)
{
    group(t, getgrnam("root"));
    group(t, getgrnam("daemon"));
    group(t, getgrnam("no such group"));
}

static void getgrgid_(struct task *t)
{
    group(t, getgrgid(0));
    group(t, getgrgid(1));
    group(t, getgrgid(4000000000u));
}

static void gethostname_(struct task *t)
{
    char name[256] = "", short_name[2];
    SAY(gethostname(name, sizeof name));
    fprintf(t->out, "%s\n", name);
    SAY(strlen(name) > 1 ? gethostname(short_name, sizeof short_name) : -1);
}

static void getprotobyname_(struct task *t)
{
    protocol(t, getprotobyname("tcp"));
    protocol(t, getprotobyname("udp"));
    protocol(t, getprotobyname("no such protocol"));
}

static void getprotobynumber_(struct task *t)
{
    protocol(t, getprotobynumber(6));
    protocol(t, getprotobynumber(17));
    protocol(t, getprotobynumber(-7));
}

static void getservbyname_(struct task *t)
{
    service(t, getservbyname("http", "tcp"));
    service(t, getservbyname("domain", "udp"));
    service(t, getservbyname("no such service", NULL));
}

static void getservbyport_(struct task *t)
{
    service(t, getservbyport(htons(80), "tcp"));
    service(t, getservbyport(htons(53), "udp"));
    service(t, getservbyport(htons(1), "no such protocol"));
}

/* A pseudo terminal and, to compare, a pipe and a descriptor that is not open. */
struct terminal {
    int master, slave, pipe[2];
};

static struct terminal terminal_open(void)
{
    struct terminal x = {.master = posix_openpt(O_RDWR | O_NOCTTY)};
    char name[64];
    if (x.master < 0 || grantpt(x.master) != 0 || unlockpt(x.master) != 0 ||
        ptsname_r(x.master, name, sizeof name) != 0 || (x.slave = open(name, O_RDWR | O_NOCTTY)) < 0 ||
        pipe(x.pipe) != 0)
        abort();
    return x;
}

static void terminal_close(const struct terminal *x)
{
    close(x->master);
    close(x->slave);
    close(x->pipe[0]);
    close(x->pipe[1]);
}

static void tcgetattr_(struct task *t)
{
    struct terminal x = terminal_open();
    struct termios a;
    SAY(tcgetattr(x.slave, &a));
    SAY((a.c_lflag & ICANON) != 0);
    SAY((a.c_lflag & ECHO) != 0);
    SAY(a.c_cc[VINTR]);
    SAY(cfgetospeed(&a) == B38400);
    SAY(tcgetattr(x.pipe[0], &a));
    SAY(tcgetattr(-1, &a));
    terminal_close(&x);
}

static void tcsetattr_(struct task *t)
{
    struct terminal x = terminal_open();
    struct termios a, b;
    char c = 0;
    tcgetattr(x.slave, &a);
    cfmakeraw(&a);
    SAY(tcsetattr(x.slave, TCSANOW, &a));
    SAY(write(x.master, "q", 1));
    SAY(read(x.slave, &c, 1));
    SAY(c);
    SAY(tcgetattr(x.slave, &b));
    SAY(b.c_lflag & ICANON);
    a.c_lflag |= ICANON;
    SAY(tcsetattr(x.slave, TCSADRAIN, &a));
    SAY(tcsetattr(x.slave, TCSAFLUSH, &a));
    SAY(tcgetattr(x.slave, &b));
    SAY((b.c_lflag & ICANON) != 0);
    SAY(tcsetattr(x.slave, 77, &a));
    SAY(tcsetattr(x.pipe[0], TCSANOW, &a));
    SAY(tcsetattr(-1, TCSANOW, &a));
    terminal_close(&x);
}

static void tcsendbreak_(struct task *t)
{
    struct terminal x = terminal_open();
    SAY(tcsendbreak(x.slave, 0));
    SAY(tcsendbreak(x.pipe[0], 0));
    SAY(tcsendbreak(-1, 0));
    terminal_close(&x);
}

static void tcdrain_(struct task *t)
{
    struct terminal x = terminal_open();
    char text[16];
    SAY(write(x.slave, "abc", 3));
    SAY(tcdrain(x.slave));
    SAY(read(x.master, text, sizeof text));
    SAY(tcdrain(x.pipe[0]));
    SAY(tcdrain(-1));
    terminal_close(&x);
}

static void tcflush_(struct task *t)
{
    struct terminal x = terminal_open();
    char text[16];
    SAY(write(x.master, "lost\n", 5));
    SAY(tcflush(x.slave, TCIFLUSH));
    SAY(write(x.master, "kept\n", 5));
    SAY(read(x.slave, text, sizeof text));
    SAY(strncmp(text, "kept\n", 5));
    SAY(tcflush(x.slave, TCOFLUSH));
    SAY(tcflush(x.slave, TCIOFLUSH));
    SAY(tcflush(x.slave, 77));
    SAY(tcflush(x.pipe[0], TCIFLUSH));
    SAY(tcflush(-1, TCIFLUSH));
    terminal_close(&x);
}

static void tcflow_(struct task *t)
{
    struct terminal x = terminal_open();
    char text[16];
    SAY(tcflow(x.slave, TCOOFF));
    SAY(tcflow(x.slave, TCOON));
    SAY(write(x.slave, "abc", 3));
    SAY(read(x.master, text, sizeof text));
    SAY(tcflow(x.slave, 77));
    SAY(tcflow(x.pipe[0], TCOOFF));
    SAY(tcflow(-1, TCOOFF));
    terminal_close(&x);
}

static const struct {
    const char *name;
    void (*run)(struct task *);
    int rounds; /* the answers stay the same when all threads ask on and on */
} calls[] = {
    {"getlogin", getlogin_, 1},
    {"getpwnam", getpwnam_, ROUNDS},
    {"getpwuid", getpwuid_, ROUNDS},
    {"getgrnam", getgrnam_, ROUNDS},
    {"getgrgid", getgrgid_, ROUNDS},
    {"gethostname", gethostname_, 1},
    {"getprotobyname", getprotobyname_, 1},
    {"getprotobynumber", getprotobynumber_, 1},
    {"getservbyname", getservbyname_, 1},
    {"getservbyport", getservbyport_, 1},
    {"tcgetattr", tcgetattr_, 1},
    {"tcsetattr", tcsetattr_, 1},
    {"tcsendbreak", tcsendbreak_, 1},
    {"tcdrain", tcdrain_, 1},
    {"tcflush", tcflush_, 1},
    {"tcflow", tcflow_, 1},
};

static size_t chosen = sizeof calls / sizeof *calls;
/* The answers are libc's own buffers: one thread asks and reads at a time. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void *perform(void *task)
{
    pthread_mutex_lock(&turn);
    for (int i = 0; i < calls[chosen].rounds; i++)
        calls[chosen].run(task);
    pthread_mutex_unlock(&turn);
    return NULL;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 3 && i < sizeof calls / sizeof *calls; i++)
        if (strcmp(calls[i].name, argv[1]) == 0)
            chosen = i;
    if (chosen == sizeof calls / sizeof *calls)
        return 2;
    for (int i = 0; i < THREADS; i++) {
        struct task *t = &tasks[i];
        t->out = open_memstream(&t->text, &t->length);
        if (pthread_create(&t->thread, NULL, perform, t) != 0)
            return 3;
    }
    bool equal = true;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(tasks[i].thread, NULL);
        fclose(tasks[i].out);
        equal = equal && strcmp(tasks[i].text, tasks[0].text) == 0;
    }
    for (int i = 0; i < (equal ? 1 : THREADS); i++)
        fputs(tasks[i].text, stdout);
    puts(equal ? "the same in all threads" : "not the same in all threads");
    return equal ? 0 : 1;
}
