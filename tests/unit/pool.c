/* Helpers: calls that block elsewhere. */
#include "tests/unit/unit.h"

enum { FIBERS = 16 };

/* What became of a job: outlives it. */
struct fate {
    int runs, drops, tid;
};

struct nap {
    struct job job; /* first */
    struct fate *fate;
    uint64_t ns;
    char guard[64]; /* seen by a sanitizer if it is touched after the end */
};

static void run_nap(struct job *job)
{
    struct nap *n = (struct nap *)job;
    n->fate->tid = sys_gettid();
    if (n->ns > 0)
        unit_block(n->ns);
    n->guard[0]++;
    __atomic_fetch_add(&n->fate->runs, 1, __ATOMIC_SEQ_CST);
}

static void drop_nap(struct job *job)
{
    struct nap *n = (struct nap *)job;
    __atomic_fetch_add(&n->fate->drops, 1, __ATOMIC_SEQ_CST);
    free(n);
}

static struct nap *new_nap(struct fate *fate, uint64_t ns)
{
    struct nap *n = calloc(1, sizeof *n);
    CHECK(n != NULL);
    n->job.run = run_nap;
    n->job.drop = drop_nap;
    n->fate = fate;
    n->ns = ns;
    return n;
}

/* Runs one and checks what is promised: done, or abandoned and not to be touched. */
static int nap(struct fiber *self, struct fate *fate, uint64_t ns, uint64_t deadline)
{
    struct nap *n = new_nap(fate, ns);
    int r = pool_run(self, &n->job, deadline, 0, "test");
    if (r == 0) {
        CHECK_EQ(fate->runs, 1);
        CHECK_EQ(fate->drops, 0);
        free(n);
    } else {
        CHECK_EQ(r, -ETIMEDOUT);
    }
    return r;
}

static void set_limit(unsigned limit)
{
    rt.config.pool_size = limit;
}

/* ---- callers that are fibers ---- */

static struct {
    int ended;
} crowd;

static void *napper(void *arg)
{
    struct fate fate = {0};
    CHECK_EQ(nap(fiber_self, &fate, (uint64_t)(uintptr_t)arg, CLOCK_NEVER), 0);
    CHECK(fate.tid != 0);
    crowd.ended++;
    return NULL;
}

static void run_crowd(uint64_t ns)
{
    pthread_t handles[FIBERS];
    crowd.ended = 0;
    for (int i = 0; i < FIBERS; i++)
        handles[i] = unit_fiber(napper, (void *)(uintptr_t)ns);
    unit_join_all(handles, FIBERS);
}

static void one_after_the_other(void)
{
    struct fate fate;
    for (int i = 0; i < 300; i++) {
        fate = (struct fate){0};
        CHECK_EQ(nap(fiber_self, &fate, 0, CLOCK_NEVER), 0);
        CHECK(fate.tid != 0 && fate.tid != fiber_self->kt->tid);
    }
    CHECK(rt.pool.threads >= 1 && rt.pool.threads < 20); /* one that is not idle again yet counts as busy */
    CHECK(rt.pool.head == NULL && rt.pool.queued == 0);
    unit_ok("one_after_the_other");
}

/* As many helpers as there are jobs at one time, no more; they serve the next jobs, too. */
static void growth(void)
{
    set_limit(64);
    run_crowd(50 * NS_PER_MS);
    CHECK(rt.pool.most > 4 && rt.pool.most <= FIBERS + 20);
    unsigned most = rt.pool.most;
    run_crowd(50 * NS_PER_MS);
    CHECK(rt.pool.most <= FIBERS + 20 && rt.pool.threads <= rt.pool.most && rt.pool.most >= most);
    CHECK(rt.pool.head == NULL && rt.pool.queued == 0);
    unit_ok("growth");
}

/* Helpers from before are there already: the limit is checked in a process that has none. */
static void growth_to_limit(void)
{
    set_limit(4);
    for (int i = 0; i < 3; i++)
        run_crowd(10 * NS_PER_MS);
    CHECK(rt.pool.most <= 4 && rt.pool.threads <= 4);
    CHECK_EQ(crowd.ended, FIBERS);
}

