/* Fibers come and go; their slots are used again, and nobody can tell. */
#include "tests/unit/unit.h"

#include <sys/mman.h>
#include <sys/resource.h>

static void *same(void *arg)
{
    return arg;
}

static void results(void)
{
    for (uintptr_t i = 1; i < 100; i++)
        CHECK_EQ(unit_join(unit_fiber(same, (void *)(i * 3))), i * 3);
    unit_ok("results");
}

static void one_slot_for_all(void)
{
    enum { MANY = 20000 };
    pthread_t first = unit_fiber(same, NULL), now;
    unsigned long created = rt.fibers.created;
    int others = 0;
    unit_join(first);
    for (int i = 0; i < MANY; i++) {
        now = unit_fiber(same, NULL);
        others += now != first;
        unit_join(now);
    }
    CHECK_EQ(others, 0);
    CHECK_EQ(rt.fibers.created, created + MANY);
    CHECK_EQ(rt.fibers.live, 1);
    CHECK(fiber_of(first)->state == FIBER_FREE);
    unit_ok("one_slot_for_all");
}

/* Detached ones give their slot back by themselves. */
static void detached(void)
{
    enum { ROUNDS = 200, AT_ONCE = 20 };
    struct fiber_attr attr = {.stack_size = UNIT_STACK, .guard_size = UNIT_GUARD, .detached = true};
    pthread_t handle, seen[AT_ONCE];
    int nseen = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < AT_ONCE; i++) {
            unit_clean_free_stacks();
            CHECK_EQ(fiber_create(fiber_self, &handle, &attr, same, NULL), 0);
            int at = 0;
            while (at < nseen && seen[at] != handle)
                at++;
            CHECK(at < AT_ONCE);
            if (at == nseen)
                seen[nseen++] = handle;
        }
        while (__atomic_load_n(&rt.fibers.live, __ATOMIC_RELAXED) > 1)
            unit_yield();
    }
    handle = unit_fiber(same, NULL);
    CHECK_EQ(fiber_detach(fiber_self, fiber_of(handle)), 0);
    while (__atomic_load_n(&rt.fibers.live, __ATOMIC_RELAXED) > 1)
        unit_yield();
    CHECK(fiber_of(handle)->state == FIBER_FREE);
    unit_ok("detached");
}

/* ---- joins ---- */

static uint64_t nap;

static void *napper(void *arg)
{
    unit_sleep(nap);
    return arg;
}

static void join_errors(void)
{
    struct fiber *self = fiber_self;
    struct ending end = {NULL, false};
    nap = 30 * NS_PER_MS;
    pthread_t handle = unit_fiber(napper, &nap);
    struct fiber *f = fiber_of(handle);
    CHECK_EQ(fiber_join(self, f, &end, 0), EBUSY);
    CHECK_EQ(fiber_join(self, f, &end, clock_after(NS_PER_MS)), ETIMEDOUT);
    CHECK_EQ(fiber_join(self, self, &end, CLOCK_NEVER), EDEADLK);
    CHECK(end.result == NULL);
    CHECK_EQ(fiber_join(self, f, &end, CLOCK_NEVER), 0);
    CHECK(end.result == &nap);
    handle = unit_fiber(napper, NULL);
    f = fiber_of(handle);
    CHECK_EQ(fiber_detach(self, f), 0);
    CHECK_EQ(fiber_detach(self, f), EINVAL);
    CHECK_EQ(fiber_join(self, f, &end, CLOCK_NEVER), EINVAL);
    while (rt.fibers.live > 1)
        unit_sleep(NS_PER_MS);
    unit_ok("join_errors");
}

/* A join that times out while the fiber ends loses neither the result nor the slot. */
static void join_races(void)
{
    struct chance c = {4};
    int timeouts = 0;
    for (int i = 0; i < 1500; i++) {
        struct ending end = {NULL, false};
        nap = chance(&c, 200000);
        struct fiber *f = fiber_of(unit_fiber(napper, &c));
        int e = fiber_join(fiber_self, f, &end, clock_after(chance(&c, 200000)));
        if (e == ETIMEDOUT) {
            timeouts++;
            CHECK_EQ(fiber_join(fiber_self, f, &end, CLOCK_NEVER), 0);
        } else {
            CHECK_EQ(e, 0);
        }
        CHECK(end.result == &c);
    }
    CHECK(timeouts > 0);
    CHECK_EQ(rt.fibers.live, 1);
    unit_ok("join_races");
}

static struct {
    struct fiber *target;
    int joined;
} foreign;

static void *foreign_joiner(void *unused)
{
    struct chance c = {8};
    (void)unused;
    for (;;) {
        struct fiber *f;
        while ((f = __atomic_exchange_n(&foreign.target, NULL, __ATOMIC_SEQ_CST)) == NULL)
            (void)sys(SYS_sched_yield);
        if (f == rt.fibers.main) /* no more */
            return NULL;
        chance_delay(&c, 20000);
        struct ending end = {NULL, false};
        CHECK_EQ(fiber_join_foreign(f, &end, CLOCK_NEVER), 0);
        CHECK(end.result == &foreign);
        __atomic_fetch_add(&foreign.joined, 1, __ATOMIC_SEQ_CST);
    }
}

