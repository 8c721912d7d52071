/* The runtime: one struct, one member a module, in order of init. */
#ifndef COAX_RT_H
#define COAX_RT_H

#include "core/config.h"
#include "core/stacks.h"
#include "core/tls.h"
#include "core/fiber.h"
#include "core/sched.h"
#include "core/timer.h"
#include "core/baton.h"
#include "core/addr.h"
#include "core/loop.h"
#include "core/fdtab.h"
#include "core/handover.h"
#include "core/pool.h"
#include "core/line.h"
#include "core/trim.h"
#include "core/turn.h"
#include "core/signals.h"
#include "core/promote.h"
#include "core/notify.h"
#include "core/on_signal.h"
#include "core/job.h"
#include "core/method.h"
#include "core/mounts.h"
#include "core/shadow.h"
#include "core/thread_timer.h"

struct runtime {
    struct config config;
    struct stacks stacks;
    struct tls tls;
    struct fibers fibers;
    struct sched sched;
    struct timers timers;
    struct baton baton;
    struct addr addr;
    struct loop loop;
    struct fdtab fdtab;
    struct handover handover;
    struct pool pool;
    struct lines line;
    struct trim trim;
    struct turns turns;
    struct signals signals;
    struct promote promote;
    struct notify notify;
    struct on_signal on_signal;
    struct jobs job;
    struct methods methods;
    struct mounts mounts;
    struct shadow shadow;
    struct thread_timers timers_of_threads;
    unsigned ncpus;
    bool coop;      /* fibers run: the core is started */
    bool no_fibers; /* kernel threads for good: asked for, or libc is unknown */
};

extern struct runtime rt __attribute__((visibility("hidden")));

/* True until the kernel has refused it once. Any thread. */
static inline bool feature_on(enum feature f)
{
    return !__atomic_load_n(&rt.config.disabled[f], __ATOMIC_RELAXED);
}

#endif
