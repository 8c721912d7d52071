#include "core/mounts.h"
#include "core/enter.h"
#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { PAGE = 4096, PATH_ROOM = 2 * 4096 /* of the working directory, and below */, ON_STACK = 400 };

#define AGAIN_AFTER (1ull << 31) /* processor ticks: most of a second */

/* ---- the table ---- */

static bool is_slow(const char *type, size_t n)
{
    static const char *const names[] = {"nfs",    "nfs4",     "cifs",     "smb3",   "smbfs", "9p",
                                        "ceph",   "afs",      "kafs",     "coda",   "gfs2",  "ocfs2",
                                        "lustre", "orangefs", "virtiofs", "autofs", "fuse",  "fuseblk"};
    if (n > 5 && memcmp(type, "fuse.", 5) == 0)
        return true;
    for (size_t i = 0; i < countof(names); i++)
        if (strlen(names[i]) == n && memcmp(names[i], type, n) == 0)
            return true;
    return false;
}

/* The field with this number, counted from 0; *n: its length. */
static const char *field(const char *line, const char *end, int number, size_t *n)
{
    for (; number > 0 && line < end; line++)
        number -= *line == ' ';
    const char *stop = memchr(line, ' ', (size_t)(end - line));
    *n = (size_t)((stop != NULL ? stop : end) - line);
    return line;
}

static uint64_t number(const char **p)
{
    uint64_t v = 0;
    for (; **p >= '0' && **p <= '9'; (*p)++)
        v = v * 10 + (uint64_t)(**p - '0');
    return v;
}

/* Blanks and such stand there as \040. */
static size_t unescape(char *to, const char *from, size_t n)
{
    size_t m = 0;
    for (size_t i = 0; i < n; m++) {
        bool octal = from[i] == '\\' && n - i > 3;
        to[m] = octal ? (char)((from[i + 1] - '0') << 6 | (from[i + 2] - '0') << 3 | (from[i + 3] - '0')) : from[i];
        i += octal ? 4 : 1;
    }
    to[m] = '\0';
    return m;
}

/* "36 35 98:0 /root /mount/point options [optional...] - type source options" */
bool mounts_add(struct mount_list *list, const char *line, size_t n)
{
    const char *end = line + n, *dash = memmem(line, n, " - ", 3);
    size_t type_size, size;
    if (dash == NULL)
        return true;
    const char *type = field(dash + 3, end, 0, &type_size);
    if (!is_slow(type, type_size))
        return true;
    const char *device = field(line, dash, 2, &size), *point = field(line, dash, 4, &size);
    if (list->n == MOUNTS_MOST || list->used + size + 1 > MOUNTS_TEXT)
        return false;
    struct slow_mount *m = &list->mounts[list->n++];
    m->device = number(&device) << 32;
    device++;
    m->device |= number(&device);
    m->path = list->text + list->used;
    list->used += unescape(list->text + list->used, point, size) + 1;
    return true;
}

/* Feeds whole lines; what is left of the last stays at the head of the buffer. */
static void read_table(struct mount_list *list, char *text, size_t room)
{
    long fd = sys(SYS_open, "/proc/self/mountinfo", O_RDONLY | O_CLOEXEC), got;
    size_t have = 0;
    if (fd < 0)
        return;
    while ((got = sys(SYS_read, fd, text + have, room - have)) > 0) {
        char *line = text, *end = text + have + got, *stop;
        while ((stop = memchr(line, '\n', (size_t)(end - line))) != NULL) {
            (void)mounts_add(list, line, (size_t)(stop - line));
            line = stop + 1;
        }
        have = (size_t)(end - line);
        if (have == room)
            break; /* no line is that long */
        memmove(text, line, have);
    }
    (void)sys(SYS_close, fd);
}

static bool same(const struct mount_list *a, const struct mount_list *b)
{
    if (b == NULL)
        return a->n == 0;
    if (a->n != b->n || a->used != b->used || memcmp(a->text, b->text, a->used) != 0)
        return false;
    for (unsigned i = 0; i < a->n; i++)
        if (a->mounts[i].device != b->mounts[i].device)
            return false;
    return true;
}

/* In mappings of its own: the caller's stack may be small. A list is published when it has changed. */
static void read_again(void)
{
    const size_t room = 4 * PAGE, size = sizeof(struct mount_list) + room;
    struct mount_list *list = mem_map(size);
    if (list == NULL)
        return;
    read_table(list, (char *)(list + 1), room);
    if (same(list, rt.mounts.slow))
        mem_unmap(list, size);
    else
        __atomic_store_n(&rt.mounts.slow, list, __ATOMIC_RELEASE);
}

/* NULL: there are none. One reads at a time; who finds another at it takes what there is. A handler may not wait here,
 * nor be waited for. */
