#include "core/task.h"
#include "core/log.h"
#include "core/sys.h"

#include <stdbool.h>

static long read_file(int tid, const char *name, char *text, size_t size)
{
    char path[64];
    log_text(path, sizeof path, "/proc/self/task/%u/%s", (unsigned long)tid, name);
    long fd = sys(SYS_open, path, 0);
    if (fd < 0)
        return fd;
    long got = sys(SYS_read, fd, text, size - 1);
    (void)sys(SYS_close, fd);
    text[got < 0 ? 0 : got] = '\0';
    return got;
}

static const char *number(const char *at, uint64_t *n)
{
    while (*at == ' ')
        at++;
    for (*n = 0; *at >= '0' && *at <= '9'; at++)
        *n = *n * 10 + (uint64_t)(*at - '0');
    return at;
}

/* "TID (name) S numbers...": the name has up to 15 letters, a parenthesis may be one of them. */
struct task task_look(int tid)
{
    enum { LONGEST_NAME_ENDS = 32, STATE = 3, PROCESSOR = 39 /* fields */ };
    struct task t = {'R', -1};
    char text[512];
    long got = read_file(tid, "stat", text, sizeof text);
    const char *at = text + (got < LONGEST_NAME_ENDS ? 0 : LONGEST_NAME_ENDS);
    while (at > text && *at != ')')
        at--;
    if (at == text)
        return t;
    t.state = at[2];
    at += 2;
    for (int field = STATE; field < PROCESSOR; field++) {
        while (*at != ' ' && *at != '\0')
            at++;
        if (*at == '\0')
            return t;
        at++;
    }
    uint64_t n;
    if (number(at, &n) != at)
        t.processor = (int)n;
    return t;
}

int task_waited(int tid, uint64_t *waited, uint64_t *ran)
{
    char text[96];
    long got = read_file(tid, "schedstat", text, sizeof text);
    if (got < 0)
        return (int)got;
    number(number(text, ran), waited);
    return 0;
}
