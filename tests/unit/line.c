/* Waits in the kernel: what ends them, who stands in line for them. */
#include "core/cancel.h"
#include "core/kick.h"
#include "core/line.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

enum { WAITERS = 20 };

/* A pipe: a byte is what is waited for. */
struct source {
    int fds[2];
    struct chance chance;
    uint64_t late; /* most ns between the start of a call and the kernel */
    int calls;
};

static void source_init(struct source *s)
{
    *s = (struct source){.chance = {7}};
    CHECK_EQ(pipe(s->fds), 0);
}

static void give(struct source *s)
{
    CHECK_EQ(sys(SYS_write, s->fds[1], "x", 1), 1);
}

static long take(void *arg)
{
    const struct source *s = arg;
    char c;
    return sys(SYS_read, s->fds[0], &c, 1);
}

static long take_late(void *arg)
{
    struct source *s = arg;
    __atomic_fetch_add(&s->calls, 1, __ATOMIC_SEQ_CST);
    if (s->late != 0)
        unit_block(chance(&s->chance, s->late));
    return take(s);
}

static long try_take(void *arg)
{
    const struct source *s = arg;
    struct pollfd p = {s->fds[0], POLLIN, 0};
    return sys(SYS_poll, &p, 1, 0) == 0 ? -EAGAIN : take(arg);
}

static int left(struct source *s)
{
    int n = 0;
    while (try_take(s) == 1)
        n++;
    return n;
}

/* ---- one ---- */

static void ends_at_its_time(void)
{
    struct source s;
    source_init(&s);
    for (int i = 0; i < 200; i++) {
        s.late = i % 2 == 0 ? 0 : 2 * NS_PER_MS; /* the signal comes before the kernel sleeps */
        uint64_t at = clock_after(chance(&s.chance, NS_PER_MS));
        CHECK_EQ(wait_away_now(fiber_self, at, WAIT_CANCEL, "test", take_late, &s), -ETIMEDOUT);
        CHECK(clock_now() >= at);
    }
    give(&s);
    CHECK_EQ(wait_away_now(fiber_self, CLOCK_NEVER, WAIT_CANCEL, "test", take_late, &s), 1);
    unit_ok("ends_at_its_time");
}

static struct source common;
static int taken, stopped;
static bool over;

static void *takes_on(void *arg)
{
    while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST)) {
        long r = wait_away_now(fiber_self, clock_after(NS_PER_S / 50), WAIT_STOP, "test", take_late, &common);
        CHECK(r == 1 || r == -ECANCELED || r == -ETIMEDOUT);
        __atomic_fetch_add(r == 1 ? &taken : &stopped, 1, __ATOMIC_SEQ_CST);
    }
    return arg;
}

/* Every byte is taken once or is still there. */
static void result_wins(void)
{
    enum { GIVEN = 400 };
    struct chance c = {3};
    source_init(&common);
    common.late = 50000;
    pthread_t t = unit_fiber(takes_on, NULL);
    for (int i = 0; i < GIVEN; i++) {
        give(&common);
        unit_sleep(1 + chance(&c, 100000));
        CHECK_EQ(cancel_fiber(fiber_self, fiber_of(t)), 0);
        unit_sleep(1 + chance(&c, 100000));
    }
    __atomic_store_n(&over, true, __ATOMIC_SEQ_CST);
    unit_join(t);
    CHECK_EQ(taken + left(&common), GIVEN);
    CHECK(stopped > 0 && taken > 0);
    unit_ok("result_wins");
}

/* ---- in line ---- */

static int order[WAITERS], served;

static struct line_call call_of(struct source *s, uint64_t at)
{
    return (struct line_call){.key = {LINE_SEM, {(uintptr_t)s}, NULL, 0},
                              .attempt = try_take,
                              .call = take_late,
                              .arg = s,
                              .fd = -1,
                              .flags = WAIT_STOP,
                              .at = at,
                              .name = "test"};
}

