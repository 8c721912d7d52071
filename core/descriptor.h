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
/* self NULL: the caller is no fiber. */
int descriptor_abort(struct fiber *self, int fd, int error);

#endif
