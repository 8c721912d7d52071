/* What the kernel says of a kernel thread of this process. */
#ifndef COAX_TASK_H
#define COAX_TASK_H

#include <stdint.h>

struct task {
    char state;    /* as in proc(5); '?' if it cannot be read */
    int processor; /* that it is on; -1: unknown */
};

/* A descriptor is taken and given back. */
struct task task_look(int tid);
/* The same for who looks often: a descriptor to look through, or -errno. tasks: one of /proc/self/task, which holds in
 * another root, too. */
int task_open(int tasks, int tid);
struct task task_look_through(int fd);
/* Time that it has waited for a processor, and that it has had one, ns. 0 or -errno: the kernel does not count it. */
int task_waited(int tasks, int tid, uint64_t *waited, uint64_t *ran);

#endif
