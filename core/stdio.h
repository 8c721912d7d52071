/* libc's streams (FILE) while fibers run.
 *
 * libc reads and writes its streams by calls of its own that no hook sees. But a stream finds its functions in a table,
 * and the tables are data: those entries for reading, writing and closing that are libc's plain ones are replaced by
 * ours, once, when the first thread is created or a limit is set. From then on every stream on a descriptor waits as
 * the hooks do: standard streams, fopen, fdopen, popen, tmpfile, wide ones, dprintf, iostreams that are in step with
 * them. Streams in memory and fopencookie's have tables of their own and are left alone. The tables are found by what
 * is in them, not by an address; libc's check of a stream's table looks at where it is, not at its contents.
 *
 * A fiber that waits in such an entry holds the stream's lock, as a thread would. Another one that wants the stream
 * would sleep on the lock inside libc, in the kernel. So the hooks of the calls that lock a stream look first and park
 * until nobody else holds it (stdio_gate); the lock is taken by libc itself. Nobody sees libc give it back at the end
 * of a call. It is enough to wake when the holder leaves the entry: its call ends without waiting again, or it comes to
 * another entry. A holder that is not in one (flockfile, a cookie's function, another kernel thread) is looked at again
 * now and then. Between the look and libc's own locking another kernel thread may come first: then the fiber sleeps in
 * the kernel after all, and the monitor lets the others go on. */
#ifndef COAX_STDIO_H
#define COAX_STDIO_H

#include "core/fiber.h"

#include <stdio.h>

/* The entries that are replaced. */
struct stdio_entries {
    ssize_t (*read)(FILE *f, void *buf, ssize_t n);
    ssize_t (*write)(FILE *f, const void *data, ssize_t n);
    int (*close)(FILE *f);
    int (*close_process)(FILE *f); /* of popen */
};

/* Puts `ours` into the tables; libc's go to *theirs. Again is harmless. False: libc is not as known, nothing is done.
 */
bool stdio_replace(const struct stdio_entries *ours, struct stdio_entries *theirs);

/* False: a library of the program has a function of that name, which may be about something else. */
bool stdio_of_libc(const void *function);
/* Where libc has one of its own streams, by name. Not by a reference: each would be looked up whenever a program
 * starts. */
FILE **stdio_standard(const char *name);

/* Parks until no other thread holds the stream. True: somebody did. Outside the core. */
bool stdio_gate(struct fiber *self, const FILE *f);
/* fflush(NULL), or of line-buffered streams only: 0 or EOF. See stdio_all.c. */
int stdio_flush_all(struct fiber *self, bool lines);
/* A read of this stream locks standard output first: for its line is written before a terminal is read. */
bool stdio_flushes_output(const FILE *f);

/* For that file. The lock of a stream, NULL: it has none. Held by another thread. Until it was given back, perhaps, or
 * some time has passed. The first of all streams, under libc's lock of the list. */
struct file_lock {
    int word, count; /* as libc has it */
    void *owner;
};
const struct file_lock *stdio_lock_of(const FILE *f);
bool stdio_taken(const struct file_lock *l, const struct fiber *self);
void stdio_wait(struct fiber *self, const struct file_lock *l, unsigned round);
FILE *stdio_first(void);

/* Around a wait of the holder inside an entry. self NULL: no fiber. */
struct stdio_hold {
    struct fiber *self;
    const void *lock, *outer;
};
struct stdio_hold stdio_enter(struct fiber *self, const FILE *f);
void stdio_leave(const struct stdio_hold *hold);
/* Somebody who had locked the stream has unlocked it. */
void stdio_unlocked(const FILE *f);

/* The process behind a popen stream; the word in it that says so. */
pid_t *stdio_process(FILE *f);

/* Around libc's fork, before the core is taken: libc takes the lock of the list of streams, too, and who holds that may
 * need the core. In the child libc has made it new. */
void stdio_fork_prepare(void);
void stdio_fork_parent(void);
void stdio_fork_child(void);
/* Waits until nobody is in the middle of a flush of all streams, and lets nobody else begin one: before libc flushes
 * them at the end of the process. */
void stdio_settle(void);

#endif
