/* A table of waits: each call that can wait (a row, by what it waits for: a thing) against each event that may come
 * while it does (a column). In a cell one thread waits in the call, and its controller makes the event happen. Many
 * cells run at a time, each with things of its own; a line says how the call ended and what is left afterwards. A cell
 * that does not end says so, and the others are not kept.
 * A family is a file waits_*.c with its rows; WAITS_IN_FUTEX: some of these wait in a futex. usage: waits_FAMILY DIRECTORY EVENT... */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef WAITS_COAX
#include <coax.h>
#endif

enum event {
    FINISH,   /* what it waits for comes */
    CLOSE,    /* its descriptor is closed */
    OVER,     /* something else is put onto its descriptor's number */
    HANGUP,   /* the other end is closed */
    SHUT,     /* its socket is shut down */
    CANCEL,   /* it is cancelled */
    ASYNC,    /* so, and its type is asynchronous */
    SHIELDED, /* so, but it does not take cancellations now */
    BEFORE,   /* so, before the call, which would wait */
    READY,    /* so, before the call, which would not wait */
    SIGNAL,   /* a handler runs that was installed without SA_RESTART */
    RESTART,  /* and with it */
    FORK,     /* another thread forks, the child ends */
    EXEC,     /* and executes something */
    CHILD,    /* and lets the call finish */
    TWICE,    /* and makes the same call; both are to finish */
    NONBLOCK, /* its descriptor has O_NONBLOCK from the first */
    BADFD,    /* it has no such descriptor */
    WRONG,    /* it has one of another kind, that can do nothing */
    IDLE,     /* nothing, for longer than any limit on the operation */
    DEADLINE, /* coax_with_timeout */
    STOP,     /* coax_cancel */
    EVENTS
};

static const char *const event_names[EVENTS] = {
    "finish",  "close",  "over", "hangup", "shut", "cancel", "async", "shielded", "before",   "ready",
    "signal",  "restart", "fork", "exec",   "child", "twice",  "nonblock", "badfd", "wrong", "idle",  "deadline", "stop",
};

enum { BRIEF = 15, LIMIT = 400, GIVEN = 15000, AT_ONCE = 32, TEXT = 400, MOST_CELLS = 4000 };
#define BIT(event) (1u << (event))
/* What is refused, or cannot be done at once: no wait. */
enum { REFUSED = BIT(NONBLOCK) | BIT(BADFD) | BIT(WRONG) };
/* What goes on in a call that is no cancellation point; in one that coax.h cannot end. */
enum { NO_POINT = BIT(CANCEL) | BIT(BEFORE), ENDLESS = BIT(DEADLINE) | BIT(STOP) };

struct cell;
struct thing {
    void (*begin)(struct cell *);
    void (*finish)(struct cell *);
    void (*left)(struct cell *);   /* says what is left */
    void (*hang_up)(struct cell *);
    void (*after)(struct cell *);  /* by the thread itself, once its call is over, by cancellation, too */
    unsigned except;               /* bits of events that are not for it */
    unsigned goes_on;              /* and of those that do not end the wait */
};

struct row {
    const char *name;
    long (*call)(struct cell *);
    const struct thing *thing;
    unsigned except, goes_on;
    int alone; /* cells of this row disturb others of their process: one at a time */
};

struct cell {
    const struct row *row;
    enum event event;
    pthread_t thread;
    volatile int started, go, done, cleaned, handled, pipes;
    volatile pid_t tid;
    long r;
    int error;
    int fd[2];    /* fd[0] is the one that the call is made with, by default */
    int extra[4]; /* closed at the end */
    int number;   /* unique */
    int finishes;
    pid_t child;
    void *state;
    FILE *file;
    char got[64], other[64];
    char text[TEXT];
    int length;
};

static char directory[200];
static struct cell *cells;
static int cell_count;
static __thread struct cell *own_cell;

static void say(struct cell *c, const char *format, ...)
{
    va_list ap;
    int n;
    va_start(ap, format);
    n = vsnprintf(c->text + c->length, (size_t)(TEXT - c->length), format, ap);
    va_end(ap);
    c->length = c->length + n < TEXT ? c->length + n : TEXT - 1;
}

