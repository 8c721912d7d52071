/* Which calls change state that the kernel keeps per thread, so that the caller must be a kernel thread of its own. */
#ifndef COAX_STATE_H
#define COAX_STATE_H

enum state {
    STATE_PROCESS,   /* none of these: all threads share it, or it is only read */
    STATE_THREAD,    /* the caller's alone */
    STATE_INHERITED, /* and that of the threads that it creates */
};

enum state state_of_prctl(int option);
enum state state_of_unshare(int flags);
/* By number, the arguments as syscall() has them. */
enum state state_of_syscall(long number, const long args[6]);

#endif
