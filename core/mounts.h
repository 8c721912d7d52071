/* Which files lie on file systems that ask somebody else: another machine, or a process. A call on one may take for
 * ever, so it is known to wait (method.h).
 *
 * Nobody asks until the monitor has found a call blocked (method_suspects), and for a second after that, or after a
 * call that was one of these: what it costs to ask, some system calls, a warm program shall not pay for long. The
 * process's table of mounts is read, and again when a question comes after most of a second; reading it asks nobody.
 * Only the slow mounts are kept. Where there are none, nobody asks until another call is found blocked. Else a path is
 * compared with the mount points by its letters, and a descriptor, also that of the directory which a path is taken
 * from, is asked for its device, without asking the server (AT_STATX_DONT_SYNC). A link that leads to a slow file
 * system, one mounted just now, or a full path beside a directory's descriptor is not seen: such a call is made in
 * place, and the monitor sees to it. */
#ifndef COAX_MOUNTS_H
#define COAX_MOUNTS_H

#include "core/lock.h"

#include <stdbool.h>
#include <stdint.h>

enum { MOUNTS_MOST = 32, MOUNTS_TEXT = 4096 };

struct slow_mount {
    uint64_t device; /* major << 32 | minor */
    const char *path;
};

/* Never changed once it is published, never freed. */
struct mount_list {
    unsigned n;
    struct slow_mount mounts[MOUNTS_MOST];
    size_t used;
    char text[MOUNTS_TEXT];
};

struct mounts {
    struct lock lock;              /* of who reads the table */
    uint64_t read_at;              /* processor ticks; 0: never */
    const struct mount_list *slow; /* NULL: none */
};

/* The file that a call names: a path, taken from a directory's descriptor or AT_FDCWD. path may be a bad pointer. */
bool mounts_slow_path(int dir, const char *path);
bool mounts_slow_fd(int fd);

/* For tests: of one line of mountinfo, and of two full paths. */
bool mounts_add(struct mount_list *list, const char *line, size_t n);
bool mounts_covers(const struct mount_list *list, const char *path);

#endif
