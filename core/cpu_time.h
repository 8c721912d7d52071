/* Processor time of fibers: what CLOCK_THREAD_CPUTIME_ID and RUSAGE_THREAD are for threads.
 *
 * The kernel counts by kernel thread, and each of those runs many fibers. To ask it at every switch would cost ten
 * times the switch, and a program may ask for a thread's time after hours, so nothing can begin only then. So each
 * switch reads the processor's time stamp counter, which costs some ten instructions and no system call, and gives the
 * ticks since the last switch to the fiber that has run: a slice. Ticks are time on the wall, not processor time, but
 * of a short slice the difference is small. A long one (SLICE_LONG, some 100 us) may have been blocked in a call or not
 * have had the processor: there the kernel is asked, and what its clock has gained beyond the short slices is the
 * slice's. The same where a fiber leaves its kernel thread (it was away, in a call that waits), where the fiber asks
 * itself, and once in a while (SLICE_DRIFT), so that errors of short slices do not pile up. The time in which the loop
 * waits is nobody's; what a helper does for a fiber (look-ups of names) is the fiber's once it is done.
 *
 * A promoted thread has its kernel thread's clock, and what it had before. So has main until there are fibers.
 *
 * Slices begin and end inside the core, or on the kernel thread of the fiber itself while signals are held back. Others
 * read under the sequence count, which moves where the kernel was asked; between two short slices a reader sees too
 * little rather than too much. What has been told is never taken back. */
#ifndef COAX_CPU_TIME_H
#define COAX_CPU_TIME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

struct fiber;
struct kthread;

enum { SLICE_LONG = 1 << 18, SLICE_DRIFT = 1 << 23 }; /* ticks */

/* A fiber's. */
struct cpu_time {
    uint64_t ns, ticks;    /* of long slices, of short ones */
    uint64_t told;         /* ns */
    uint64_t user, system; /* ns: the parts that were told */
};

/* A kernel thread's. In ticks, but for `base`. */
struct cpu_slice {
    uint64_t begun;  /* of the fiber that runs */
    uint64_t base;   /* the kernel's clock when it was asked last, ns */
    uint64_t origin; /* begun - origin: given to fibers since then */
    uint64_t looked; /* that time; without what has been idle since */
    uint32_t seq;    /* odd: being changed */
};

static inline uint64_t cpu_ticks(void)
{
    return __builtin_ia32_rdtsc();
}

/* A fiber gives its kernel thread to another one: false, and nothing is done, if its slice was long. */
static inline bool cpu_slice_end(struct cpu_slice *s, struct cpu_time *t)
{
    uint64_t now = cpu_ticks(), ticks = now - s->begun;
    if (__builtin_expect(ticks >= SLICE_LONG, 0))
        return false;
    __atomic_store_n(&s->begun, now,
                     __ATOMIC_RELAXED); /* who reads takes ticks first: too little rather than too much */
    __atomic_store_n(&t->ticks, t->ticks + ticks, __ATOMIC_RELAXED);
    return true;
}

/* Of what follows k is the calling kernel thread. Main begins, with what the kernel has counted; learns the ticks. */
void cpu_time_start(struct kthread *k, struct fiber *main);
/* Ends f's slice by asking the kernel. */
void cpu_time_settle(struct kthread *k, struct fiber *f);
/* Around a wait of the loop; f NULL: k is idle. */
void cpu_time_pause(struct kthread *k, struct fiber *f);
void cpu_time_resume(struct kthread *k);
/* Now and then: asks the kernel if that was long ago. */
void cpu_time_look(struct kthread *k);
/* The fiber has been promoted and will run on k; k is there and begins with it. */
void cpu_time_promote(struct kthread *k);
void cpu_time_begin_promoted(struct kthread *k);

/* The kernel's count for the calling kernel thread, ns. */
uint64_t cpu_time_here(void);

/* The time of any thread with a record, ns. Inside the core, or by the monitor. */
uint64_t cpu_time_of(struct fiber *f);
/* The caller's own: from anywhere but the core. self NULL: a promoted thread. */
uint64_t cpu_time_mine(struct fiber *self, struct fiber *record);
/* As getrusage(RUSAGE_THREAD), for the caller. 0 or -errno. */
long cpu_time_usage(struct fiber *self, struct fiber *record, struct rusage *usage);

/* The clock of a thread: its id is made from the thread's as libc makes it (clock_getcpuclockid(3)). One of a fiber is
 * positive, and so none that the kernel knows. */
static inline clockid_t cpu_clock_id(int tid)
{
    return (clockid_t)(~(unsigned)tid << 3 | 6);
}
static inline bool cpu_clock_of_thread(clockid_t clock)
{
    return clock == CLOCK_THREAD_CPUTIME_ID || ((clock & 7) == 6 && clock != CLOCK_MONOTONIC_COARSE);
}
/* Whose clock is it? NULL: no thread with a record. self NULL: a caller that is no fiber; record: the caller's, or
 * NULL. Outside the core. */
struct fiber *cpu_clock_owner(struct fiber *self, struct fiber *record, clockid_t clock);
/* The time on that clock, ns: false: the thread has ended. Outside the core. */
bool cpu_clock_read(struct fiber *self, struct fiber *owner, uint64_t *ns);

#endif