/* With no helper at all the caller's own kernel thread does it, while other fibers run on. */
static bool stop;
static unsigned turns;

static void *turner(void *unused)
{
    (void)unused;
    while (!stop) {
        turns++;
        unit_sleep(NS_PER_MS);
    }
    return NULL;
}

static void limit_zero(void)
{
    struct fate fate = {0};
    set_limit(0);
    pthread_t other = unit_fiber(turner, NULL);
    unit_yield();
    unsigned before = turns;
    CHECK_EQ(nap(fiber_self, &fate, 100 * NS_PER_MS, CLOCK_NEVER), 0);
    CHECK(turns > before + 3);
    CHECK(rt.pool.threads == 0 && rt.pool.most == 0);
    stop = true;
    unit_join(other);
    run_crowd(NS_PER_MS);
    CHECK_EQ(crowd.ended, FIBERS);
    CHECK(rt.pool.threads == 0 && rt.pool.most == 0);
    /* A caller that is no fiber: itself. */
    fate = (struct fate){0};
    CHECK_EQ(nap(NULL, &fate, 0, CLOCK_NEVER), 0);
    CHECK_EQ(fate.tid, sys_gettid());
}

static void abandoned_once(void)
{
    static struct fate fates[FIBERS]; /* they may end after this returns */
    set_limit(64);
    for (int i = 0; i < FIBERS; i++)
        CHECK_EQ(nap(fiber_self, &fates[i], 30 * NS_PER_MS, clock_after(NS_PER_MS)), -ETIMEDOUT);
    uint64_t limit = clock_after(20 * NS_PER_S);
    for (int i = 0; i < FIBERS; i++)
        while (__atomic_load_n(&fates[i].drops, __ATOMIC_SEQ_CST) == 0 && clock_now() < limit)
            unit_sleep(NS_PER_MS);
    unit_sleep(20 * NS_PER_MS);
    for (int i = 0; i < FIBERS; i++) {
        CHECK_EQ(fates[i].drops, 1);
        CHECK(fates[i].runs <= 1);
    }
    unit_ok("abandoned_once");
}

/* A deadline that has passed already. */
static void deadline_passed(void)
{
    static struct fate fate;
    int r = nap(fiber_self, &fate, NS_PER_MS, 0);
    for (uint64_t limit = clock_after(20 * NS_PER_S); r != 0 && fate.drops == 0 && clock_now() < limit;)
        unit_sleep(NS_PER_MS);
    CHECK_EQ(fate.drops, r != 0);
    unit_ok("deadline_passed");
}

/* ---- the race of the end and the deadline ---- */

enum { RACES = 250, CALLERS = 8 };

static struct fate raced[CALLERS][RACES];
static int results[CALLERS][RACES];

static void run_races(struct fiber *self, int me)
{
    struct chance c = {(uint64_t)me + 5};
    for (int i = 0; i < RACES; i++) {
        uint64_t ns = chance(&c, 600000);
        results[me][i] = nap(self, &raced[me][i], ns, clock_after(chance(&c, 900000)));
    }
}

static void *racing_fiber(void *arg)
{
    run_races(fiber_self, (int)(intptr_t)arg);
    return NULL;
}

static void *racing_thread(void *arg)
{
    run_races(NULL, (int)(intptr_t)arg);
    return NULL;
}

/* Each job was waited for, or dropped once: never both, never neither. */
static void check_races(void)
{
    uint64_t limit = clock_after(20 * NS_PER_S);
    int in_time = 0, late = 0;
    for (int i = 0; i < CALLERS * RACES; i++) {
        struct fate *f = &raced[i / RACES][i % RACES];
        bool abandoned = results[i / RACES][i % RACES] != 0;
        while (abandoned && __atomic_load_n(&f->drops, __ATOMIC_SEQ_CST) == 0 && clock_now() < limit)
            unit_sleep(NS_PER_MS);
        CHECK_EQ(f->drops, abandoned);
        CHECK(f->runs == 1 || (abandoned && f->runs == 0)); /* taken back before a helper began */
        in_time += !abandoned;
        late += abandoned;
    }
    CHECK(in_time > 0 && late > 0);
    memset(raced, 0, sizeof raced);
}

