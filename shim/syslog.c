/* The logger: one connection for the process. In its turn, so that threads that log while it is slow are parked. */
#include "core/identity.h"
#include "shim/in_turn.h"

#include <stdarg.h>

/* A cancellation point, as the connection is. */
static void log_in_turn(int priority, const char *format, va_list args)
{
    (void)hook_enter_cancel();
    struct fiber *self = in_turn(TURN_SYSLOG, "syslog");
    real.vsyslog(priority, format, args);
    turn_drop(self, TURN_SYSLOG);
}

static void log_checked_in_turn(int priority, int flag, const char *format, va_list args)
{
    (void)hook_enter_cancel();
    struct fiber *self = in_turn(TURN_SYSLOG, "syslog");
    real.__vsyslog_chk(priority, flag, format, args);
    turn_drop(self, TURN_SYSLOG);
}

EXPORT void syslog(int priority, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_in_turn(priority, format, args);
    va_end(args);
}

EXPORT void vsyslog(int priority, const char *format, va_list args)
{
    log_in_turn(priority, format, args);
}

EXPORT void __syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_checked_in_turn(priority, flag, format, args);
    va_end(args);
}

EXPORT void __vsyslog_chk(int priority, int flag, const char *format, va_list args)
{
    log_checked_in_turn(priority, flag, format, args);
}

EXPORT void openlog(const char *name, int options, int facility)
{
    struct fiber *self = in_turn(TURN_SYSLOG, __func__);
    real.openlog(name, options, facility);
    turn_drop(self, TURN_SYSLOG);
}

EXPORT void closelog(void)
{
    struct fiber *self = in_turn(TURN_SYSLOG, __func__);
    real.closelog();
    turn_drop(self, TURN_SYSLOG);
}

EXPORT int setlogmask(int mask)
{
    struct fiber *self = in_turn(TURN_SYSLOG, __func__);
    int r = real.setlogmask(mask);
    turn_drop(self, TURN_SYSLOG);
    return r;
}
