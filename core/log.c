#include "core/log.h"
#include "core/rt.h"
#include "core/sys.h"

#include <fcntl.h>
#include <string.h>

struct text {
    char *out;
    size_t size, used;
};

static void put(struct text *t, const char *s, size_t n)
{
    for (; n > 0 && t->used + 1 < t->size; n--)
        t->out[t->used++] = *s++;
}

static void put_number(struct text *t, unsigned long v, unsigned base)
{
    char digits[24];
    size_t at = sizeof digits;
    do
        digits[--at] = "0123456789abcdef"[v % base];
    while ((v /= base) != 0);
    put(t, digits + at, sizeof digits - at);
}

size_t log_format(char *out, size_t size, const char *format, va_list args)
{
    struct text t = {out, size, 0};
    for (const char *p = format; *p != '\0'; p++) {
        if (*p != '%') {
            put(&t, p, 1);
            continue;
        }
        switch (p[1] == '\0' ? '%' : *++p) {
        case 's': {
            const char *s = va_arg(args, const char *);
            put(&t, s, strlen(s));
            break;
        }
        case 'd': {
            int v = va_arg(args, int);
            if (v < 0)
                put(&t, "-", 1);
            put_number(&t, v < 0 ? 0ul - (unsigned long)v : (unsigned long)v, 10);
            break;
        }
        case 'u':
        case 'x':
            put_number(&t, va_arg(args, unsigned long), *p == 'u' ? 10 : 16);
            break;
        default:
            put(&t, p, 1);
        }
    }
    out[t.used] = '\0';
    return t.used;
}

bool log_level_named(const char *name, int *level)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (int i = 0; i < (int)countof(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            *level = i;
            return true;
        }
    }
    return false;
}

size_t log_text(char *out, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t n = log_format(out, size, format, args);
    va_end(args);
    return n;
}

void log_line(int level, const char *format, ...)
{
    if (level > rt.config.log_level)
        return;
    char line[512] = "coax: ";
    va_list args;
    va_start(args, format);
    size_t n = 6 + log_format(line + 6, sizeof line - 7, format, args);
    va_end(args);
    line[n++] = '\n';
    long fd = 2;
    if (rt.config.log_file != NULL) {
        fd = sys(SYS_openat, AT_FDCWD, rt.config.log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (fd < 0)
            fd = 2;
    }
    (void)sys(SYS_write, fd, line, n);
    if (rt.config.log_file != NULL && fd != 2)
        (void)sys(SYS_close, fd);
}
