/* Waits within streams, and for the other end of a FIFO: see waits.h. What an asynchronous cancellation leaves of a
 * stream is nobody's promise. */
#define WAITS_IN_FUTEX 0
#include "waits.h"

#include <sys/stat.h>
#include <wchar.h>

enum { ALWAYS_EXCEPT = BIT(SHUT) | BIT(ASYNC) | BIT(BADFD) | BIT(WRONG) };

static void waiting_flags(int fd, int nonblock)
{
    int flags = fcntl(fd, F_GETFL);
    must(fcntl(fd, F_SETFL, nonblock ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0, "set O_NONBLOCK");
}

/* ---- a stream that reads ---- */

static void in_begin(struct cell *c)
{
    must(pipe2(c->fd, O_CLOEXEC) == 0, "make a pipe");
    c->file = fdopen(c->fd[0], "r");
    must(c->file != NULL, "open a stream");
}

static void write_line(struct cell *c) { must(write(c->fd[1], c->finishes > 1 ? "de\n" : "ab\n", 3) == 3 || errno == EPIPE, "write"); }

static void close_other(struct cell *c)
{
    close(c->fd[1]);
    c->fd[1] = -1;
}

/* Nobody has its lock, and what has come goes on to be there. */
static void in_left(struct cell *c)
{
    char rest[64] = "";
    if (ftrylockfile(c->file) != 0) {
        say(c, "; locked");
        return;
    }
    if (c->fd[1] >= 0 && c->fd[0] >= 0 && c->event != OVER) {
        waiting_flags(c->fd[0], 1);
        clearerr(c->file);
        if (fwide(c->file, 0) <= 0 && fgets(rest, sizeof rest, c->file))
            rest[strcspn(rest, "\n")] = '.';
        say(c, "; then '%s'", rest);
    }
    funlockfile(c->file);
    fclose(c->file);
    c->fd[0] = -1;
}

/* A child's stream is a copy of one that is about to read, perhaps for both. */
static const struct thing in = {in_begin, write_line, in_left, close_other, NULL, ALWAYS_EXCEPT | BIT(TWICE)};
static long got(struct cell *c, const char *text)
{
    if (text)
        snprintf(c->got, sizeof c->got, "%.*s", (int)strcspn(text, "\n"), text);
    return text ? 0 : ferror(c->file) ? -1 : 1;
}
static long do_fgets(struct cell *c) { char b[10]; return got(c, fgets(b, sizeof b, c->file)); }
static long do_getline(struct cell *c)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n = getline(&line, &room, c->file);
    long r = got(c, n > 0 ? line : NULL);
    int e = errno;
    free(line);
    errno = e;
    return r;
}
static long do_fread(struct cell *c) { char b[4] = ""; return got(c, fread(b, 1, 3, c->file) == 3 ? b : NULL); }
static long do_fgetc(struct cell *c) { char b[2] = ""; int x = fgetc(c->file); b[0] = (char)x; return got(c, x == EOF ? NULL : b); }
static long do_fscanf(struct cell *c) { char b[10]; return got(c, fscanf(c->file, "%5s", b) == 1 ? b : NULL); }
static long do_getwc(struct cell *c) { char b[2] = ""; wint_t x = getwc(c->file); b[0] = (char)x; return got(c, x == WEOF ? NULL : b); }
static long do_locked(struct cell *c)
{
    long r;
    flockfile(c->file);
    r = do_fgetc(c);
    funlockfile(c->file);
    return r;
}

/* ---- a stream that writes: the ends of the pipe are swapped ---- */

static void out_begin(struct cell *c)
{
    static const char zero[4096];
    int fd[2];
    must(pipe2(fd, O_CLOEXEC) == 0, "make a pipe");
    c->fd[0] = fd[1];
    c->fd[1] = fd[0];
    waiting_flags(c->fd[0], 1);
    c->number = 0;
    for (ssize_t n; (n = write(c->fd[0], zero, sizeof zero)) > 0;)
        c->number -= (int)n;
    waiting_flags(c->fd[0], 0);
    c->file = fdopen(c->fd[0], "w");
    must(c->file != NULL, "open a stream");
}

static void drain(struct cell *c)
{
    char text[65536];
    ssize_t n;
    if (c->fd[1] < 0)
        return;
    waiting_flags(c->fd[1], 1);
    while ((n = read(c->fd[1], text, sizeof text)) > 0)
        c->number += (int)n;
}

static void drain_all(struct cell *c)
{
    for (long end = now_ms() + GIVEN; now_ms() < end; nap(2)) {
        drain(c);
        if (over(c) || c->event == CHILD || c->event == READY || (c->event == TWICE && c->finishes == 1))
            break;
    }
}

/* What is in its buffer still arrives when it is closed: once. */
static void out_left(struct cell *c)
{
    if (c->state == NULL) {
        if (ftrylockfile(c->file) != 0) {
            say(c, "; locked");
            return;
        }
        funlockfile(c->file);
        drain(c);
        if (c->event != HANGUP)
            fclose(c->file);
        c->fd[0] = -1;
    }
    drain(c);
    if (c->event != CHILD && c->event != HANGUP)
        say(c, "; %d arrived", c->number);
}

