/* Waiting for children without stopping the others. The status is taken by the program's own call, never by us. */
#ifndef COAX_CHILD_H
#define COAX_CHILD_H

#include "core/fiber.h"

#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>

/* wait4 and waitid: as the system calls, a value or -errno. self NULL: no fibers. */
long child_wait4(struct fiber *self, pid_t pid, int *status, int options, struct rusage *usage);
long child_waitid(struct fiber *self, idtype_t type, id_t id, siginfo_t *info, int options);
/* This process traces others: any child may stop, and that ends a wait that asks for ends only. */
void child_traced(void);
/* How many fibers wait for a child now. */
int child_wait_count(void);

/* Around a fork: the calling fiber keeps the core to itself; the child starts anew with that fiber alone. */
void child_fork_prepare(void);
void child_fork_parent(void);
void child_fork_child(void);

#endif
