/* Terminals: the descriptor's state is looked at, then the real call is made. What waits for the other end (output to
 * drain, a break, a stop or start character behind somebody's blocked write) steps away first. */
#include "shim/hook.h"
#include "core/descriptor.h"

#include <sys/ioctl.h>

static bool refused(int fd)
{
    int r = likely(!rt.fdtab.aborted) ? 0 : descriptor_check(fd);
    if (r != 0)
        errno = -r;
    return r != 0;
}

/* Output that the other end has not taken yet: only then there is something to wait for. */
static bool drains(int fd)
{
    int left = 0;
    return sys(SYS_ioctl, fd, TIOCOUTQ, &left) == 0 && left > 0;
}

static void away(struct fiber *self, bool waits, const char *call)
{
    if (self != NULL && waits)
        baton_away(self, call);
}

static int back(struct fiber *self, bool waits, int r)
{
    if (self == NULL || !waits)
        return r;
    int saved = errno;
    baton_back(self);
    errno = saved;
    return r;
}

EXPORT int tcdrain(int fd)
{
    struct fiber *self = hook_enter_cancel();
    bool waits = self != NULL && drains(fd);
    if (refused(fd))
        return -1;
    away(self, waits, "tcdrain");
    return back(self, waits, real.tcdrain(fd));
}

EXPORT int tcsetattr(int fd, int when, const struct termios *attr)
{
    struct fiber *self = hook_enter();
    bool waits = self != NULL && when != TCSANOW && drains(fd);
    if (refused(fd))
        return -1;
    away(self, waits, "tcsetattr");
    return back(self, waits, real.tcsetattr(fd, when, attr));
}

EXPORT int tcsendbreak(int fd, int duration)
{
    struct fiber *self = hook_enter();
    if (refused(fd))
        return -1;
    away(self, true, "tcsendbreak");
    return back(self, true, real.tcsendbreak(fd, duration));
}

EXPORT int tcflow(int fd, int action)
{
    struct fiber *self = hook_enter();
    bool waits = action == TCIOFF || action == TCION;
    if (refused(fd))
        return -1;
    away(self, waits, "tcflow");
    return back(self, waits, real.tcflow(fd, action));
}

EXPORT int tcgetattr(int fd, struct termios *attr)
{
    (void)hook_enter();
    return refused(fd) ? -1 : real.tcgetattr(fd, attr);
}

EXPORT int tcflush(int fd, int queue)
{
    (void)hook_enter();
    return refused(fd) ? -1 : real.tcflush(fd, queue);
}

EXPORT pid_t tcgetpgrp(int fd)
{
    (void)hook_enter();
    return refused(fd) ? -1 : real.tcgetpgrp(fd);
}

EXPORT int tcsetpgrp(int fd, pid_t group)
{
    (void)hook_enter();
    return refused(fd) ? -1 : real.tcsetpgrp(fd, group);
}

EXPORT pid_t tcgetsid(int fd)
{
    (void)hook_enter();
    return refused(fd) ? -1 : real.tcgetsid(fd);
}
