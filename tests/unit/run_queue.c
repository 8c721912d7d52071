/* The run queue: who runs next. */
#include "tests/unit/unit.h"

enum { FIBERS = 12, ROUNDS = 200 };

/* Records that stand in the queue and never run. */
static void order(void)
{
    static struct fiber fakes[6];
    static const int want[] = {5, 3, 0, 1, 2, 4};
    struct fiber *self = fiber_self, *got[6];
    core_enter(self);
    CHECK(rt.sched.soon.head == NULL && rt.sched.soon.tail == NULL && rt.sched.ready == 0);
    rt.sched.tick = 0; /* no look at the descriptors meanwhile */
    sched_ready(&fakes[0]);
    sched_ready(&fakes[1]);
    sched_ready(&fakes[2]);
    sched_ready_first(&fakes[3]);
    sched_ready(&fakes[4]);
    sched_ready_first(&fakes[5]);
    CHECK_EQ(rt.sched.ready, 6);
    for (int i = 0; i < 6; i++) {
        CHECK_EQ(fakes[i].state, FIBER_READY);
        got[i] = sched_pick();
    }
    CHECK(rt.sched.soon.head == NULL && rt.sched.soon.tail == NULL && rt.sched.ready == 0);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(got[i] - fakes, want[i]);
    /* First into an empty queue, then last. */
    sched_ready_first(&fakes[0]);
    sched_ready(&fakes[1]);
    CHECK(sched_pick() == &fakes[0] && sched_pick() == &fakes[1]);
    CHECK(rt.sched.soon.head == NULL && rt.sched.soon.tail == NULL && rt.sched.ready == 0);
    core_leave(self);
    unit_ok("order");
}

/* Those that compute (even numbers) stand behind the others, but have a turn now and then, never two in a row. The
 * monitor may give them one in between, so the exact order is seen once at least. */
static bool late_ones(bool turn, const int *want)
{
    static struct fiber fakes[6];
    struct fiber *self = fiber_self;
    bool as_wanted = true;
    int last = 1, odd = 3;
    core_enter(self);
    rt.sched.tick = 0;
    rt.sched.look = false;
    rt.sched.turn = turn;
    rt.sched.was_late = false;
    for (int i = 0; i < 6; i++) {
        fakes[i].computes = i % 2 == 0;
        sched_ready(&fakes[i]);
    }
    for (int i = 0; i < 6; i++) {
        int got = (int)(sched_pick() - fakes);
        CHECK(got % 2 == 1 || last % 2 == 1 || odd == 0);
        odd -= got % 2;
        as_wanted = as_wanted && got == want[i];
        last = got;
    }
    CHECK(rt.sched.late.head == NULL && rt.sched.late.tail == NULL && rt.sched.ready == 0);
    core_leave(self);
    return as_wanted;
}

static void computing_ones_behind(void)
{
    static const int behind[] = {1, 3, 5, 0, 2, 4}, turn[] = {0, 1, 3, 5, 2, 4};
    int n = 0;
    while (!late_ones(false, behind) && n++ < ROUNDS)
        ;
    while (!late_ones(true, turn) && n++ < ROUNDS)
        ;
    CHECK(n < ROUNDS);
    for (n = 0; n < 100 * ROUNDS; n++)
        (void)late_ones(n % 3 == 0, turn);
    unit_ok("computing_ones_behind");
}

static struct {
    int runs[FIBERS];
    int trace[FIBERS * ROUNDS + FIBERS];
    int ntrace;
    bool stop;
} shared;

static void *runner(void *arg)
{
    int me = (int)(intptr_t)arg;
    while (!shared.stop) {
        shared.runs[me]++;
        if (shared.ntrace < (int)countof(shared.trace))
            shared.trace[shared.ntrace++] = me;
        unit_yield();
    }
    return NULL;
}

/* Between two returns of yield each of the others has run once, in the same order each time. On a busy machine the
 * monitor may take a fiber for blocked and move it, which changes the order: such a turn does not count. */
