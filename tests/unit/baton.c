/* The right to be the carrier, and how it moves between kernel threads. */
#include "tests/unit/unit.h"

enum { FIBERS = 8 };

/* The kernel thread that the caller has a right to: its own, with the baton. Takes the core to know. */
static void check_on_carrier(void)
{
    static int inside;
    struct fiber *self = fiber_self;
    core_enter(self);
    CHECK_EQ(__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST), 0);
    CHECK_EQ(rt.baton.owner, (uintptr_t)self->kt | BATON_IN_CORE);
    CHECK_EQ(self->kt->tid, sys_gettid());
    CHECK(self->kt->running == self && self->state == FIBER_RUNNING);
    CHECK_EQ(tls_pointer(), self->fs);
    CHECK_EQ(__atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST), 1);
    core_leave(self);
}

static void alone(void)
{
    struct fiber *self = fiber_self;
    CHECK(self != NULL && self->main && !baton_is_away(self));
    for (int i = 0; i < 100000; i++) {
        core_enter(self);
        core_leave(self);
    }
    check_on_carrier();
    for (int i = 0; i < 200; i++) {
        baton_away(self, "test");
        CHECK(baton_is_away(self));
        baton_back(self);
        CHECK(self == fiber_self);
        check_on_carrier();
    }
    unit_ok("alone");
}

/* ---- there and back ---- */

static int travels;

static void *traveller(void *arg)
{
    enum { ROUNDS = 1200 };
    struct fiber *self = fiber_self;
    struct chance c = {(uint64_t)(uintptr_t)arg + 1};
    for (int i = 0; i < ROUNDS; i++) {
        int mark = (int)chance(&c, 1 << 30);
        errno = mark;
        baton_away(self, "test");
        chance_delay(&c, 50000);
        baton_back(self);
        CHECK_EQ(errno, mark); /* the thread block came along */
        CHECK(fiber_self == self);
        switch (chance(&c, 4)) {
        case 0:
            unit_yield();
            break;
        case 1:
            unit_sleep(chance(&c, 50000));
            break;
        case 2:
            check_on_carrier();
        }
    }
    __atomic_fetch_add(&travels, 1, __ATOMIC_SEQ_CST);
    return arg;
}

static void there_and_back(void)
{
    pthread_t handles[FIBERS];
    unsigned long handoffs = rt.baton.handoffs;
    for (int i = 0; i < FIBERS; i++)
        handles[i] = unit_fiber(traveller, (void *)(intptr_t)i);
    for (int i = 0; i < FIBERS; i++)
        CHECK_EQ(unit_join(handles[i]), i);
    CHECK_EQ(travels, FIBERS);
    CHECK(rt.baton.handoffs >= handoffs + FIBERS * 1200);
    CHECK(rt.baton.nthreads <= FIBERS + 4);
    check_on_carrier();
    unit_ok("there_and_back");
}

/* ---- blocked in calls that nobody hooked ---- */

static int pipes[FIBERS][2];
static int readers_back;

