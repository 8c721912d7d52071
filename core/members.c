#include "core/members.h"
#include "core/descriptor.h"
#include "core/enter.h"
#include "core/log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

static const char *skip(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

/* The number behind `label`, in the base; the text goes on at the result. NULL: the label is not there. */
static const char *field(const char *p, const char *label, unsigned base, uint64_t *value)
{
    size_t n = strlen(label);
    p = skip(p);
    if (strncmp(p, label, n) != 0)
        return NULL;
    *value = 0;
    for (p = skip(p + n);; p++) {
        unsigned digit = *p >= '0' && *p <= '9' ? (unsigned)(*p - '0') : (unsigned)(*p - 'a') + 10;
        if (digit >= base)
            return p;
        *value = *value * base + digit;
    }
}

/* "tfd: 5 events: 80000019 data: 7 ..." A member that has told of its one event (EPOLLONESHOT) waits for none. */
static bool aborted_line(const char *line, struct epoll_event *event)
{
    uint64_t fd, events, data;
    const char *p = field(line, "tfd:", 10, &fd);
    p = p == NULL ? NULL : field(p, "events:", 16, &events);
    if (p == NULL || field(p, "data:", 16, &data) == NULL)
        return false;
    if ((events & EPOLLERR) == 0 || descriptor_aborted((int)fd) == 0)
        return false;
    const uint32_t ready = EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM | EPOLLERR;
    *event = (struct epoll_event){.events = (uint32_t)events & ready, .data.u64 = data};
    return true;
}

/* The first line that names an aborted one. */
static bool search(int fd, struct epoll_event *event)
{
    char text[2048];
    size_t have = 0;
    for (;;) {
        long got = sys(SYS_read, fd, text + have, sizeof text - 1 - have);
        if (got <= 0)
            return false;
        have += (size_t)got;
        text[have] = '\0';
        char *line = text;
        for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
            *end = '\0';
            if (aborted_line(line, event))
                return true;
        }
        have -= (size_t)(line - text);
        memmove(text, line, have);
    }
}

bool members_find_aborted(int set, struct epoll_event *event)
{
    char path[40];
    struct fd_entry *e = fdtab_get(set);
    uint32_t turn = __atomic_load_n(&rt.fdtab.members_turn, __ATOMIC_SEQ_CST);
    if (e == NULL || fdtab_extra(e)->members_seen == turn)
        return false;
    log_text(path, sizeof path, "/proc/self/fdinfo/%u", (unsigned long)set);
    int fd = (int)sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool found = search(fd, event);
    (void)sys(SYS_close, fd);
    if (!found)
        fdtab_extra(e)->members_seen = turn;
    return found;
}
