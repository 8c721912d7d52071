/* What coax.h does with a descriptor: its state. Opened, Closed, or Aborted with an errno: then who waits on it fails
 * with that now, and every later use does; a poll says that it is ready, so that the program meets the errno where it
 * reads or writes. The number's next owner starts Opened. */
#ifndef COAX_DESCRIPTOR_H
#define COAX_DESCRIPTOR_H

#include "core/fdtab.h"

struct fiber;

enum fd_state descriptor_state(int fd);
/* 0, or -errno: -EBADF, or what it was aborted with. */
int descriptor_check(int fd);
/* What it was aborted with, or 0. */
int descriptor_aborted(int fd);
/* self NULL: the caller is no fiber. */
int descriptor_abort(struct fiber *self, int fd, int error);

/* 1: calls on it block, in the way of files; 0: they are attempted and wait for readiness; or -errno. */
int descriptor_blocking(int fd);
/* mode: enum fd_mode. set_flags: O_NONBLOCK becomes what the mode says, except on 0 to 2. */
int descriptor_set_mode(int fd, enum fd_mode mode, bool set_flags);
/* The same for a number that came from elsewhere: it begins anew. */
int descriptor_adopt(int fd, enum fd_mode mode, bool set_flags);

#endif