static void yield_lets_all_run(void)
{
    pthread_t handles[FIBERS];
    int calm = 0;
    for (int i = 0; i < FIBERS; i++)
        handles[i] = unit_fiber(runner, (void *)(intptr_t)i);
    unit_yield();
    for (int round = 0; round < ROUNDS; round++) {
        int before[FIBERS];
        unsigned long handoffs = rt.baton.handoffs;
        memcpy(before, shared.runs, sizeof before);
        shared.ntrace = 0;
        unit_yield();
        if (rt.baton.handoffs != handoffs)
            continue;
        calm++;
        CHECK_EQ(shared.ntrace, FIBERS);
        for (int i = 0; i < FIBERS; i++) {
            CHECK_EQ(shared.runs[i], before[i] + 1);
            if (calm == round + 1)
                CHECK_EQ(shared.trace[i], i);
        }
    }
    CHECK(calm > 0);
    shared.stop = true;
    unit_join_all(handles, FIBERS);
    unit_ok("yield_lets_all_run");
}

/* A created fiber waits for its turn; it does not run inside the call that makes it. */
static void created_in_order(void)
{
    pthread_t handles[FIBERS];
    unsigned long handoffs = rt.baton.handoffs;
    shared.stop = true;
    shared.ntrace = 0;
    memset(shared.runs, 0, sizeof shared.runs);
    shared.stop = false;
    for (int i = 0; i < FIBERS; i++)
        handles[i] = unit_fiber(runner, (void *)(intptr_t)i);
    if (rt.baton.handoffs == handoffs)
        CHECK_EQ(shared.ntrace, 0);
    unit_yield();
    for (int i = 0; i < FIBERS && rt.baton.handoffs == handoffs; i++)
        CHECK_EQ(shared.trace[i], i);
    shared.stop = true;
    unit_join_all(handles, FIBERS);
    unit_ok("created_in_order");
}

static void *sleeper(void *woken)
{
    unit_sleep(5 * NS_PER_MS);
    *(bool *)woken = true;
    return NULL;
}

/* Fibers that are always ready keep neither timers nor kicks from being seen. */
static void busy_queue_sees_timers(void)
{
    bool woken = false;
    pthread_t handles[3];
    shared.stop = false;
    handles[0] = unit_fiber(sleeper, &woken);
    handles[1] = unit_fiber(runner, (void *)0);
    handles[2] = unit_fiber(runner, (void *)1);
    while (!woken)
        unit_yield();
    shared.stop = true;
    unit_join_all(handles, 3);
    unit_ok("busy_queue_sees_timers");
}

/* Alone: yield returns, and a timer that is due is seen by it. */
static void yield_alone(void)
{
    for (int i = 0; i < 100; i++)
        unit_yield();
    bool woken = false;
    pthread_t handle = unit_fiber(sleeper, &woken);
    uint64_t limit = clock_after(10 * NS_PER_S);
    while (!woken && clock_now() < limit)
        unit_yield();
    CHECK(woken);
    unit_join(handle);
    unit_ok("yield_alone");
}

/* Timers end waits in the order of their times, whatever the order they were armed in. */
static int ended[FIBERS], nended;

static void *late(void *arg)
{
    int me = (int)(intptr_t)arg;
    unit_sleep((uint64_t)(FIBERS - me) * 20 * NS_PER_MS);
    ended[nended++] = me;
    return NULL;
}

static void timers_in_order(void)
{
    pthread_t handles[FIBERS];
    for (int i = 0; i < FIBERS; i++)
        handles[i] = unit_fiber(late, (void *)(intptr_t)i);
    unit_join_all(handles, FIBERS);
    for (int i = 0; i < FIBERS; i++)
        CHECK_EQ(ended[i], FIBERS - 1 - i);
    unit_ok("timers_in_order");
}

int main(void)
{
    unit_start_fibers();
    order();
    computing_ones_behind();
    yield_lets_all_run();
    created_in_order();
    busy_queue_sees_timers();
    yield_alone();
    timers_in_order();
    return 0;
}
