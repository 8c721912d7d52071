#include "core/mem.h"
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>

static bool failed(long p)
{
    return (unsigned long)p > -4096ul;
}

void *mem_map(size_t size)
{
    long p = sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return failed(p) ? NULL : (void *)p;
}

void mem_unmap(void *p, size_t size)
{
    if (p != NULL)
        (void)sys(SYS_munmap, p, size);
}

void *mem_remap(void *p, size_t old_size, size_t new_size)
{
    if (p == NULL)
        return mem_map(new_size);
    long q = sys(SYS_mremap, p, old_size, new_size, MREMAP_MAYMOVE);
    return failed(q) ? NULL : (void *)q;
}

/* rt_sigprocmask copies its argument first and finds fault with `how` afterwards. */
bool mem_readable(const void *p, size_t n)
{
    const char *at = (const char *)((uintptr_t)p & ~7ul), *last = (const char *)(((uintptr_t)p + n - 1) & ~7ul);
    if (at == NULL || last < at) /* to the kernel the first means: no mask */
        return false;
    for (; at < last; at += 4096)
        if (sys(SYS_rt_sigprocmask, ~0, at, NULL, 8) == -EFAULT)
            return false;
    return sys(SYS_rt_sigprocmask, ~0, last, NULL, 8) != -EFAULT;
}

bool mem_writable(void *p, size_t n)
{
    size_t some = n < 8 ? n : 8;
    char *at = p, *last = at + n - some;
    if (p == NULL)
        return false;
    for (; at < last; at += 4096)
        if (sys(SYS_rt_sigpending, at, some) != 0)
            return false;
    return sys(SYS_rt_sigpending, last, some) == 0;
}

void *mem_realloc(void *p, long size)
{
    enum { HEAD = 64 };
    size_t *head = p == NULL ? NULL : (size_t *)((char *)p - HEAD);
    size_t had = head == NULL ? 0 : *head;
    if (size == 0) {
        mem_unmap(head, had);
        return NULL;
    }
    size_t need = ((size_t)size + HEAD + 4095) & ~4095ul;
    if (need != had)
        head = mem_remap(head, had, need);
    if (head == NULL)
        return NULL;
    *head = need;
    return (char *)head + HEAD;
}

/* One line of /proc/self/maps: "start-end perms ...", fed character by character. */
struct map_line {
    uintptr_t number[2];
    int field; /* 0 start, 1 end, 2 permissions, 3 the rest */
    int column;
    bool shared;
};

static bool map_feed(struct map_line *m, char c, uintptr_t at, bool *found)
{
    if (c == '\n') {
        *found = at >= m->number[0] && at < m->number[1];
        bool stop = *found;
        bool shared = m->shared;
        *m = (struct map_line){.shared = stop && shared};
        return stop;
    }
    if (m->field < 2) {
        if (c == '-' || c == ' ')
            m->field++;
        else
            m->number[m->field] = m->number[m->field] << 4 | (uintptr_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    } else if (m->field == 2) {
        if (c == ' ')
            m->field++;
        else if (++m->column == 4)
            m->shared = c == 's';
    }
    return false;
}

bool mem_shared(const void *p)
{
    char text[2048];
    struct map_line line = {.field = 0};
    bool found = false;
    long fd = sys(SYS_open, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return true; /* the kernel's word for it is always right, only slower */
    for (long n; !found && (n = sys(SYS_read, fd, text, sizeof text)) > 0;)
        for (long i = 0; i < n && !found; i++)
            map_feed(&line, text[i], (uintptr_t)p, &found);
    (void)sys(SYS_close, fd);
    return found ? line.shared : true;
}
