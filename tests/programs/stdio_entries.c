/*
 * Every call that locks a stream, by name: a thread waits in a read with the stream locked, another one makes the call.
 * Says whether the call waited for the first, and what it returned.
 * usage: stdio_entries          all but those that end the program
 *        stdio_entries NAME     that one
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <err.h>
#include <error.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wchar.h>

int old_vfscanf(FILE *, const char *, va_list, int *);
__asm__(".symver old_vfscanf,_IO_vfscanf@GLIBC_2.2.5");

enum shape {
    F,     /* (f) */
    VOID,  /* the same, and nothing comes back */
    NONE,  /* () */
    CF,    /* (c, f) */
    C,     /* (c) */
    SF,    /* (string, f) */
    S,     /* (string) */
    GETS,  /* (buf) */
    GETSC, /* (buf, size) */
    BNF,   /* (buf, n, f) */
    BSNF,  /* (buf, size, n, f) */
    LINE,  /* (&line, &n, f) */
    DELIM, /* (&line, &n, '\n', f) */
    BLOCK, /* (buf, 1, 1, f) */
    BLOCKC,
    FPRINT, /* (f, format, 7) */
    FPRINTC,
    PRINT,
    PRINTC,
    VFPRINT,
    VFPRINTC,
    VPRINT,
    VPRINTC,
    FSCAN,
    SCAN,
    VFSCAN,
    VFSCAN4,
    VSCAN,
    SEEK,    /* (f, 0, SEEK_CUR) */
    SEEKPOS, /* (f, 0, mode) */
    POS,     /* (f, &pos) */
    SETV,    /* (f, NULL, _IONBF, 0) */
    SETB,    /* (f, NULL) */
    SETBN,   /* (f, NULL, 0) */
    REOPEN,  /* ("/dev/null", "r", f) */
    SIG,     /* (SIGINT, text) */
    ERROR,   /* (0, EPERM, format, 7) */
    ERRORAT, /* (0, EPERM, "file", 3, format, 7) */
    VWARN,
    ERR,
    VERR,
};

