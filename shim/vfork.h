/* vfork's child returns through its parent's frame, so the hook is a jump: to libc's own, or to fork when fibers run.
 */
#ifndef COAX_VFORK_H
#define COAX_VFORK_H

#include <unistd.h>

extern pid_t (*vfork_target)(void);

#endif
