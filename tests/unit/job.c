/* Jobs of the program: run once or not at all, freed once and never too early. */
#include "core/cancel.h"
#include "core/deadline.h"
#include "core/job.h"
#include "core/scope.h"
#include "tests/unit/unit.h"

struct work {
    uint64_t ns;
    int began, ended, frees, results, tid;
    bool hold; /* runs until it is let go */
    char *memory;
};

static void run(void *arg)
{
    struct work *w = arg;
    __atomic_fetch_add(&w->began, 1, __ATOMIC_SEQ_CST);
    w->tid = sys_gettid();
    for (uint64_t limit = clock_after(20 * NS_PER_S); __atomic_load_n(&w->hold, __ATOMIC_SEQ_CST);) {
        CHECK(clock_now() < limit);
        unit_block(100000);
    }
    if (w->ns > 0)
        unit_block(w->ns);
    w->memory[0]++; /* seen by a sanitizer if it has been freed */
    __atomic_fetch_add(&w->ended, 1, __ATOMIC_SEQ_CST);
}

static int result(void *arg)
{
    struct work *w = arg;
    CHECK_EQ(w->ended, 1);
    CHECK_EQ(w->frees, 0);
    w->results++;
    return 42;
}

static void release(void *arg)
{
    struct work *w = arg;
    free(w->memory);
    CHECK_EQ(__atomic_fetch_add(&w->frees, 1, __ATOMIC_SEQ_CST), 0);
}

static const struct job_functions functions = {run, result, release};

static void prepare(struct work *w, uint64_t ns)
{
    *w = (struct work){.ns = ns, .memory = calloc(1, 64)};
    CHECK(w->memory != NULL);
}

static bool wait_for(const int *count, int want)
{
    for (uint64_t limit = clock_after(20 * NS_PER_S); clock_now() < limit;) {
        if (__atomic_load_n(count, __ATOMIC_SEQ_CST) >= want)
            return true;
        unit_sleep(NS_PER_MS);
    }
    return false;
}

static void set_limit(unsigned limit)
{
    pool_set_limit(limit);
    CHECK_EQ(pool_limit(), limit);
}

/* ---- places ---- */

static void places(void)
{
    const enum job_place all[] = {JOB_HERE, JOB_HELPER, JOB_SWITCH};
    for (int i = 0; i < 3; i++) {
        struct work w;
        int value = 0;
        prepare(&w, NS_PER_MS);
        CHECK_EQ(job_execute(fiber_self, all[i], &functions, &w, &value), 0);
        CHECK_EQ(value, 42);
        CHECK(w.began == 1 && w.ended == 1 && w.frees == 1 && w.results == 1);
        if (all[i] == JOB_HELPER)
            CHECK(w.tid != fiber_self->kt->tid);
    }
    unit_ok("places");
}

static void nothing(void *arg)
{
    (void)arg;
}

static void without_result_and_free(void)
{
    const struct job_functions none = {nothing, NULL, NULL};
    int value = 1;
    CHECK_EQ(job_execute(fiber_self, JOB_HELPER, &none, NULL, &value), 0);
    CHECK_EQ(value, 0);
    unit_ok("without_result_and_free");
}

/* No helper to be had: the caller does it, and the others run on. */
static void no_helper(void)
{
    struct work w;
    int value = 0;
    while (pool_threads() > 0) {
        set_limit(0);
        unit_sleep(NS_PER_MS);
    }
    prepare(&w, NS_PER_MS);
    CHECK_EQ(job_execute(fiber_self, JOB_HELPER, &functions, &w, &value), 0);
    CHECK(value == 42 && w.frees == 1);
    CHECK_EQ(pool_threads(), 0);
    set_limit(64);
    unit_ok("no_helper");
}

/* ---- leaving ---- */

struct caller {
    struct work *work;
    int r, value;
    bool ended;
};

static void *execute(void *arg)
{
    struct caller *c = arg;
    c->value = 0;
    c->r = job_execute(fiber_self, JOB_HELPER, &functions, c->work, &c->value);
    __atomic_store_n(&c->ended, true, __ATOMIC_SEQ_CST);
    return NULL;
}