static const struct entry {
    const char *name;
    enum shape shape;
    int wide;
    int ends;
} entries[] = {
    {"flockfile", VOID},
    {"_IO_flockfile", VOID},
    {"fclose", F},
    {"_IO_fclose", F},
    {"pclose", F},
    {"freopen", REOPEN},
    {"freopen64", REOPEN},
    {"fflush", F},
    {"_IO_fflush", F},
    {"_IO_flush_all", NONE},
    {"_IO_flush_all_linebuffered", NONE},
    {"_flushlbf", NONE},
    {"fgetc", F},
    {"getc", F},
    {"_IO_getc", F},
    {"getw", F},
    {"_IO_peekc_locked", F},
    {"getchar", NONE},
    {"gets", GETS},
    {"_IO_gets", GETS},
    {"__gets_chk", GETSC},
    {"fgets", BNF},
    {"_IO_fgets", BNF},
    {"getline", LINE},
    {"__fgets_chk", BSNF},
    {"getdelim", DELIM},
    {"__getdelim", DELIM},
    {"fread", BLOCK},
    {"_IO_fread", BLOCK},
    {"__fread_chk", BLOCKC},
    {"ungetc", CF},
    {"_IO_ungetc", CF},
    {"fputc", CF},
    {"putc", CF},
    {"_IO_putc", CF},
    {"putw", CF},
    {"fputs", SF},
    {"_IO_fputs", SF},
    {"putchar", C},
    {"puts", S},
    {"_IO_puts", S},
    {"fwrite", BLOCK},
    {"_IO_fwrite", BLOCK},
    {"fprintf", FPRINT},
    {"_IO_fprintf", FPRINT},
    {"vfprintf", VFPRINT},
    {"_IO_vfprintf", VFPRINT},
    {"__fprintf_chk", FPRINTC},
    {"__vfprintf_chk", VFPRINTC},
    {"printf", PRINT},
    {"_IO_printf", PRINT},
    {"vprintf", VPRINT},
    {"__printf_chk", PRINTC},
    {"__vprintf_chk", VPRINTC},
    {"fscanf", FSCAN},
    {"vfscanf", VFSCAN},
    {"_IO_vfscanf", VFSCAN4},
    {"__vfscanf", VFSCAN},
    {"__isoc99_fscanf", FSCAN},
    {"__isoc99_vfscanf", VFSCAN},
    {"scanf", SCAN},
    {"vscanf", VSCAN},
    {"__isoc99_scanf", SCAN},
    {"__isoc99_vscanf", VSCAN},
    {"fgetwc", F, 1},
    {"getwc", F, 1},
    {"getwchar", NONE, 1},
    {"fgetws", BNF, 1},
    {"__fgetws_chk", BSNF, 1},
    {"ungetwc", CF, 1},
    {"fputwc", CF, 1},
    {"putwc", CF, 1},
    {"fputws", SF, 1},
    {"putwchar", C, 1},
    {"fwprintf", FPRINT, 1},
    {"vfwprintf", VFPRINT, 1},
    {"__fwprintf_chk", FPRINTC, 1},
    {"__vfwprintf_chk", VFPRINTC, 1},
    {"wprintf", PRINT, 1},
    {"vwprintf", VPRINT, 1},
    {"__wprintf_chk", PRINTC, 1},
    {"__vwprintf_chk", VPRINTC, 1},
    {"fwscanf", FSCAN, 1},
    {"vfwscanf", VFSCAN, 1},
    {"__isoc99_fwscanf", FSCAN, 1},
    {"__isoc99_vfwscanf", VFSCAN, 1},
    {"wscanf", SCAN, 1},
    {"vwscanf", VSCAN, 1},
    {"__isoc99_wscanf", SCAN, 1},
    {"__isoc99_vwscanf", VSCAN, 1},
    {"fseek", SEEK},
    {"fseeko", SEEK},
    {"fseeko64", SEEK},
    {"ftell", F},
    {"_IO_ftell", F},
    {"ftello", F},
    {"ftello64", F},
    {"rewind", VOID},
    {"fgetpos", POS},
    {"fgetpos64", POS},
    {"_IO_fgetpos", POS},
    {"_IO_fgetpos64", POS},
    {"fsetpos", POS},
    {"fsetpos64", POS},
    {"_IO_fsetpos", POS},
    {"_IO_fsetpos64", POS},
    {"_IO_seekoff", SEEK},
    {"_IO_seekpos", SEEKPOS},
    {"setvbuf", SETV},
    {"_IO_setvbuf", SETV},
    {"setbuf", SETB},
    {"setbuffer", SETBN},
    {"_IO_setbuffer", SETBN},
    {"setlinebuf", VOID},
    {"feof", F},
    {"_IO_feof", F},
    {"ferror", F},
    {"_IO_ferror", F},
    {"clearerr", VOID},
    {"perror", S},
    {"psignal", SIG},
    {"error", ERROR},
    {"error_at_line", ERRORAT},
    {"warn", S},
    {"warnx", S},
    {"vwarn", VWARN},
    {"vwarnx", VWARN},
    {"err", ERR, 0, 1},
    {"errx", ERR, 0, 1},
    {"verr", VERR, 0, 1},
    {"verrx", VERR, 0, 1},
};

static FILE *f;
static int done, value;
static long result;
static const void *const format[] = {"%d\n", L"%d\n"};
static const void *const text[] = {"text\n", L"text\n"};

static long with_list(void *p, enum shape shape, int wide, ...)
{
    long (*call)() = (long (*)())p;
    va_list args;
    long r = -2;
    va_start(args, wide);
    switch (shape) {
    case VFPRINT:
    case VFSCAN:
        r = call(f, format[wide], args);
        break;
    case VFSCAN4:
        r = call(f, format[wide], args, NULL);
        break;
    case VFPRINTC:
        r = call(f, 1, format[wide], args);
        break;
    case VPRINT:
    case VSCAN:
        r = call(format[wide], args);
        break;
    case VPRINTC:
        r = call(1, format[wide], args);
        break;
    case VWARN:
        r = 0;
        call("warning %d", args);
        break;
    case VERR:
        call(5, "error %d", args);
    }
    va_end(args);
    return r;
}