static void *raw_reader(void *arg)
{
    char c = 0;
    CHECK_EQ(sys(SYS_read, pipes[(intptr_t)arg][0], &c, 1), 1);
    CHECK_EQ(c, 'x');
    check_on_carrier();
    __atomic_fetch_add(&readers_back, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* Nobody says that it blocks: the monitor finds out, and the writer, who is behind in the queue, gets to run. */
static void *raw_writer(void *unused)
{
    (void)unused;
    for (int i = 0; i < FIBERS; i++)
        CHECK_EQ(sys(SYS_write, pipes[i][1], "x", 1), 1);
    return NULL;
}

static void blocked_in_raw_calls(void)
{
    pthread_t readers[FIBERS], writer;
    unsigned long handoffs = rt.baton.handoffs;
    for (int i = 0; i < FIBERS; i++) {
        CHECK_EQ(pipe(pipes[i]), 0);
        readers[i] = unit_fiber(raw_reader, (void *)(intptr_t)i);
    }
    writer = unit_fiber(raw_writer, NULL);
    unit_join_all(readers, FIBERS);
    unit_join(writer);
    CHECK_EQ(readers_back, FIBERS);
    CHECK(rt.baton.handoffs >= handoffs + FIBERS);
    for (int i = 0; i < FIBERS; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
    unit_ok("blocked_in_raw_calls");
}

/* All of them away at the same time, each on a kernel thread of its own. */
static struct {
    uint32_t away, go;
} crowd;

static void *blocker(void *unused)
{
    struct fiber *self = fiber_self;
    (void)unused;
    baton_away(self, "test");
    __atomic_fetch_add(&crowd.away, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&crowd.go, __ATOMIC_SEQ_CST))
        sys_futex_wait(&crowd.go, 0, NULL);
    baton_back(self);
    check_on_carrier();
    return NULL;
}

static void many_away(void)
{
    enum { MANY = 60 };
    pthread_t handles[MANY];
    for (int i = 0; i < MANY; i++)
        handles[i] = unit_fiber(blocker, NULL);
    while (__atomic_load_n(&crowd.away, __ATOMIC_SEQ_CST) < MANY)
        unit_sleep(NS_PER_MS);
    for (int i = 0; i < MANY; i++)
        CHECK(baton_is_away(fiber_of(handles[i])));
    __atomic_store_n(&crowd.go, 1, __ATOMIC_SEQ_CST);
    sys_futex_wake(&crowd.go, MANY);
    unit_join_all(handles, MANY);
    CHECK(rt.baton.most >= MANY && rt.baton.nthreads <= MANY + FIBERS + 4);
    unit_ok("many_away");
}

/* ---- computing ---- */

static bool flag, over;

static void *spinner(void *unused)
{
    (void)unused;
    while (!__atomic_load_n(&flag, __ATOMIC_SEQ_CST))
        if ((__atomic_load_n(&real_gate, __ATOMIC_RELAXED) & REAL_SLICE) != 0)
            over = true;
    check_on_carrier();
    return NULL;
}

static void *setter(void *unused)
{
    (void)unused;
    __atomic_store_n(&flag, true, __ATOMIC_SEQ_CST);
    return NULL;
}

/* It spins until another fiber has run, and never enters the core: without eviction this would not end. */
static void evicted(void)
{
    unsigned long handoffs = rt.baton.handoffs;
    for (int i = 0; i < 20; i++) {
        flag = false;
        pthread_t a = unit_fiber(spinner, NULL), b = unit_fiber(setter, NULL);
        unit_join(a);
        unit_join(b);
    }
    CHECK(rt.baton.handoffs > handoffs);
    CHECK(over);
    unit_ok("evicted");
}

/* More of them than there are processors. */
static void evicted_crowd(void)
{
    pthread_t handles[FIBERS + 1];
    flag = false;
    for (int i = 0; i < FIBERS; i++)
        handles[i] = unit_fiber(spinner, NULL);
    handles[FIBERS] = unit_fiber(setter, NULL);
    unit_join_all(handles, FIBERS + 1);
    unit_ok("evicted_crowd");
}

static uint32_t done_computing;

static void *computer(void *unused)
{
    (void)unused;
    for (uint64_t until = clock_now() + 150 * NS_PER_MS; clock_now() < until;)
        ;
    __atomic_store_n(&done_computing, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void *witness(void *unused)
{
    (void)unused;
    return (void *)(uintptr_t)__atomic_load_n(&done_computing, __ATOMIC_SEQ_CST);
}

/* Under --strict one fiber computes at a time: who computes is not evicted. */
static void strict(void)
{
    rt.config.strict = true;
    pthread_t a = unit_fiber(computer, NULL), b = unit_fiber(witness, NULL);
    CHECK_EQ((uintptr_t)unit_join(b), 1);
    unit_join(a);
    rt.config.strict = false;
    unit_ok("strict");
}

/* The main fiber blocks where no hook sees it, while the others work. */
static void *worker(void *counter)
{
    for (int i = 0; i < 30; i++) {
        unit_sleep(NS_PER_MS);
        __atomic_fetch_add((int *)counter, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static void main_blocks(void)
{
    int counter = 0;
    pthread_t handle = unit_fiber(worker, &counter);
    for (uint64_t limit = clock_after(20 * NS_PER_S); clock_now() < limit;) {
        unit_block(10 * NS_PER_MS);
        if (__atomic_load_n(&counter, __ATOMIC_SEQ_CST) == 30)
            break;
    }
    CHECK_EQ(counter, 30);
    unit_join(handle);
    check_on_carrier();
    unit_ok("main_blocks");
}

int main(void)
{
    unit_start_fibers();
    alone();
    there_and_back();
    blocked_in_raw_calls();
    many_away();
    evicted();
    evicted_crowd();
    strict();
    main_blocks();
    return 0;
}