static void must(int good, const char *what)
{
    if (!good) {
        dprintf(2, "cannot %s: %s\n", what, strerrorname_np(errno));
        _exit(1);
    }
}

static void nap(int ms)
{
    struct timespec t;
    t.tv_sec = ms / 1000;
    t.tv_nsec = ms % 1000 * 1000000L;
    nanosleep(&t, NULL);
}

/* pthread's way to fail as the others have it. */
static __attribute__((unused)) long number(int e)
{
    if (e == 0)
        return 0;
    errno = e;
    return -1;
}

static __attribute__((unused)) struct timespec in_ms(clockid_t clock, long ms)
{
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the thread that waits ---- */

static void cleanup(void *arg)
{
    struct cell *c = arg;
    c->cleaned++;
    if (c->row->thing->after)
        c->row->thing->after(c);
}

static int make_call(void *arg)
{
    struct cell *c = arg;
    errno = 0;
    c->r = c->row->call(c);
    c->error = errno;
    return 0;
}

static void *waiter(void *arg)
{
    struct cell *c = arg;
    enum event e = c->event;
    own_cell = c;
    c->tid = (pid_t)syscall(SYS_gettid);
    if (e == SHIELDED || e == BEFORE || e == READY)
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    if (e == ASYNC)
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    pthread_cleanup_push(cleanup, c);
    while ((e == BEFORE || e == READY) && !c->go)
        nap(1);
    if (e == BEFORE || e == READY)
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    c->started = 1;
#ifdef WAITS_COAX
    if (e == DEADLINE)
        coax_with_timeout(0.02, make_call, c);
    else
#endif
        make_call(c);
    c->done = 1;
    if (e == ASYNC)
        pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
    if (e == SHIELDED)
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_cleanup_pop(0);
    if (c->row->thing->after)
        c->row->thing->after(c);
    if (e == SHIELDED)
        pthread_testcancel();
    return NULL;
}

static void on_signal(int signum)
{
    (void)signum;
    if (own_cell)
        own_cell->handled++;
}

static void on_pipe(int signum)
{
    (void)signum;
    if (own_cell)
        own_cell->pipes++;
}

/* ---- its controller ---- */

/* In which call of the kernel it sleeps: 1 if it is the same as in `last`, which is set. A thread that is none of the
 * kernel's has slept when its controller has. On the way to their call some wait for a lock of libc's that a fork
 * has. */
static int asleep(struct cell *c, char last[200])
{
    char path[64], text[200];
    int fd, same;
    ssize_t n;
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", (int)c->tid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 1;
    n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return 1;
    text[n] = 0;
    same = strcmp(text, last) == 0 && text[0] != 'r' && (WAITS_IN_FUTEX || atoi(text) != SYS_futex);
    strcpy(last, text);
    return same;
}

static int over(struct cell *c)
{
    return c->done || c->cleaned;
}

static void until_it_waits(struct cell *c)
{
    char last[200] = "";
    while (!c->started)
        nap(1);
    do
        nap(BRIEF);
    while (!over(c) && !asleep(c, last));
}

static int over_within(struct cell *c, int ms)
{
    long end = now_ms() + ms;
    while (!over(c) && now_ms() < end)
        nap(2);
    return over(c);
}

static void finish(struct cell *c)
{
    c->finishes++;
    c->row->thing->finish(c);
}

/* The event alone is to end it. */
static int ends(struct cell *c)
{
    const unsigned never = BIT(FINISH) | BIT(SHIELDED) | BIT(RESTART) | BIT(FORK) | BIT(EXEC) | BIT(IDLE);
    return ((never | c->row->goes_on | c->row->thing->goes_on) & BIT(c->event)) == 0;
}

/* Again and again, in case it did not wait yet when the first one came. */
static void interrupt(struct cell *c, int signum)
{
    long end = now_ms() + (ends(c) ? GIVEN : BRIEF);
    do {
        int before = c->handled;
        pthread_kill(c->thread, signum);
        for (long last = now_ms() + GIVEN; c->handled == before && !over(c) && now_ms() < last;)
            nap(1);
        if (c->handled == before && !over(c))
            say(c, " no handler ran,");
        over_within(c, BRIEF);
    } while (!over(c) && now_ms() < end);
}

static void reap(struct cell *c, pid_t child)
{
    int status = 0;
    if (waitpid(child, &status, 0) != child)
        say(c, " child lost (%s),", strerrorname_np(errno));
    else if (status != (c->event == CHILD ? SIGKILL : 0))
        say(c, " child ended with %x,", status);
}

static void result(struct cell *c, long r, int error)
{
    say(c, " %ld", r);
    if (r < 0)
        say(c, " %s", strerrorname_np(error) ? strerrorname_np(error) : "0");
    c->got[strcspn(c->got, "\n")] = 0;
    if (c->got[0])
        say(c, " '%s'", c->got);
    if (c->pipes)
        say(c, " SIGPIPE");
}

/* The child makes the call, too, and tells through a pipe how it ended. Which of the two gets what is anybody's guess. */
static void twice(struct cell *c)
{
    int tell[2];
    char *text = c->other;
    ssize_t n;
    pid_t child;
    must(pipe2(tell, O_CLOEXEC) == 0, "make a pipe");
    child = fork();
    if (child == 0) {
        struct cell copy = *c;
        alarm(GIVEN / 1000);
        copy.length = 0;
        own_cell = &copy;
        make_call(&copy);
        result(&copy, copy.r, copy.error);
        n = write(tell[1], copy.text, (size_t)copy.length);
        _exit(n == copy.length ? 0 : 1);
    }
    close(tell[1]);
    nap(2 * BRIEF);
    finish(c);
    finish(c);
    n = read(tell[0], text, sizeof c->other - 1);
    text[n > 0 ? n : 0] = 0;
    close(tell[0]);
    reap(c, child);
}

static void forked(struct cell *c)
{
    static char *const words[] = {(char *)"true", NULL};
    pid_t child = fork();
    if (child == 0 && c->event == CHILD) { /* what it holds is there until the call is over */
        alarm(2 * GIVEN / 1000);
        c->row->thing->finish(c);
        for (;;)
            pause();
    }
    if (child == 0) {
        if (c->event == EXEC)
            execv("/bin/true", words);
        _exit(c->event == EXEC);
    }
    if (c->event == CHILD) {
        over_within(c, GIVEN);
        kill(child, SIGKILL);
    }
    reap(c, child);
}

static void happens(struct cell *c)
{
    int null;
    switch (c->event) {
    case CLOSE:
        close(c->fd[0]);
        c->fd[0] = -1;
        break;
    case OVER:
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        must(dup2(null, c->fd[0]) == c->fd[0], "dup2");
        close(null);
        break;
    case HANGUP:
        c->row->thing->hang_up(c);
        break;
    case SHUT:
        shutdown(c->fd[0], SHUT_RDWR);
        break;
    case CANCEL:
    case ASYNC:
    case SHIELDED:
        pthread_cancel(c->thread);
        break;
    case SIGNAL:
        interrupt(c, SIGUSR1);
        break;
    case RESTART:
        interrupt(c, SIGUSR2);
        break;
    case FORK:
    case EXEC:
    case CHILD:
        forked(c);
        break;
    case TWICE:
        twice(c);
        break;
#ifdef WAITS_COAX
    case STOP:
        coax_cancel(c->thread);
        break;
#endif
    default:
        break;
    }
}

static void both(struct cell *c)
{
    char own[TEXT];
    int length = c->length;
    result(c, c->r, c->error);
    strcpy(own, c->text + length);
    c->text[c->length = length] = 0;
    if (strcmp(own, c->other) < 0)
        say(c, "%s and%s", own, c->other);
    else
        say(c, "%s and%s", c->other, own);
}

static void join(struct cell *c)
{
    struct timespec end = in_ms(CLOCK_REALTIME, GIVEN);
    void *value = NULL;
    if (pthread_timedjoin_np(c->thread, &value, &end) != 0) {
        say(c, " HANGS");
        return;
    }
    if (value == PTHREAD_CANCELED)
        say(c, c->done ? " returned, then cancelled," : " cancelled,");
    if (c->event == TWICE)
        both(c);
    else if (c->done)
        result(c, c->r, c->error);
    if (value == PTHREAD_CANCELED && !c->done && c->cleaned != 1)
        say(c, " cleaned up %d times", c->cleaned);
    if (c->row->thing->left)
        c->row->thing->left(c);
}

/* Gives the call another descriptor. Returns its own. */
static int spoil(struct cell *c)
{
    int own = c->fd[0];
    if (c->event == NONBLOCK)
        fcntl(own, F_SETFL, fcntl(own, F_GETFL) | O_NONBLOCK);
    else if (c->event == BADFD)
        c->fd[0] = 999999;
    else if (c->event == WRONG)
        c->fd[0] = open("/", O_PATH | O_CLOEXEC);
    return own;
}

static void restore(struct cell *c, int own)
{
    if (c->event == WRONG)
        close(c->fd[0]);
    if (BIT(c->event) & (BIT(BADFD) | BIT(WRONG)))
        c->fd[0] = own;
}

static void run_cell(struct cell *c)
{
    pthread_attr_t attr;
    enum event e = c->event;
    int own;
    c->fd[0] = c->fd[1] = -1;
    for (int i = 0; i < 4; i++)
        c->extra[i] = -1;
    if (c->row->thing->begin)
        c->row->thing->begin(c);
    own = spoil(c);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 256 << 10);
    must(pthread_create(&c->thread, &attr, waiter, c) == 0, "make a thread");
    if (e == BEFORE || e == READY) {
        if (e == READY)
            finish(c);
        pthread_cancel(c->thread);
        c->go = 1;
        if (e == BEFORE && !ends(c))
            until_it_waits(c);
    } else {
        until_it_waits(c);
        if (over(c) && e != DEADLINE && !(REFUSED & BIT(e)))
            say(c, " did not wait,");
    }
    happens(c);
    if (!over_within(c, ends(c) ? GIVEN : e == IDLE ? LIMIT : BRIEF)) {
        if (ends(c))
            say(c, " went on,");
        finish(c);
    }
    if (over(c))
        restore(c, own);
    join(c);
    for (int i = 0; i < 2; i++)
        if (c->fd[i] >= 0)
            close(c->fd[i]);
    for (int i = 0; i < 4; i++)
        if (c->extra[i] >= 0)
            close(c->extra[i]);
}

