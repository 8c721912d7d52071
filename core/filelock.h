/* Locks on files: flock, and fcntl's of processes and of open files (lockf is one of these). Results: 0 or -errno. */
#ifndef COAX_FILELOCK_H
#define COAX_FILELOCK_H

#include <fcntl.h>

struct fiber;

/* An operation that may wait. */
long filelock_flock(struct fiber *self, int fd, int op);
/* F_SETLKW, F_OFD_SETLKW. */
long filelock_fcntl(struct fiber *self, int fd, int cmd, const struct flock *lock);

#endif