/* The caller leaves at once; the job has its memory until it has ended, and is freed then. */
static void cancelled_while_it_runs(void)
{
    struct work w;
    struct caller c = {.work = &w};
    prepare(&w, 0);
    w.hold = true;
    pthread_t fiber = unit_fiber(execute, &c);
    CHECK(wait_for(&w.began, 1));
    CHECK_EQ(cancel_fiber(fiber_self, fiber_of(fiber)), 0);
    unit_join(fiber);
    CHECK_EQ(c.r, -ECANCELED);
    CHECK(w.ended == 0 && w.frees == 0 && w.results == 0);
    __atomic_store_n(&w.hold, false, __ATOMIC_SEQ_CST);
    CHECK(wait_for(&w.frees, 1));
    CHECK(w.began == 1 && w.ended == 1 && w.results == 0);
    unit_ok("cancelled_while_it_runs");
}

/* With one helper, which is busy, and one more job in its queue. */
static void cancelled_before_it_starts(void)
{
    struct work busy, late;
    struct caller first = {.work = &busy}, second = {.work = &late};
    while (pool_threads() > 0) {
        set_limit(0);
        unit_sleep(NS_PER_MS);
    }
    set_limit(1);
    prepare(&busy, 0);
    prepare(&late, 0);
    busy.hold = true;
    pthread_t one = unit_fiber(execute, &first);
    CHECK(wait_for(&busy.began, 1));
    /* The queue takes a job only when a helper is idle: as between its wake and its look at the queue. */
    lock_take(&rt.pool.lock);
    rt.pool.idle++;
    lock_drop(&rt.pool.lock);
    pthread_t two = unit_fiber(execute, &second);
    unit_sleep(NS_PER_MS);
    lock_take(&rt.pool.lock);
    rt.pool.idle--;
    CHECK_EQ(rt.pool.queued, 1);
    lock_drop(&rt.pool.lock);
    CHECK_EQ(cancel_fiber(fiber_self, fiber_of(two)), 0);
    unit_join(two);
    CHECK_EQ(second.r, -ECANCELED);
    CHECK_EQ(late.frees, 1);
    __atomic_store_n(&busy.hold, false, __ATOMIC_SEQ_CST);
    unit_join(one);
    CHECK(first.r == 0 && busy.frees == 1);
    unit_sleep(10 * NS_PER_MS);
    CHECK_EQ(late.began, 0);
    set_limit(64);
    unit_ok("cancelled_before_it_starts");
}

static int under_deadline(struct caller *c, uint64_t at)
{
    struct scope scope;
    deadline_begin(&scope, fiber_self, at);
    c->r = job_execute(fiber_self, JOB_HELPER, &functions, c->work, &c->value);
    scope_leave(&scope);
    return c->r;
}

static void deadline_while_it_runs(void)
{
    struct work w;
    struct caller c = {.work = &w};
    prepare(&w, 0);
    w.hold = true;
    CHECK_EQ(under_deadline(&c, clock_after(20 * NS_PER_MS)), -E_DEADLINE);
    CHECK_EQ(w.frees, 0);
    __atomic_store_n(&w.hold, false, __ATOMIC_SEQ_CST);
    CHECK(wait_for(&w.frees, 1));
    CHECK_EQ(w.results, 0);
    unit_ok("deadline_while_it_runs");
}

/* ---- the race of the end, the deadline and the cancel ---- */

enum { RACES = 200, CALLERS = 8 };
static struct work raced[CALLERS][RACES];
static struct caller callers[CALLERS][RACES];

static void *race(void *arg)
{
    int me = (int)(intptr_t)arg;
    struct chance c = {(uint64_t)me + 17};
    for (int i = 0; i < RACES; i++) {
        struct caller *one = &callers[me][i];
        *one = (struct caller){.work = &raced[me][i]};
        prepare(one->work, chance(&c, 400000));
        (void)under_deadline(one, clock_after(chance(&c, 700000)));
    }
    return NULL;
}