/* Joined by a thread that is no fiber: their slots come back, too. */
static void foreign_joins(void)
{
    enum { ROUNDS = 1000 };
    pthread_t thread = unit_thread(foreign_joiner, NULL), first = 0;
    struct chance c = {6};
    int reused = 0;
    for (int i = 0; i < ROUNDS; i++) {
        nap = chance(&c, 40000);
        pthread_t handle = unit_fiber(napper, &foreign);
        if (i == 0)
            first = handle;
        reused += handle == first;
        __atomic_store_n(&foreign.target, fiber_of(handle), __ATOMIC_SEQ_CST);
        while (__atomic_load_n(&foreign.joined, __ATOMIC_SEQ_CST) <= i)
            unit_yield();
    }
    __atomic_store_n(&foreign.target, rt.fibers.main, __ATOMIC_SEQ_CST);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(reused > ROUNDS / 4);
    CHECK_EQ(rt.fibers.live, 1);
    unit_ok("foreign_joins");
}

/* ---- what a fiber finds ---- */

static __thread int initialised = 7;
static __thread char zeroed[100];
static pthread_key_t key;
static int destroyed;

static void destroy(void *value)
{
    CHECK(value == &key);
    destroyed++;
}

static void *spoil(void *unused)
{
    (void)unused;
    CHECK_EQ(initialised, 7);
    CHECK(zeroed[0] == 0 && zeroed[99] == 0);
    CHECK_EQ(errno, 0);
    CHECK(pthread_getspecific(key) == NULL);
    CHECK(pthread_equal(pthread_self(), (pthread_t)fiber_self->fs));
    initialised = 9;
    memset(zeroed, 1, sizeof zeroed);
    errno = EDOM;
    CHECK_EQ(pthread_setspecific(key, &key), 0);
    unit_yield();
    CHECK(initialised == 9 && zeroed[50] == 1 && errno == EDOM && pthread_getspecific(key) == &key);
    return NULL;
}

static void fresh_thread_locals(void)
{
    enum { ROUNDS = 100, AT_ONCE = 10 };
    pthread_t handles[AT_ONCE];
    CHECK_EQ(pthread_key_create(&key, destroy), 0);
    initialised = 11;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < AT_ONCE; i++)
            handles[i] = unit_fiber(spoil, NULL);
        unit_join_all(handles, AT_ONCE);
    }
    CHECK_EQ(destroyed, ROUNDS * AT_ONCE);
    CHECK_EQ(initialised, 11);
    CHECK_EQ(pthread_key_delete(key), 0);
    unit_ok("fresh_thread_locals");
}

/* malloc's cache stays with the slot: what one fiber has allocated, the next in its slot frees. */
static void *allocate(void *before)
{
    char *p;
    free(before);
    for (int i = 0; i < 50; i++) {
        p = malloc(200);
        memset(p, i, 200);
        free(p);
    }
    p = malloc(300);
    memset(p, 5, 300);
    return p;
}

static void malloc_across_fibers(void)
{
    void *p = NULL;
    for (int i = 0; i < 2000; i++)
        p = unit_join(unit_fiber(allocate, p));
    free(p);
    unit_ok("malloc_across_fibers");
}

/* ---- memory ---- */

static long resident(void)
{
    char text[128] = {0};
    long size, pages;
    FILE *f = fopen("/proc/self/statm", "r");
    CHECK(f != NULL && fgets(text, sizeof text, f) != NULL);
    fclose(f);
    CHECK_EQ(sscanf(text, "%ld %ld", &size, &pages), 2);
    return pages * 4;
}

static void *use_stack(void *unused)
{
    char room[100 << 10];
    (void)unused;
    memset(room, 1, sizeof room);
    __asm__ volatile("" : : "r"(room) : "memory");
    unit_yield();
    return NULL;
}

/* Stacks of ended fibers go back but for a few, and the same work again takes nothing more. */
static void memory_flat(void)
{
    enum { AT_ONCE = 600, ROUNDS = 8, USED_KB = AT_ONCE * 100 };
    static pthread_t handles[AT_ONCE];
    long start = resident(), after[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < AT_ONCE; i++)
            handles[i] = unit_fiber(use_stack, NULL);
        unit_join_all(handles, AT_ONCE);
        after[round] = resident();
    }
    /* Under a sanitizer the shadow of each stack is resident, too; the first round touches it all. */
    if (!UNIT_ASAN)
        CHECK(after[0] - start < USED_KB / 2);
    for (int round = 1; round < ROUNDS; round++)
        if (after[round] - after[0] > USED_KB / 10)
            unit_fail(__FILE__, __LINE__, "memory grows", after[round], after[0]);
    unit_ok("memory_flat");
}

/* ---- stack classes ---- */

