/* Time inside coax: nanoseconds of CLOCK_MONOTONIC, as an unsigned 64-bit number. */
#ifndef COAX_CLOCK_H
#define COAX_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull
#define CLOCK_NEVER UINT64_MAX /* a deadline that never comes */

uint64_t clock_now(void);

/* now + ns without wrapping round. */
static inline uint64_t clock_after(uint64_t ns)
{
    uint64_t now = clock_now();
    return ns >= CLOCK_NEVER - now ? CLOCK_NEVER : now + ns;
}

/* A relative timespec in ns (saturating); the caller has checked that it is valid. */
static inline uint64_t clock_from_timespec(const struct timespec *ts)
{
    uint64_t s = (uint64_t)ts->tv_sec;
    return s >= CLOCK_NEVER / NS_PER_S ? CLOCK_NEVER : s * NS_PER_S + (uint64_t)ts->tv_nsec;
}

static inline struct timespec clock_to_timespec(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

/* Seconds as a program says them, in ns, rounded up; too many are CLOCK_NEVER. false: negative, or not a number. */
bool clock_from_seconds(double seconds, uint64_t *ns);

/* The absolute time `ts` on `clock` as a monotonic deadline (0 when it has passed). The conversion
 * is made once: setting the clock while somebody waits does not move its deadline. */
uint64_t clock_deadline(clockid_t clock, const struct timespec *ts);

/* Processor time that a thread has used, ns. What counts is this, not the wall: on a loaded machine a kernel thread may
 * stand still for long without computing. The id of a thread's clock is made from its tid (see clock_getcpuclockid). */
uint64_t clock_of_thread(int tid);

#endif