static void deadline_races(void)
{
    pthread_t handles[CALLERS];
    set_limit(6); /* some wait for a helper, and some are taken back */
    for (int i = 0; i < CALLERS; i++)
        handles[i] = unit_fiber(racing_fiber, (void *)(intptr_t)i);
    unit_join_all(handles, CALLERS);
    check_races();
    set_limit(64);
    for (int i = 0; i < CALLERS; i++)
        handles[i] = unit_fiber(racing_fiber, (void *)(intptr_t)i);
    unit_join_all(handles, CALLERS);
    check_races();
    unit_ok("deadline_races");
}

static void deadline_races_of_threads(void)
{
    pthread_t handles[CALLERS];
    set_limit(64);
    for (int i = 0; i < CALLERS; i++)
        handles[i] = unit_thread(racing_thread, (void *)(intptr_t)i);
    for (int i = 0; i < CALLERS; i++)
        CHECK_EQ(pthread_join(handles[i], NULL), 0);
    check_races();
    unit_ok("deadline_races_of_threads");
}

/* ---- no helper can be made ---- */

static int make_none(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    (void)thread, (void)attr, (void)start, (void)arg;
    unit_block(100000);
    return EAGAIN;
}

static bool impatient;

static void run_without(struct fiber *self, int me)
{
    struct chance c = {(uint64_t)me + 5};
    for (int i = 0; i < RACES; i++) {
        uint64_t deadline = impatient ? clock_after(chance(&c, 250000)) : CLOCK_NEVER;
        results[me][i] = nap(self, &raced[me][i], 0, deadline);
    }
}

static void *fiber_without(void *arg)
{
    run_without(fiber_self, (int)(intptr_t)arg);
    return NULL;
}

static void *thread_without(void *arg)
{
    run_without(NULL, (int)(intptr_t)arg);
    return NULL;
}

static void run_all_without(void)
{
    enum { THREADS = 3 };
    pthread_t threads[THREADS], fibers[CALLERS - THREADS];
    real.pthread_create = make_none;
    for (int i = 0; i < THREADS; i++)
        threads[i] = unit_thread(thread_without, (void *)(intptr_t)i);
    for (int i = THREADS; i < CALLERS; i++)
        fibers[i - THREADS] = unit_fiber(fiber_without, (void *)(intptr_t)i);
    unit_join_all(fibers, CALLERS - THREADS);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(pool_threads(), 0);
}

/* Several find out at once that they are the last: each makes his own call. */
static void none_can_be_made(void)
{
    run_all_without();
    for (int i = 0; i < CALLERS * RACES; i++)
        CHECK_EQ(raced[i / RACES][i % RACES].runs, 1);
}

/* His time is up at about that moment: he makes the call, or it is dropped. */
static void none_can_be_made_in_time(void)
{
    impatient = true;
    run_all_without();
    check_races();
}

/* Its own process, so that helpers of other cases do not count. */
static void apart(void (*test)(void), const char *name)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        CHECK_EQ(fiber_start_core(), 0);
        test();
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    unit_ok(name);
}

int main(void)
{
    unit_start();
    apart(growth_to_limit, "growth_to_limit");
    apart(limit_zero, "limit_zero");
    apart(none_can_be_made, "none_can_be_made");
    apart(none_can_be_made_in_time, "none_can_be_made_in_time");
    CHECK_EQ(fiber_start_core(), 0);
    one_after_the_other();
    growth();
    abandoned_once();
    deadline_passed();
    deadline_races();
    deadline_races_of_threads();
    return 0;
}