static void *stands(void *arg)
{
    struct line_call c = call_of(&common, CLOCK_NEVER);
    long r = line_wait(fiber_self, &c);
    if (r == 1)
        order[__atomic_fetch_add(&served, 1, __ATOMIC_SEQ_CST)] = (int)(intptr_t)arg;
    return (void *)r;
}

static void first_come_first_served(void)
{
    pthread_t t[WAITERS];
    source_init(&common);
    unsigned before = rt.baton.nthreads;
    for (int i = 0; i < WAITERS; i++) {
        t[i] = unit_fiber(stands, (void *)(intptr_t)i);
        unit_yield();
    }
    unit_sleep(5 * NS_PER_MS);
    CHECK_EQ(rt.line.waiting, WAITERS);
    CHECK_EQ(common.calls, 1); /* one waits in the kernel */
    CHECK(rt.baton.nthreads <= before + 1);
    /* The first leaves, and one from the middle. */
    CHECK_EQ(cancel_fiber(fiber_self, fiber_of(t[0])), 0);
    CHECK_EQ(cancel_fiber(fiber_self, fiber_of(t[5])), 0);
    CHECK_EQ((long)unit_join(t[0]), -ECANCELED);
    CHECK_EQ((long)unit_join(t[5]), -ECANCELED);
    for (int i = 2; i < WAITERS; i++)
        give(&common);
    for (int i = 0; i < WAITERS; i++)
        if (i != 0 && i != 5)
            CHECK_EQ((long)unit_join(t[i]), 1);
    for (int i = 0, expected = 1; i < WAITERS - 2; i++, expected++) {
        expected += expected == 5;
        CHECK_EQ(order[i], expected);
    }
    CHECK_EQ(rt.line.waiting, 0);
    CHECK_EQ(left(&common), 0);
    unit_ok("first_come_first_served");
}

/* Others have places of their own in the kernel. */
static void *stands_elsewhere(void *arg)
{
    struct line_call c = call_of(arg, CLOCK_NEVER);
    return (void *)line_wait(fiber_self, &c);
}

static void different_requests(void)
{
    struct source s[4];
    pthread_t t[4];
    for (int i = 0; i < 4; i++) {
        source_init(&s[i]);
        t[i] = unit_fiber(stands_elsewhere, &s[i]);
    }
    unit_sleep(5 * NS_PER_MS);
    for (int i = 3; i >= 0; i--) {
        CHECK_EQ(s[i].calls, 1);
        give(&s[i]);
        CHECK_EQ((long)unit_join(t[i]), 1);
    }
    unit_ok("different_requests");
}

/* ---- no kernel thread to be had ---- */

static void *needs_thread(void *arg)
{
    (void)arg;
    return NULL;
}

static void without_threads(void)
{
    const struct rlimit none = {0, 0};
    struct source s[3];
    pthread_t t[3], thread;
    CHECK(getuid() != 0 || setuid(61234) == 0);
    unit_start_fibers();
    CHECK_EQ(kick_prepare(), 0);
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &none), 0);
    CHECK_EQ(pthread_create(&thread, NULL, needs_thread, NULL), EAGAIN);
    for (int i = 0; i < 3; i++) {
        source_init(&s[i]);
        t[i] = unit_fiber(stands_elsewhere, &s[i]);
    }
    unit_sleep(5 * NS_PER_MS);
    CHECK(s[0].calls + s[1].calls + s[2].calls < 3);
    for (int i = 0; i < 3; i++) {
        give(&s[i]);
        CHECK_EQ((long)unit_join(t[i]), 1);
    }
    struct line_call c = call_of(&s[0], clock_after(20 * NS_PER_MS));
    t[1] = unit_fiber(stands_elsewhere, &s[1]); /* has the last spare */
    unit_sleep(NS_PER_MS);
    CHECK_EQ(line_wait(fiber_self, &c), -ETIMEDOUT);
    CHECK(clock_now() >= c.at);
    give(&s[1]);
    CHECK_EQ((long)unit_join(t[1]), 1);
    _exit(0);
}

int main(void)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        without_threads();
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
    unit_ok("without_threads");
    unit_start_fibers();
    ends_at_its_time();
    result_wins();
    first_come_first_served();
    different_requests();
    return 0;
}
