#include "core/enter.h"
#include "core/handover.h"
#include "core/monitor.h"
#include "core/mem.h"
#include "core/pending.h"
#include "core/ready.h"
#include "core/switch.h"

#include <errno.h>
#include <ev.h>
#include <poll.h>
#include <signal.h>
#include <xmmintrin.h>

static struct ev_loop *ev;
static ev_io descriptors;
static ev_async wakeup;

enum { LOOP_STACK = 128 << 10 };
static char *stack_top; /* the loop's own: who runs it would keep the pages that it needs for a moment */

static void on_descriptors(struct ev_loop *l, ev_io *w, int events)
{
    (void)l, (void)w, (void)events;
    ready_poll();
}

static void on_wakeup(struct ev_loop *l, ev_async *w, int events)
{
    (void)l, (void)w, (void)events;
}

static void *ev_memory(void *p, long size)
{
    return mem_realloc(p, size);
}

/* libev reckons in doubles: not with the rounding and traps of a fiber's, nor may it leave flags there. */
static void turn_loop(int how)
{
    enum { DEFAULT = 0x1f80 };
    unsigned fibers = _mm_getcsr();
    _mm_setcsr(DEFAULT);
    ev_run(ev, how);
    _mm_setcsr(fibers);
}

int loop_init(void)
{
    if (rt.loop.made)
        return 0;
    handover_init();
    int e = ready_init();
    if (e < 0)
        return e;
    if (stack_top == NULL) {
        char *stack = mem_map(LOOP_STACK);
        if (stack == NULL)
            return -ENOMEM;
        stack_top = stack + LOOP_STACK;
    }
    ev_set_allocator(ev_memory);
    /* Never the default loop: it takes SIGCHLD and the program's children. */
    ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV | EVFLAG_NOINOTIFY | EVFLAG_NOTIMERFD);
    if (ev == NULL)
        return -EMFILE;
    ev_io_init(&descriptors, on_descriptors, libev_show(rt.fdtab.epoll), EV_READ);
    ev_io_start(ev, &descriptors);
    ev_async_init(&wakeup, on_wakeup);
    ev_async_start(ev, &wakeup);
    turn_loop(EVRUN_NOWAIT); /* registers both */
    rt.loop.made = true;
    return 0;
}

void loop_forked(void)
{
    ev = NULL; /* its memory is the price of not touching a copy of the parent's state */
    libev_forget();
    rt.loop = (struct loop){0};
}

static void fire_timers(void)
{
    if (timer_next() == CLOCK_NEVER)
        return;
    uint64_t now = clock_now();
    struct timer *t;
    while ((t = timer_expired(now)) != NULL)
        wait_wake(container_of(t, struct wait, timer), -ETIMEDOUT);
}

static void iterate(void *unused)
{
    (void)unused;
    turn_loop(EVRUN_ONCE);
}

void loop_poll(void)
{
    cpu_time_look(signals_carrier());
    (void)handover_round(false);
    ready_arm(false);
    ready_poll();
    fire_timers();
    trim_step(false);
}

void loop_wait(void)
{
    struct loop *l = &rt.loop;
    if (handover_round(true) || ready_arm(true))
        return;
    int saved = errno;
    __atomic_store_n(&l->blocked, 1, __ATOMIC_SEQ_CST);
    trim_step(true);
    uint64_t trim = trim_next();
    l->wait_until = timer_next() < trim ? timer_next() : trim;
    if (!__atomic_load_n(&l->queued, __ATOMIC_SEQ_CST) && l->wait_until > clock_now()) {
        struct kthread *k = signals_carrier();
        cpu_time_pause(k, k->running);
        switch_call(stack_top, iterate, NULL);
        cpu_time_resume(k);
    }
    __atomic_store_n(&l->blocked, 0, __ATOMIC_SEQ_CST); /* before it is asked whether the monitor sleeps */
    if (__atomic_load_n(&rt.baton.monitor_word, __ATOMIC_SEQ_CST) == 0)
        monitor_wake();
    l->wait_until = 0;
    errno = saved;
    fire_timers();
}

void loop_kick(void)
{
    __atomic_store_n(&rt.loop.queued, 1, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&rt.loop.blocked, __ATOMIC_SEQ_CST) || ev == NULL)
        return;
    /* A handler that jumped out would leave libev's note that a wakeup is under way, and no other would be sent. */
    const uint64_t all = ALL_SIGNALS;
    uint64_t mask;
    (void)sys(SYS_rt_sigprocmask, SIG_BLOCK, &all, &mask, sizeof mask);
    ev_async_send(ev, &wakeup);
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

bool loop_has_events(void)
{
    struct pollfd p = {rt.loop.backend, POLLIN, 0};
    uint64_t next = timer_next();
    return (next != CLOCK_NEVER && next <= clock_now()) || ready_unarmed() || handover_waits() ||
           sys(SYS_poll, &p, 1, 0) > 0;
}

int loop_own_fd(int fd)
{
    if (fd < 0)
        return fd;
    int high = fdtab_take_high(fd);
    (void)sys(SYS_close, fd);
    return high;
}