static void races(void)
{
    pthread_t handles[CALLERS];
    struct chance c = {99};
    int in_time = 0, left = 0, never = 0;
    set_limit(6);
    for (int i = 0; i < CALLERS; i++)
        handles[i] = unit_fiber(race, (void *)(intptr_t)i);
    for (int i = 0; i < 400; i++) {
        unit_sleep(chance(&c, 500000));
        struct fiber *f = fiber_of(handles[chance(&c, CALLERS)]);
        if (f->state != FIBER_DONE)
            CHECK_EQ(cancel_fiber(fiber_self, f), 0);
    }
    unit_join_all(handles, CALLERS);
    for (int i = 0; i < CALLERS * RACES; i++) {
        struct work *w = &raced[i / RACES][i % RACES];
        struct caller *one = &callers[i / RACES][i % RACES];
        CHECK(wait_for(&w->frees, 1));
        CHECK_EQ(w->frees, 1);
        CHECK_EQ(w->results, one->r == 0);
        CHECK(w->began <= 1 && w->ended == w->began && (w->began == 1 || one->r != 0));
        CHECK(one->r == 0 || one->r == -ECANCELED || one->r == -E_DEADLINE);
        in_time += one->r == 0;
        left += one->r != 0;
        never += w->began == 0;
    }
    printf("# %d in time, %d left, of these %d never ran\n", in_time, left, never);
    CHECK(in_time > 0 && left > 0);
    set_limit(64);
    unit_ok("races");
}

/* ---- callers that are no fibers ---- */

static void *foreign(void *arg)
{
    struct caller *c = arg;
    c->r = job_execute(NULL, JOB_HELPER, &functions, c->work, &c->value);
    return NULL;
}

static void from_foreign_threads(void)
{
    enum { THREADS = 8 };
    static struct work works[THREADS];
    struct caller c[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        prepare(&works[i], NS_PER_MS);
        c[i] = (struct caller){.work = &works[i]};
        threads[i] = unit_thread(foreign, &c[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        CHECK(c[i].r == 0 && c[i].value == 42 && works[i].frees == 1);
    }
    unit_ok("from_foreign_threads");
}

/* ---- the pool ---- */

static void *execute_long(void *arg)
{
    return execute(arg);
}

/* A lower limit ends nobody who works; who is one too many leaves then, not after a second of idling. */
static void lower_limit(void)
{
    enum { JOBS = 6 };
    static struct work works[JOBS];
    struct caller c[JOBS];
    pthread_t handles[JOBS];
    set_limit(64);
    for (int i = 0; i < JOBS; i++) {
        prepare(&works[i], 0);
        works[i].hold = true;
        c[i] = (struct caller){.work = &works[i]};
        handles[i] = unit_fiber(execute_long, &c[i]);
    }
    for (int i = 0; i < JOBS; i++)
        CHECK(wait_for(&works[i].began, 1));
    CHECK(pool_threads() >= JOBS && pool_idle() <= pool_threads() - JOBS);
    set_limit(2);
    unit_sleep(20 * NS_PER_MS);
    CHECK(pool_threads() >= JOBS);
    for (int i = 0; i < JOBS; i++)
        __atomic_store_n(&works[i].hold, false, __ATOMIC_SEQ_CST);
    unit_join_all(handles, JOBS);
    uint64_t limit = clock_after(20 * NS_PER_S);
    while (pool_threads() > 2 && clock_now() < limit)
        unit_sleep(NS_PER_MS);
    CHECK(pool_threads() <= 2);
    for (int i = 0; i < JOBS; i++)
        CHECK(c[i].r == 0 && works[i].frees == 1);
    set_limit(64);
    unit_ok("lower_limit");
}

int main(void)
{
    unit_start_fibers();
    places();
    without_result_and_free();
    no_helper();
    cancelled_while_it_runs();
    cancelled_before_it_starts();
    deadline_while_it_runs();
    races();
    from_foreign_threads();
    lower_limit();
    return 0;
}