/* ---- all of them ---- */

static int next_cell;

static void *controller(void *unused)
{
    int i;
    while ((i = __atomic_fetch_add(&next_cell, 1, __ATOMIC_SEQ_CST)) < cell_count)
        if (!cells[i].row->alone)
            run_cell(&cells[i]);
    return unused;
}

static void add_cells(enum event e, const struct row *rows, int count)
{
    for (int i = 0; i < count; i++) {
        if ((rows[i].except | rows[i].thing->except) & BIT(e))
            continue;
        cells[cell_count].row = &rows[i];
        cells[cell_count].event = e;
        cells[cell_count].number = cell_count;
        cell_count++;
    }
}

static void handle(int signum, void (*fn)(int), int flags)
{
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = fn;
    sa.sa_flags = flags;
    sigaction(signum, &sa, NULL);
}

static int run_table(const struct row *rows, int count, int argc, char **argv)
{
    pthread_t threads[AT_ONCE];
    sigset_t blocked;
    snprintf(directory, sizeof directory, "%s/waits-XXXXXX", argv[1]);
    must(mkdtemp(directory) != NULL, "make a directory");
    cells = calloc(MOST_CELLS, sizeof *cells);
    for (int i = 2; i < argc; i++) {
        int e = 0;
        while (e < EVENTS && strcmp(event_names[e], argv[i]) != 0)
            e++;
        must(e < EVENTS, argv[i]);
        add_cells((enum event)e, rows, count);
    }
    handle(SIGPIPE, on_pipe, SA_RESTART);
    handle(SIGUSR1, on_signal, 0);
    handle(SIGUSR2, on_signal, SA_RESTART);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGRTMIN + 1);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    for (int i = 0; i < cell_count; i++)
        if (cells[i].row->alone)
            run_cell(&cells[i]);
    for (int i = 0; i < AT_ONCE; i++)
        must(pthread_create(&threads[i], NULL, controller, NULL) == 0, "make a thread");
    for (int i = 0; i < AT_ONCE; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < cell_count; i++)
        printf("%s, %s:%s\n", cells[i].row->name, event_names[cells[i].event], cells[i].text);
    return 0;
}
