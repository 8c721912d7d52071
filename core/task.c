#include "core/task.h"
#include "core/log.h"
#include "core/sys.h"

#include <fcntl.h>
#include <stdbool.h>

static int open_file(int tasks, int tid, const char *name)
{
    char path[64];
    log_text(path, sizeof path, "%s%u/%s", tasks < 0 ? "/proc/self/task/" : "", (unsigned long)tid, name);
    if (tasks < 0) /* by the older call, so that a trace tells it from the program's */
        return (int)sys(SYS_open, path, O_RDONLY | O_CLOEXEC);
    return (int)sys(SYS_openat, tasks, path, O_RDONLY | O_CLOEXEC);
}

static long read_file(int fd, char *text, size_t size)
{
    long got = sys(SYS_pread64, fd, text, size - 1, 0);
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
struct task task_look_through(int fd)
{
    enum { LONGEST_NAME_ENDS = 32, STATE = 3, PROCESSOR = 39 /* fields */ };
    struct task t = {fd < 0 ? '?' : 'R', -1};
    char text[512];
    if (fd < 0)
        return t;
    long got = read_file(fd, text, sizeof text);
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

int task_open(int tasks, int tid)
{
    return open_file(tasks, tid, "stat");
}

struct task task_look(int tid)
{
    int fd = task_open(-1, tid);
    struct task t = task_look_through(fd);
    if (fd >= 0)
        (void)sys(SYS_close, fd);
    return t;
}

int task_waited(int tasks, int tid, uint64_t *waited, uint64_t *ran)
{
    char text[96];
    int fd = open_file(tasks, tid, "schedstat");
    if (fd < 0)
        return fd;
    long got = read_file(fd, text, sizeof text);
    (void)sys(SYS_close, fd);
    if (got < 0)
        return (int)got;
    number(number(text, ran), waited);
    return 0;
}