static long call_it(const struct entry *e)
{
    void *p = e->shape == VFSCAN4 ? (void *)old_vfscanf : dlsym(RTLD_DEFAULT, e->name);
    long (*call)() = (long (*)())p;
    static wchar_t buf[100];
    char *line = NULL;
    size_t n = 0;
    fpos_t pos = {0};
    if (p == NULL)
        return -100;
    errno = 0;
    switch (e->shape) {
    case F:
        return call(f);
    case VOID:
        call(f);
        return 0;
    case NONE:
        return call();
    case CF:
        return call('c', f);
    case C:
        return call('c');
    case SF:
        return call(text[e->wide], f) >= 0;
    case S:
        return (int)call(text[e->wide]) >= 0;
    case GETS:
        return call(buf) != 0;
    case GETSC:
        return call(buf, sizeof buf) != 0;
    case BNF:
        return call(buf, 50, f) != 0;
    case BSNF:
        return call(buf, 100, 50, f) != 0;
    case LINE:
        return call(&line, &n, f);
    case DELIM:
        return call(&line, &n, '\n', f);
    case BLOCK:
        return call(buf, 1ul, 1ul, f);
    case BLOCKC:
        return call(buf, sizeof buf, 1ul, 1ul, f);
    case FPRINT:
        return call(f, format[e->wide], 7);
    case FPRINTC:
        return call(f, 1, format[e->wide], 7);
    case PRINT:
        return call(format[e->wide], 7);
    case PRINTC:
        return call(1, format[e->wide], 7);
    case VFPRINT:
    case VFPRINTC:
    case VPRINT:
    case VPRINTC:
    case VWARN:
    case VERR:
        return with_list(p, e->shape, e->wide, 7);
    case FSCAN:
        return call(f, format[e->wide], &value);
    case SCAN:
        return call(format[e->wide], &value);
    case VFSCAN:
    case VFSCAN4:
    case VSCAN:
        return with_list(p, e->shape, e->wide, &value);
    case SEEK:
        return (int)call(f, 0l, SEEK_CUR, 3);
    case SEEKPOS:
        return (int)call(f, 0l, 3);
    case POS:
        return (int)call(f, &pos);
    case SETV:
        return (int)call(f, NULL, _IONBF, 0ul);
    case SETB:
        call(f, NULL);
        return 0;
    case SETBN:
        call(f, NULL, 0ul);
        return 0;
    case REOPEN:
        return call("/dev/null", "r", f) != 0;
    case SIG:
        call(SIGINT, "signal");
        return 0;
    case ERROR:
        call(0, EPERM, "error %d", 7);
        return 0;
    case ERRORAT:
        call(0, EPERM, "file", 3, "error %d", 7);
        return 0;
    case ERR:
        call(5, "error %d", 7);
    }
    return -2;
}

static void *caller(void *arg)
{
    const struct entry *e = arg;
    result = (int)call_it(e);
    __atomic_store_n(&done, 1, __ATOMIC_SEQ_CST);
    if (strstr(e->name, "lockfile") != NULL)
        funlockfile(f);
    return NULL;
}

static void *holder(void *wide)
{
    wchar_t buf[100];
    if (wide != NULL)
        fgetws(buf, 50, f);
    else
        fgets((char *)buf, 50, f);
    return NULL;
}

static long ticks;
static int stop;

static void *ticker(void *unused)
{
    while (!stop) {
        usleep(500);
        ticks++;
    }
    return NULL;
}

static int named(const struct entry *e, int argc, char **argv)
{
    return argc > 1 ? strcmp(e->name, argv[1]) == 0 : !e->ends;
}

int main(int argc, char **argv)
{
    FILE *in = stdin, *out = stdout, *errors = stderr;
    pthread_t t, h, c;
    signal(SIGPIPE, SIG_IGN);
    setvbuf(out, NULL, _IOLBF, 4096);
    pthread_create(&t, NULL, ticker, NULL);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        const struct entry *e = &entries[i];
        int sv[2];
        if (!named(e, argc, argv))
            continue;
        socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
        f = fdopen(sv[0], "r+");
        done = 0;
        pthread_create(&h, NULL, holder, e->wide ? "" : NULL);
        while (ftrylockfile(f) == 0) {
            funlockfile(f);
            usleep(200);
        }
        stdin = stdout = stderr = f;
        pthread_create(&c, NULL, caller, (void *)e);
        long before = ticks;
        do
            usleep(1000);
        while (ticks < before + 2);
        int waited = !__atomic_load_n(&done, __ATOMIC_SEQ_CST);
        write(sv[1], "one\n", 4);
        pthread_join(h, NULL);
        usleep(500);
        write(sv[1], "12 34\n5\n", 8);
        shutdown(sv[1], SHUT_WR);
        pthread_join(c, NULL);
        stdin = in, stdout = out, stderr = errors;
        printf("%s waited %d returned %ld\n", e->name, waited, result);
        close(sv[1]);
    }
    stop = 1;
    pthread_join(t, NULL);
    return 0;
}
