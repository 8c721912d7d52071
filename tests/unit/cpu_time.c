/* Slices of processor time: what short and long ones give, what the loop's waits give to nobody, what is told. */
#include "tests/unit/unit.h"

enum { MS = 1000000, ROUNDS = 20000 };

static uint64_t kernels(void)
{
    struct timespec t;
    CHECK(real.clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
    return clock_from_timespec(&t);
}

static uint64_t process(void)
{
    struct timespec t;
    CHECK(real.clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
    return clock_from_timespec(&t);
}

static uint64_t mine(void)
{
    return cpu_time_mine(fiber_self, fiber_self);
}

static void burn(uint64_t ns)
{
    uint64_t until = kernels() + ns;
    while (kernels() < until)
        ;
}

/* Short slices need no system call: the kernel is asked once in SLICE_DRIFT at most. */
static void *yields(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++)
        sched_yield_now(fiber_self);
    return NULL;
}

static void short_slices(void)
{
    uint64_t before = mine(), all = process();
    struct kthread *k = fiber_self->kt;
    uint32_t asked = k->slice.seq;
    uint64_t ticks = cpu_ticks();
    pthread_t t = unit_fiber(yields, NULL);
    yields(NULL);
    unit_join(t);
    ticks = cpu_ticks() - ticks;
    uint64_t used = mine() - before, whole = process() - all;
    CHECK(used > whole / 8);
    CHECK(used <= whole + 5 * MS);
    if (fiber_self->kt == k) /* a slice that was long by chance is asked for, too */
        CHECK((k->slice.seq - asked) / 2 <= ROUNDS / 4 + ticks / SLICE_DRIFT);
    unit_ok("short slices");
}

static void *burns(void *told)
{
    CHECK(mine() < 5 * MS);
    burn(20 * MS);
    *(uint64_t *)told = mine();
    return NULL;
}

/* What one computes is not the other's. */
static void long_slices(void)
{
    uint64_t told = 0, before = mine();
    unit_join(unit_fiber(burns, &told));
    CHECK(told >= 19 * MS && told < 40 * MS);
    CHECK(mine() - before < 10 * MS);
    burn(10 * MS);
    CHECK(mine() - before >= 10 * MS);
    unit_ok("long slices");
}

/* The loop's wait, and a call that blocks. */
static void waits(void)
{
    uint64_t before = mine();
    unit_sleep(60 * MS);
    unit_block(60 * MS);
    baton_away(fiber_self, "unit");
    unit_block(60 * MS);
    baton_back(fiber_self);
    CHECK(mine() - before < 20 * MS);
    unit_ok("waits");
}

static void work(struct job *job)
{
    (void)job;
    burn(20 * MS);
}

static void never(struct job *job)
{
    (void)job;
    CHECK(false);
}

/* What a helper does for it. */
static void helped(void)
{
    struct job job = {.run = work, .drop = never};
    uint64_t before = mine();
    CHECK_EQ(pool_run(fiber_self, &job, CLOCK_NEVER, 0, "unit"), 0);
    CHECK(mine() - before >= 19 * MS && mine() - before < 35 * MS);
    unit_ok("helped");
}

/* Guesses: more was told than the kernel says later. */
static void told(void)
{
    struct fiber *self = fiber_self;
    uint64_t now = mine();
    self->cpu.told = now + 3 * MS;
    CHECK_EQ(mine(), now + 3 * MS);
    CHECK_EQ(mine(), now + 3 * MS);
    burn(5 * MS);
    CHECK(mine() > now + 3 * MS);
    unit_ok("never back");
}

/* A slice that was long on the wall is what the kernel says, within what short ones have had before. */
static void apportioned(void)
{
    struct fiber f = {.state = FIBER_PARKED};
    struct kthread k = {.tid = sys_gettid()};
    cpu_time_start(&k, &f);
    uint64_t start = f.cpu.ns;
    CHECK(start <= kernels());
    k.slice.begun -= 1000; /* a short one */
    CHECK(cpu_slice_end(&k.slice, &f.cpu));
    CHECK(f.cpu.ticks >= 1000 && f.cpu.ns == start);
    unit_block(20 * MS);
    CHECK(!cpu_slice_end(&k.slice, &f.cpu));
    cpu_time_settle(&k, &f);
    CHECK(f.cpu.ns - start < 5 * MS);
    uint64_t so_far = f.cpu.ns;
    burn(10 * MS);
    cpu_time_pause(&k, &f);
    CHECK(f.cpu.ns - so_far >= 9 * MS && f.cpu.ns - so_far < 15 * MS);
    so_far = f.cpu.ns + f.cpu.ticks;
    unit_block(20 * MS);
    cpu_time_resume(&k);
    cpu_time_pause(&k, &f);
    CHECK(f.cpu.ns + f.cpu.ticks - so_far < SLICE_LONG);
    unit_ok("apportioned");
}

int main(void)
{
    unit_start_fibers();
    apportioned();
    short_slices();
    long_slices();
    waits();
    helped();
    told();
    return 0;
}
