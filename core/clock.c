#include "core/clock.h"
#include "core/sys.h"
#include "shim/real.h"

uint64_t clock_now(void)
{
    struct timespec ts;
    real.clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

bool clock_from_seconds(double seconds, uint64_t *ns)
{
    if (!(seconds >= 0))
        return false;
    if (seconds >= 1e10) { /* three hundred years, still a number of ns */
        *ns = CLOCK_NEVER;
        return true;
    }
    uint64_t whole = (uint64_t)seconds;
    double rest = (seconds - (double)whole) * 1e9;
    uint64_t part = (uint64_t)rest;
    *ns = whole * NS_PER_S + part + ((double)part < rest);
    return true;
}

uint64_t clock_deadline(clockid_t clock, const struct timespec *ts)
{
    if (ts->tv_sec < 0)
        return 0;
    uint64_t at = clock_from_timespec(ts);
    if (clock == CLOCK_MONOTONIC || at == CLOCK_NEVER)
        return at;
    struct timespec here;
    if (real.clock_gettime(clock, &here) != 0)
        return 0;
    uint64_t now = clock_from_timespec(&here);
    return at <= now ? 0 : clock_after(at - now);
}

uint64_t clock_of_thread(int tid)
{
    struct timespec t = {0, 0};
    (void)sys(SYS_clock_gettime, (long)(int)((unsigned)~tid << 3 | 6), &t);
    return clock_from_timespec(&t);
}
