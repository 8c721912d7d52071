/* Waits for children: see waits.h. Who waits for any child takes anybody's, so such cells run alone. */
#define WAITS_IN_FUTEX 0
#include "waits.h"

#include <sys/stat.h>

enum { NO_FD = REFUSED | BIT(CLOSE) | BIT(OVER) | BIT(HANGUP) | BIT(SHUT), NO_FORK = BIT(FORK) | BIT(EXEC) | BIT(CHILD) | BIT(TWICE) };

/* A child that ends with status 3 when it is told to. */
static void child_begin(struct cell *c)
{
    char x;
    must(pipe2(c->fd, O_CLOEXEC) == 0, "make a pipe");
    c->child = fork();
    if (c->child == 0) {
        setpgid(0, 0);
        _exit(read(c->fd[0], &x, 1) == 1 ? 3 : 4);
    }
    setpgid(c->child, c->child);
}

static void tell(struct cell *c)
{
    siginfo_t info;
    must(write(c->fd[1], "x\n", 2) == 2, "write");
    if (c->event == READY)
        must(waitid(P_PID, (id_t)c->child, &info, WEXITED | WNOWAIT) == 0, "see it end");
}

static void child_left(struct cell *c)
{
    int status;
    pid_t r = waitpid(c->child, &status, WNOHANG);
    if (r < 0) {
        say(c, "; none left");
        return;
    }
    say(c, r == 0 ? "; still there" : "; left");
    if (r == 0) {
        tell(c);
        while ((r = waitpid(c->child, &status, 0)) < 0 && errno == ETIMEDOUT) /* its own limit, on a loaded machine */
            ;
    }
    say(c, r == c->child && WIFEXITED(status) ? ", %d" : ", lost", WEXITSTATUS(status));
}

/* A forked child cannot wait for its siblings. */
static const struct thing child = {child_begin, tell, child_left, NULL, NULL, NO_FD | BIT(TWICE)};
/* And the one that makes it must not lose it to who waits for any. */
static const struct thing any_child = {child_begin, tell, child_left, NULL, NULL, NO_FD | NO_FORK};

static long ended(struct cell *c, long r, int status)
{
    if (r > 0)
        snprintf(c->got, sizeof c->got, "%s %x", r == c->child ? "it" : "another", (unsigned)status);
    return r < 0 ? -1 : r > 0;
}
static long do_waitpid(struct cell *c) { int s = 0; long r = waitpid(c->child, &s, 0); return ended(c, r, s); }
static long do_wait4(struct cell *c) { int s = 0; long r = wait4(c->child, &s, 0, NULL); return ended(c, r, s); }
static long do_group(struct cell *c) { int s = 0; long r = waitpid(-c->child, &s, 0); return ended(c, r, s); }
static long do_sys_wait4(struct cell *c) { int s = 0; long r = syscall(SYS_wait4, c->child, &s, 0, NULL); return ended(c, r, s); }
static long do_wait(struct cell *c) { int s = 0; long r = wait(&s); return ended(c, r, s); }
static long do_wait3(struct cell *c) { int s = 0; long r = wait3(&s, 0, NULL); return ended(c, r, s); }
static long do_any(struct cell *c) { int s = 0; long r = waitpid(-1, &s, 0); return ended(c, r, s); }
static long identified(struct cell *c, idtype_t type, id_t id, int options)
{
    siginfo_t i;
    memset(&i, 0, sizeof i);
    long r = waitid(type, id, &i, options);
    return r == 0 ? ended(c, i.si_pid, i.si_status) : r;
}
static long do_waitid(struct cell *c) { return identified(c, P_PID, (id_t)c->child, WEXITED); }
static long do_waitid_left(struct cell *c) { return identified(c, P_PID, (id_t)c->child, WEXITED | WNOWAIT); }
static long do_waitid_group(struct cell *c) { return identified(c, P_PGID, (id_t)c->child, WEXITED); }
static long do_waitid_all(struct cell *c) { return identified(c, P_ALL, 0, WEXITED); }

/* ---- shells: they read from a FIFO ---- */

static void shell_begin(struct cell *c)
{
    char path[300];
    snprintf(path, sizeof path, "%s/shell-%d", directory, c->number);
    must(mkfifo(path, 0600) == 0, "make a FIFO");
    c->state = malloc(400);
    snprintf(c->state, 400, "read x <%s; exit 3", path);
}

/* An end that stays open, so that what nobody reads is still there. */
static void answer(struct cell *c)
{
    char path[300];
    snprintf(path, sizeof path, "%s/shell-%d", directory, c->number);
    c->extra[0] = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    must(write(c->extra[0], "x\n", 2) == 2, "write");
}

static void bytes_left(struct cell *c)
{
    int n = 0;
    ioctl(c->extra[0], FIONREAD, &n);
    say(c, "; %d left", n);
}

/* A shell that nobody waits for any more is to end, too. */
static void let_go(struct cell *c)
{
    int n = 1;
    if (c->event == CHILD)
        return;
    if (!c->finishes)
        answer(c);
    for (long end = now_ms() + GIVEN; ioctl(c->extra[0], FIONREAD, &n) == 0 && n > 0 && now_ms() < end;)
        nap(1);
}

static void shell_left(struct cell *c)
{
    if (c->event == DEADLINE || c->event == STOP || (c->event == IDLE && !c->finishes))
        let_go(c);
    bytes_left(c);
}

/* Ready, it may or may not have read before it is killed. What is done asynchronously is anybody's guess. */
static const struct thing shell = {shell_begin, answer, shell_left, NULL, NULL, NO_FD | BIT(TWICE) | BIT(READY) | BIT(ASYNC)};
static long do_system(struct cell *c) { return system(c->state); }

static void popen_begin(struct cell *c)
{
    shell_begin(c);
    c->file = popen(c->state, "r");
    must(c->file != NULL, "popen");
}

static void popen_left(struct cell *c)
{
    let_go(c);
    if (c->file)
        say(c, "; then %x", (unsigned)pclose(c->file));
}

static const struct thing stream = {popen_begin, answer, popen_left, NULL, NULL, NO_FD | BIT(TWICE) | BIT(READY) | BIT(ASYNC)};
static long do_pclose(struct cell *c)
{
    FILE *f = c->file;
    c->file = NULL;
    return pclose(f);
}
static long do_popen_fgets(struct cell *c) { return fgets(c->got, 2, c->file) ? 0 : -1; }

static const struct row rows[] = {
    {"waitpid", do_waitpid, &child, 0, 0, 0},
    {"wait4", do_wait4, &child, 0, 0, 0},
    {"waitpid of a group", do_group, &child, 0, 0, 0},
    {"syscall(wait4)", do_sys_wait4, &child, 0, NO_POINT, 0},
    {"waitid", do_waitid, &child, 0, 0, 0},
    {"waitid, not taken", do_waitid_left, &child, 0, 0, 0},
    {"waitid of a group", do_waitid_group, &child, 0, 0, 0},
    {"wait", do_wait, &any_child, 0, 0, 1},
    {"wait3", do_wait3, &any_child, 0, 0, 1},
    {"waitpid of any", do_any, &any_child, 0, 0, 1},
    {"waitid of any", do_waitid_all, &any_child, 0, 0, 1},
    {"system", do_system, &shell, 0, BIT(SIGNAL), 0},
    {"pclose", do_pclose, &stream, 0, NO_POINT | BIT(SIGNAL), 0},
    {"fgets of popen", do_popen_fgets, &stream, 0, 0, 0},
};

int main(int argc, char **argv)
{
    return run_table(rows, sizeof rows / sizeof *rows, argc, argv);
}