static const struct mount_list *slow_mounts(void)
{
    struct mounts *m = &rt.mounts;
    uint64_t now = __builtin_ia32_rdtsc(), last = __atomic_load_n(&m->read_at, __ATOMIC_RELAXED);
    if (unlikely(last == 0 || now - last > AGAIN_AFTER) &&
        __atomic_compare_exchange_n(&m->read_at, &last, now | 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
        uint64_t all = ALL_SIGNALS, mask;
        (void)sys(SYS_rt_sigprocmask, SIG_BLOCK, &all, &mask, sizeof mask);
        lock_take(&m->lock);
        read_again();
        lock_drop(&m->lock);
        (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
    }
    const struct mount_list *list = __atomic_load_n(&m->slow, __ATOMIC_ACQUIRE);
    if (list != NULL && list->n != 0)
        return list;
    method_trusts(&rt.methods);
    return NULL;
}

/* ---- paths ---- */

/* The next name of a path, without "." and empty ones; its length, 0 at the end. */
static size_t next_name(const char **path)
{
    for (;;) {
        while (**path == '/')
            (*path)++;
        size_t n = strcspn(*path, "/");
        if (n != 1 || **path != '.')
            return n;
        (*path)++;
    }
}

static bool covers(const char *point, const char *path)
{
    for (;;) {
        size_t n = next_name(&point), m = next_name(&path);
        if (n == 0)
            return true;
        if (n != m || memcmp(point, path, n) != 0)
            return false;
        point += n;
        path += m;
    }
}

/* Up and down again: it might be anywhere. */
static bool goes_up(const char *path)
{
    for (size_t n; (n = next_name(&path)) != 0; path += n)
        if (n == 2 && path[0] == '.' && path[1] == '.')
            return true;
    return false;
}

bool mounts_covers(const struct mount_list *list, const char *path)
{
    bool covered = goes_up(path);
    for (unsigned i = 0; i < list->n && !covered; i++)
        covered = covers(list->mounts[i].path, path);
    return covered;
}

/* The program's string, page by page as it can be read; false: bad, or too long for the room. */
static bool copy_path(char *to, size_t room, const char *from)
{
    for (size_t done = 0; done < room;) {
        size_t part = PAGE - ((uintptr_t)(from + done) & (PAGE - 1));
        if (part > room - done)
            part = room - done;
        if (!mem_readable((const char *)((uintptr_t)(from + done) & ~7ul), 8))
            return false;
        size_t n = strnlen(from + done, part);
        memcpy(to + done, from + done, n);
        done += n;
        if (n < part) {
            to[done] = '\0';
            return true;
        }
    }
    return false;
}

enum found { NO, YES, NO_ROOM };

/* Is it below a slow mount? Relative to the working directory, which is asked for: its name asks nobody. In a buffer
 * for the whole path. */
static enum found slow_from_here(const struct mount_list *list, const char *path, char *full, size_t room)
{
    size_t n = 0;
    if (!copy_path(full, room, path))
        return NO_ROOM;
    if (full[0] == '\0')
        return NO;
    if (full[0] != '/') {
        long got = sys(SYS_getcwd, full, room);
        if (got == -ERANGE)
            return NO_ROOM;
        if (got <= 0 || full[0] != '/')
            return NO;
        n = (size_t)got;
        full[n - 1] = '/';
        if (!copy_path(full + n, room - n, path))
            return NO_ROOM;
    }
    return mounts_covers(list, full) ? YES : NO;
}

static uint64_t device_of(int fd)
{
    struct statx st;
    const int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
    if (sys(SYS_statx, fd, "", flags, 0, &st) != 0)
        return ~0ull;
    return (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor;
}

bool mounts_slow_fd(int fd)
{
    const struct mount_list *list = slow_mounts();
    if (likely(list == NULL))
        return false;
    uint64_t device = device_of(fd);
    bool slow = false;
    for (unsigned i = 0; i < list->n && !slow; i++)
        slow = list->mounts[i].device == device;
    if (slow)
        method_goes_on_to_suspect();
    return slow;
}

bool mounts_slow_path(int dir, const char *path)
{
    const struct mount_list *list = slow_mounts();
    if (likely(list == NULL))
        return false;
    if (dir != AT_FDCWD)
        return mounts_slow_fd(dir);
    char few[ON_STACK];
    enum found found = slow_from_here(list, path, few, sizeof few);
    if (found == NO_ROOM) {
        char *full = mem_map(PATH_ROOM);
        found = full == NULL ? NO : slow_from_here(list, path, full, PATH_ROOM);
        mem_unmap(full, PATH_ROOM);
    }
    if (found == YES)
        method_goes_on_to_suspect();
    return found == YES;
}
