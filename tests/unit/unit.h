/* What every unit test needs: checks that name their line, `ok NAME` per case, fibers, real threads, chance.
 * The tests link the core without its hooks, so pthread_create here makes a kernel thread: a foreign one to the core.
 */
#ifndef COAX_UNIT_H
#define COAX_UNIT_H

#include "core/enter.h"
#include "core/log.h"
#include "shim/real.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Fibers have stacks that the sanitizer does not know: no fake stacks, no leak search through their thread blocks, and
 * a fault in a guard shall end the child by its signal. It asks for the stack of the running thread before it leaves a
 * frame for good: libc does not know a fiber by its tid, and no hook is here to answer. */
#ifdef __SANITIZE_ADDRESS__
#define UNIT_ASAN 1
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
    return "detect_stack_use_after_return=0:detect_leaks=0:handle_segv=0:use_sigaltstack=0";
}

__attribute__((visibility("default"))) int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr)
{
    const struct fiber *f = rt.coop ? fiber_self : NULL;
    if (f == NULL || f->main || f->fs != (uintptr_t)thread)
        return real.pthread_getattr_np(thread, attr);
    pthread_attr_init(attr);
    return pthread_attr_setstack(attr, f->stack, f->stack_size);
}

/* The last frames of a fiber are never left: their redzones would hit the next one in the slot. */
static inline void unit_clean_free_stacks(void)
{
    void __asan_unpoison_memory_region(const volatile void *, size_t);
    core_enter(fiber_self);
    for (unsigned i = 0; i < rt.stacks.nclasses; i++) {
        const struct stack_class *c = &rt.stacks.classes[i];
        const struct fiber *f = c->free;
        for (int n = 0; f != NULL && n < 4; n++, f = f->next)
            __asan_unpoison_memory_region(f->slot + c->guard, (size_t)((const char *)f - f->slot) - c->guard);
    }
    core_leave(fiber_self);
}
#else
#define UNIT_ASAN 0
static inline void unit_clean_free_stacks(void)
{
}
#endif

enum { UNIT_STACK = 256 << 10, UNIT_GUARD = 4096 };

static inline __attribute__((noreturn)) void unit_fail(const char *file, int line, const char *what, long a, long b)
{
    fprintf(stderr, "%s:%d: failed: %s (%ld, %ld)\n", file, line, what, a, b);
    _exit(1);
}

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            unit_fail(__FILE__, __LINE__, #condition, 0, 0);                                                           \
    } while (0)

/* Both sides are shown. */
#define CHECK_EQ(left, right)                                                                                          \
    do {                                                                                                               \
        long left_ = (long)(left), right_ = (long)(right);                                                             \
        if (left_ != right_)                                                                                           \
            unit_fail(__FILE__, __LINE__, #left " == " #right, left_, right_);                                         \
    } while (0)

static inline void unit_ok(const char *name)
{
    printf("ok %s\n", name);
    fflush(stdout);
}

/* First in main: a test that hangs ends by SIGALRM. */
static inline void unit_start(void)
{
    alarm(60);
    real_bind();
    config_init(&rt.config, environ);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    rt.ncpus = n < 1 ? 1 : (unsigned)n;
}

/* The main thread becomes fiber number one. */
static inline void unit_start_fibers(void)
{
    unit_start();
    if (fiber_start_core() != 0)
        unit_fail(__FILE__, __LINE__, rt.tls.failure != NULL ? rt.tls.failure : "the core does not start", 0, 0);
}

static inline pthread_t unit_fiber_of_size(size_t stack, void *(*start)(void *), void *arg)
{
    struct fiber_attr attr = {.stack_size = stack, .guard_size = UNIT_GUARD};
    pthread_t handle;
    unit_clean_free_stacks();
    CHECK_EQ(fiber_create(fiber_self, &handle, &attr, start, arg), 0);
    return handle;
}

static inline pthread_t unit_fiber(void *(*start)(void *), void *arg)
{
    return unit_fiber_of_size(UNIT_STACK, start, arg);
}

static inline void *unit_join(pthread_t handle)
{
    struct ending end = {NULL, false};
    struct fiber *f = fiber_of(handle);
    CHECK(f != NULL);
    CHECK_EQ(fiber_join(fiber_self, f, &end, CLOCK_NEVER), 0);
    return end.result;
}

static inline void unit_join_all(const pthread_t *handles, int n)
{
    for (int i = 0; i < n; i++)
        unit_join(handles[i]);
}

static inline void unit_yield(void)
{
    sched_yield_now(fiber_self);
}

/* Parks the fiber for so long: others run. */
static inline void unit_sleep(uint64_t ns)
{
    struct fiber *self = fiber_self;
    struct wait w;
    core_enter(self);
    wait_init(&w, self, NULL);
    int r = wait_park(&w, clock_after(ns), 0, "test");
    core_leave(self);
    CHECK_EQ(r, -ETIMEDOUT);
}

static inline pthread_t unit_thread(void *(*start)(void *), void *arg)
{
    pthread_t handle;
    CHECK_EQ(pthread_create(&handle, NULL, start, arg), 0);
    return handle;
}

/* Blocks the kernel thread, as a foreign thread does. */
static inline void unit_block(uint64_t ns)
{
    struct timespec ts = clock_to_timespec(ns);
    (void)sys(SYS_nanosleep, &ts, NULL);
}

/* One sequence for each user, so that a failure comes again. */
struct chance {
    uint64_t state;
};

static inline uint64_t chance(struct chance *c, uint64_t below)
{
    c->state = c->state * 6364136223846793005ull + 1442695040888963407ull;
    return (c->state >> 33) % below;
}

/* Nothing, a moment of computing, or a sleep: the three ways to meet a race. */
static inline void chance_delay(struct chance *c, uint64_t most_ns)
{
    uint64_t way = chance(c, 3), ns = chance(c, most_ns);
    if (way == 1)
        for (uint64_t until = clock_now() + ns; clock_now() < until;)
            ;
    else if (way == 2)
        unit_block(ns);
}

#endif