static void classes(void)
{
    struct stack_class *a = stacks_class(1 << 20, 4096), *b = stacks_class(1 << 20, 8192);
    unsigned n = rt.stacks.nclasses;
    CHECK(a != NULL && b != NULL && a != b);
    CHECK(stacks_class(1 << 20, 4096) == a && stacks_class(1 << 20, 8192) == b);
    CHECK_EQ(rt.stacks.nclasses, n);
    char *slots[40];
    for (int i = 0; i < 40; i++) {
        slots[i] = stacks_get(a);
        CHECK(slots[i] != NULL && ((uintptr_t)slots[i] & 4095) == 0);
        slots[i][4096] = slots[i][(1 << 20) - 1] = 1;
        for (int j = 0; j < i; j++)
            CHECK(slots[i] + (1 << 20) <= slots[j] || slots[j] + (1 << 20) <= slots[i]);
    }
    CHECK(stacks_class((size_t)1 << 60, 4096) != NULL);
    CHECK(stacks_get(stacks_class((size_t)1 << 60, 4096)) == NULL);
    unit_ok("classes");
}

/* Each size has its own slots; a fiber has all of the stack that it asked for. */
static void *fill_stack(void *arg)
{
    volatile char *low = fiber_self->stack;
    char here;
    CHECK_EQ(fiber_self->stack_size, (size_t)(uintptr_t)arg);
    CHECK(&here > fiber_self->stack && &here < fiber_self->stack + fiber_self->stack_size);
    low[0] = 1;
    return NULL;
}

static void sizes(void)
{
    static const size_t stacks[] = {16 << 10, 20 << 10, 64 << 10, 1 << 20, 8 << 20, 64 << 20};
    pthread_t handles[countof(stacks)], again;
    for (size_t i = 0; i < countof(stacks); i++)
        handles[i] = unit_fiber_of_size(stacks[i], fill_stack, (void *)stacks[i]);
    for (size_t i = 0; i < countof(stacks); i++)
        unit_join(handles[i]);
    for (size_t i = 0; i < countof(stacks); i++) {
        again = unit_fiber_of_size(stacks[i], fill_stack, (void *)stacks[i]);
        CHECK_EQ(again, handles[i]);
        unit_join(again);
    }
    unit_ok("sizes");
}

/* Memory that cannot be had is EAGAIN, not a crash, and the next smaller wish is granted. */
static void no_memory(void)
{
    struct fiber_attr huge = {.stack_size = (size_t)1 << 60, .guard_size = UNIT_GUARD};
    pthread_t handle;
    unsigned live = rt.fibers.live;
    CHECK_EQ(fiber_create(fiber_self, &handle, &huge, same, NULL), EAGAIN);
    CHECK_EQ(rt.fibers.live, live);
    CHECK_EQ(unit_join(unit_fiber(same, &live)), (uintptr_t)&live);
    unit_ok("no_memory");
}

/* The program's own stack. */
static void *on_own_stack(void *stack)
{
    char here;
    CHECK(&here > (char *)stack && &here < (char *)stack + UNIT_STACK);
    unit_yield();
    return NULL;
}

static void own_stack(void)
{
    char *stack = mmap(NULL, UNIT_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED);
    struct fiber_attr attr = {.stack_size = UNIT_STACK, .stack = stack};
    for (int i = 0; i < 20; i++) {
        pthread_t handle;
        unit_clean_free_stacks();
        CHECK_EQ(fiber_create(fiber_self, &handle, &attr, on_own_stack, stack), 0);
        unit_join(handle);
        munmap(stack, UNIT_STACK);
        CHECK(mmap(stack, UNIT_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == stack);
    }
    munmap(stack, UNIT_STACK);
    unit_ok("own_stack");
}

/* ---- guards ---- */

static __attribute__((no_sanitize_address)) void *touch(void *offset)
{
    volatile char *p = fiber_self->slot + fiber_self->class->guard + (intptr_t)offset;
    *p = 1;
    return NULL;
}

/* In a process of its own; how it ended. */
static int end_of_toucher(intptr_t offset, bool guard_install)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        alarm(20);
        if (!guard_install)
            feature_off(FEATURE_GUARD_INSTALL);
        CHECK_EQ(fiber_start_core(), 0);
        unit_join(unit_fiber(same, NULL));
        pthread_t second = unit_fiber(napper, NULL), third = unit_fiber(touch, (void *)offset);
        unit_join(third);
        unit_join(second);
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    return status;
}

static void guards(void)
{
    for (int install = 0; install < 2; install++) {
        CHECK_EQ(end_of_toucher(0, install), 0);
        static const intptr_t bad[] = {-1, -UNIT_GUARD};
        for (size_t i = 0; i < countof(bad); i++) {
            int status = end_of_toucher(bad[i], install);
            CHECK(WIFSIGNALED(status));
            CHECK_EQ(WTERMSIG(status), SIGSEGV);
        }
    }
    unit_ok("guards");
}

int main(void)
{
    unit_start();
    guards();
    CHECK_EQ(fiber_start_core(), 0);
    results();
    one_slot_for_all();
    detached();
    join_errors();
    join_races();
    foreign_joins();
    fresh_thread_locals();
    malloc_across_fibers();
    memory_flat();
    classes();
    sizes();
    no_memory();
    own_stack();
    return 0;
}