static const struct thing out = {out_begin, drain_all, out_left, close_other, NULL, ALWAYS_EXCEPT};
static long do_fputs(struct cell *c) { return fputs("hello", c->file) >= 0 && fflush(c->file) == 0 ? 0 : -1; }
static long do_fprintf(struct cell *c)
{
    setvbuf(c->file, NULL, _IONBF, 0);
    return fprintf(c->file, "%s", "hello") == 5 ? 0 : -1;
}
static long do_fputc(struct cell *c)
{
    setvbuf(c->file, NULL, _IONBF, 0);
    return fputc('h', c->file) == 'h' ? 0 : -1;
}
static long do_line(struct cell *c)
{
    setvbuf(c->file, NULL, _IOLBF, 100);
    return fputs("hello\n", c->file) >= 0 ? 0 : -1;
}
static long do_fwrite(struct cell *c)
{
    static const char much[20000];
    return fwrite(much, 1, sizeof much, c->file) == sizeof much ? 0 : -1;
}
static long do_fputws(struct cell *c) { return fputws(L"hello", c->file) >= 0 && fflush(c->file) == 0 ? 0 : -1; }
static long do_fseek(struct cell *c)
{
    fputs("hello", c->file);
    return fseek(c->file, 0, SEEK_SET);
}
static long do_fclose(struct cell *c)
{
    fputs("hello", c->file);
    c->state = c; /* it is gone, whatever comes of it */
    c->fd[0] = -1;
    return fclose(c->file);
}

/* ---- FIFOs ---- */

static void fifo_path(struct cell *c, char path[300]) { snprintf(path, 300, "%s/fifo-%d", directory, c->number); }

static void fifo_begin(struct cell *c)
{
    char path[300];
    fifo_path(c, path);
    must(mkfifo(path, 0600) == 0, "make a FIFO");
}

static void both_ends(struct cell *c)
{
    char path[300];
    fifo_path(c, path);
    c->extra[c->finishes & 1] = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    must(c->extra[c->finishes & 1] >= 0, "open the other end");
}

static const struct thing fifo = {fifo_begin, both_ends, NULL, NULL, NULL, REFUSED | BIT(SHUT) | BIT(CLOSE) | BIT(OVER) | BIT(HANGUP)};
/* A stream that is being opened is lost to an asynchronous cancellation. */
static const struct thing fifo_stream = {fifo_begin, both_ends, NULL, NULL, NULL, ALWAYS_EXCEPT | BIT(NONBLOCK) | BIT(CLOSE) | BIT(OVER) | BIT(HANGUP)};
static long opened(int fd)
{
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}
static long do_open(struct cell *c) { char path[300]; fifo_path(c, path); return opened(open(path, O_RDONLY | O_CLOEXEC)); }
static long do_open_write(struct cell *c) { char path[300]; fifo_path(c, path); return opened(open(path, O_WRONLY | O_CLOEXEC)); }
static long do_openat(struct cell *c) { char path[300]; fifo_path(c, path); return opened(openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC)); }
static long do_sys_open(struct cell *c) { char path[300]; fifo_path(c, path); return opened((int)syscall(SYS_open, path, O_RDONLY | O_CLOEXEC)); }
static long do_creat(struct cell *c) { char path[300]; fifo_path(c, path); return opened(creat(path, 0600)); }
static long do_fopen(struct cell *c)
{
    char path[300];
    FILE *f;
    fifo_path(c, path);
    f = fopen(path, "r");
    if (f)
        fclose(f);
    return f ? 0 : -1;
}

static const struct row rows[] = {
    {"fgets", do_fgets, &in, 0, 0, 0},
    {"getline", do_getline, &in, 0, 0, 0},
    {"fread", do_fread, &in, 0, 0, 0},
    {"fgetc", do_fgetc, &in, 0, 0, 0},
    {"fscanf", do_fscanf, &in, 0, 0, 0},
    {"fgetc, locked", do_locked, &in, BIT(CANCEL) | BIT(BEFORE) | BIT(READY), 0, 0}, /* the lock would be lost */
    {"getwc", do_getwc, &in, 0, 0, 0},
    {"fputs and fflush", do_fputs, &out, 0, 0, 0},
    {"fprintf", do_fprintf, &out, 0, 0, 0},
    {"fputc", do_fputc, &out, 0, 0, 0},
    {"fputs of a line", do_line, &out, 0, 0, 0},
    {"fwrite of much", do_fwrite, &out, 0, 0, 0},
    {"fputws", do_fputws, &out, 0, 0, 0},
    {"fseek", do_fseek, &out, 0, 0, 0},
    {"fclose", do_fclose, &out, BIT(TWICE) | BIT(CLOSE) | BIT(OVER), 0, 0}, /* it closes the descriptor itself */
    {"open of a FIFO", do_open, &fifo, 0, 0, 0},
    {"open of a FIFO to write", do_open_write, &fifo, 0, 0, 0},
    {"openat of a FIFO", do_openat, &fifo, 0, 0, 0},
    {"creat of a FIFO", do_creat, &fifo, 0, 0, 0},
    {"syscall(open) of a FIFO", do_sys_open, &fifo, 0, NO_POINT | ENDLESS, 0},
    {"fopen of a FIFO", do_fopen, &fifo_stream, 0, ENDLESS, 0},
};

int main(int argc, char **argv)
{
    return run_table(rows, sizeof rows / sizeof *rows, argc, argv);
}
