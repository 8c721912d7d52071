/* Parking on addresses: what a futex promises. */
#include "tests/unit/unit.h"

enum { FIBERS = 10 };

/* As a lock waits: known first, then another look at the word, then parked. */
static int park(uint32_t *word, uint32_t expected, uint32_t bits, uint64_t deadline)
{
    struct fiber *self = fiber_self;
    struct addr_wait w;
    int r = -EAGAIN;
    core_enter(self);
    addr_link(&w, self, word);
    w.bits = bits;
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == expected)
        r = wait_park(&w.wait, deadline, 0, "test");
    else
        addr_unlink(&w);
    core_leave(self);
    return r;
}

static int wake(const uint32_t *word, int n, uint32_t bits)
{
    core_enter(fiber_self);
    int woken = addr_wake_here(word, n, bits);
    core_leave(fiber_self);
    return woken;
}

static bool waiting(const uint32_t *word, uint32_t bits)
{
    core_enter(fiber_self);
    bool yes = addr_waiting_here(word, bits);
    core_leave(fiber_self);
    return yes;
}

static int requeue(const uint32_t *from, const uint32_t *to, int n)
{
    core_enter(fiber_self);
    int moved = addr_requeue_here(from, to, n);
    core_leave(fiber_self);
    return moved;
}

/* ---- one carrier, exact order ---- */

struct sleeper {
    pthread_t handle;
    uint32_t *word, bits;
    int id;
};

static uint32_t words[2];
static struct sleeper sleepers[FIBERS];
static int ended[FIBERS], nended;

static void *sleeper(void *arg)
{
    struct sleeper *s = arg;
    CHECK_EQ(park(s->word, 0, s->bits, CLOCK_NEVER), 0);
    ended[nended++] = s->id;
    return NULL;
}

static bool is_parked(const struct sleeper *s)
{
    return __atomic_load_n(&fiber_of(s->handle)->state, __ATOMIC_RELAXED) == FIBER_PARKED;
}

/* One after the other, so that they stand in the order of their numbers. */
static void put_to_sleep(uint32_t (*bits_of)(int))
{
    nended = 0;
    for (int i = 0; i < FIBERS; i++) {
        struct sleeper *s = &sleepers[i];
        *s = (struct sleeper){.word = &words[0], .bits = bits_of(i), .id = i};
        s->handle = unit_fiber(sleeper, s);
        while (!is_parked(s))
            unit_yield();
    }
}

static void all_ended(void)
{
    for (int i = 0; i < FIBERS; i++)
        unit_join(sleepers[i].handle);
    CHECK_EQ(nended, FIBERS);
    CHECK(!addr_watched(&words[0]) && !addr_watched(&words[1]));
}

static void until_ended(int n)
{
    while (nended < n)
        unit_yield();
    unit_yield();
    CHECK_EQ(nended, n);
}

static uint32_t any_bit(int i)
{
    (void)i;
    return ~0u;
}

static void first_come_first_served(void)
{
    CHECK_EQ(wake(&words[0], 1, ~0u), 0);
    CHECK(!addr_watched(&words[0]));
    put_to_sleep(any_bit);
    CHECK(addr_watched(&words[0]) && waiting(&words[0], 1) && !waiting(&words[1], ~0u));
    CHECK_EQ(wake(&words[1], ADDR_ALL, ~0u), 0);
    CHECK_EQ(wake(&words[0], 0, ~0u), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(wake(&words[0], 1, ~0u), 1);
        until_ended(i + 1);
        CHECK_EQ(ended[i], i);
    }
    CHECK_EQ(wake(&words[0], 3, ~0u), 3);
    until_ended(7);
    CHECK_EQ(addr_wake(&words[0], ADDR_ALL), FIBERS - 7);
    all_ended();
    for (int i = 0; i < FIBERS; i++)
        CHECK_EQ(ended[i], i);
    CHECK_EQ(addr_wake(&words[0], 1), 0);
    unit_ok("first_come_first_served");
}

static uint32_t odd_or_even(int i)
{
    return i % 2 == 0 ? 1 : 2;
}

static void bits(void)
{
    put_to_sleep(odd_or_even);
    CHECK(waiting(&words[0], 1) && waiting(&words[0], 2) && waiting(&words[0], 3) && !waiting(&words[0], 4));
    CHECK_EQ(wake(&words[0], ADDR_ALL, 4), 0);
    CHECK_EQ(wake(&words[0], 1, 2), 1);
    until_ended(1);
    CHECK_EQ(ended[0], 1);
    CHECK_EQ(wake(&words[0], ADDR_ALL, 2), FIBERS / 2 - 1);
    until_ended(FIBERS / 2);
    for (int i = 0; i < FIBERS / 2; i++)
        CHECK_EQ(ended[i], 2 * i + 1);
    CHECK(!waiting(&words[0], 2) && waiting(&words[0], 1));
    CHECK_EQ(wake(&words[0], ADDR_ALL, ~0u), FIBERS / 2);
    all_ended();
    unit_ok("bits");
}

static void requeueing(void)
{
    put_to_sleep(any_bit);
    CHECK_EQ(requeue(&words[0], &words[0], ADDR_ALL), 0);
    CHECK_EQ(requeue(&words[1], &words[0], ADDR_ALL), 0);
    CHECK_EQ(requeue(&words[0], &words[1], 4), 4);
    CHECK(waiting(&words[0], ~0u) && waiting(&words[1], ~0u));
    CHECK_EQ(wake(&words[1], 1, ~0u), 1);
    until_ended(1);
    CHECK_EQ(ended[0], 0);
    CHECK_EQ(requeue(&words[0], &words[1], ADDR_ALL), FIBERS - 4);
    CHECK(!waiting(&words[0], ~0u) && !addr_watched(&words[0]));
    CHECK_EQ(wake(&words[0], ADDR_ALL, ~0u), 0);
    CHECK_EQ(wake(&words[1], ADDR_ALL, ~0u), FIBERS - 1);
    all_ended();
    for (int i = 0; i < FIBERS; i++)
        CHECK_EQ(ended[i], i);
    unit_ok("requeueing");
}

static void word_changed_before(void)
{
    uint32_t word = 1;
    CHECK_EQ(park(&word, 0, ~0u, CLOCK_NEVER), -EAGAIN);
    CHECK(!addr_watched(&word));
    unit_ok("word_changed_before");
}

static void timeouts(void)
{
    uint32_t word = 0;
    uint64_t start = clock_now();
    CHECK_EQ(park(&word, 0, ~0u, 0), -ETIMEDOUT);
    CHECK_EQ(park(&word, 0, ~0u, start), -ETIMEDOUT);
    CHECK_EQ(park(&word, 0, ~0u, start + 20 * NS_PER_MS), -ETIMEDOUT);
    CHECK(clock_now() >= start + 20 * NS_PER_MS);
    CHECK(!addr_watched(&word));
    CHECK_EQ(timer_next(), CLOCK_NEVER);
    unit_ok("timeouts");
}

/* ---- addresses of one bucket ---- */

static uint32_t many[3 * ADDR_BUCKETS];

static void *park_once(void *word)
{
    CHECK_EQ(park(word, 0, ~0u, CLOCK_NEVER), 0);
    return NULL;
}

/* Another word that `watched` makes look watched: it shares the bucket. */
static uint32_t *neighbour(const uint32_t *watched)
{
    for (size_t i = 0; i < countof(many); i++)
        if (&many[i] != watched && addr_watched(&many[i]))
            return &many[i];
    return NULL;
}

static void shared_bucket(void)
{
    pthread_t a = unit_fiber(park_once, &many[0]);
    while (!waiting(&many[0], ~0u))
        unit_yield();
    uint32_t *other = neighbour(&many[0]);
    CHECK(other != NULL);
    CHECK_EQ(wake(other, ADDR_ALL, ~0u), 0);
    pthread_t b = unit_fiber(park_once, other);
    while (!waiting(other, ~0u))
        unit_yield();
    CHECK_EQ(wake(other, ADDR_ALL, ~0u), 1);
    unit_join(b);
    CHECK(waiting(&many[0], ~0u) && !waiting(other, ~0u));
    CHECK_EQ(requeue(&many[0], other, 1), 1);
    CHECK_EQ(wake(&many[0], ADDR_ALL, ~0u), 0);
    CHECK_EQ(wake(other, ADDR_ALL, ~0u), 1);
    unit_join(a);
    unit_ok("shared_bucket");
}

/* ---- wakes from foreign threads ---- */

/* A semaphore made of a word: every unit that a foreign thread posts is taken by a fiber. */
enum { TAKERS = 6, POSTERS = 2, POSTS = 15000 };

static struct {
    uint32_t *word[POSTERS];
} semaphore;

static void *poster(void *arg)
{
    int me = (int)(intptr_t)arg;
    struct chance c = {(uint64_t)me + 11};
    for (int i = 0; i < POSTS; i++) {
        __atomic_fetch_add(semaphore.word[me], 1, __ATOMIC_SEQ_CST);
        addr_wake(semaphore.word[me], 1);
        if (chance(&c, 8) == 0)
            chance_delay(&c, 20000);
    }
    return NULL;
}

static void *taker(void *arg)
{
    uint32_t *word = semaphore.word[(uintptr_t)arg % POSTERS];
    for (int left = POSTERS * POSTS / TAKERS; left > 0;) {
        uint32_t v = __atomic_load_n(word, __ATOMIC_SEQ_CST);
        if (v == 0)
            park(word, 0, ~0u, CLOCK_NEVER);
        else if (__atomic_compare_exchange_n(word, &v, v - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            left--;
    }
    return NULL;
}

/* The two words share a bucket, so that wakes for both merge. A wake that were lost would leave a taker asleep. */
static void foreign_wakes(void)
{
    pthread_t takers[TAKERS], posters[POSTERS];
    pthread_t probe = unit_fiber(park_once, &many[7]);
    while (!waiting(&many[7], ~0u))
        unit_yield();
    semaphore.word[0] = &many[7];
    semaphore.word[1] = neighbour(&many[7]);
    CHECK(semaphore.word[1] != NULL);
    wake(&many[7], 1, ~0u);
    unit_join(probe);
    for (int i = 0; i < TAKERS; i++)
        takers[i] = unit_fiber(taker, (void *)(intptr_t)i);
    for (int i = 0; i < POSTERS; i++)
        posters[i] = unit_thread(poster, (void *)(intptr_t)i);
    unit_join_all(takers, TAKERS);
    for (int i = 0; i < POSTERS; i++) {
        CHECK_EQ(pthread_join(posters[i], NULL), 0);
        CHECK_EQ(*semaphore.word[i], 0);
        CHECK(!addr_watched(semaphore.word[i]));
    }
    unit_ok("foreign_wakes");
}

/* A fiber and a foreign thread pass one word to and fro: each turn needs its wake. */
enum { PARKS = 4000 };

static uint32_t turn;

static void *foreign_player(void *unused)
{
    struct chance c = {3};
    (void)unused;
    for (uint32_t i = 0; i < PARKS; i++) {
        while (__atomic_load_n(&turn, __ATOMIC_SEQ_CST) != 2 * i + 1)
            (void)sys(SYS_sched_yield);
        if (chance(&c, 4) == 0)
            chance_delay(&c, 30000);
        __atomic_store_n(&turn, 2 * i + 2, __ATOMIC_SEQ_CST);
        addr_wake(&turn, 1);
    }
    return NULL;
}

static void turns(void)
{
    pthread_t other = unit_thread(foreign_player, NULL);
    for (uint32_t i = 0; i < PARKS; i++) {
        __atomic_store_n(&turn, 2 * i + 1, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(&turn, __ATOMIC_SEQ_CST) != 2 * i + 2)
            park(&turn, 2 * i + 1, ~0u, CLOCK_NEVER);
    }
    CHECK_EQ(pthread_join(other, NULL), 0);
    unit_ok("turns");
}

/* ---- timeouts against wakes ---- */

static struct {
    uint32_t word;
    bool stop;
    int woken, timed_out;
} race;

static void *impatient(void *arg)
{
    struct chance c = {(uint64_t)(uintptr_t)arg + 1};
    while (!race.stop) {
        int r = park(&race.word, 0, ~0u, clock_after(chance(&c, 200000)));
        CHECK(r == 0 || r == -ETIMEDOUT);
        __atomic_fetch_add(r == 0 ? &race.woken : &race.timed_out, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

/* Who is counted as woken returns 0; nobody is both. */
static void timeouts_against_wakes(void)
{
    pthread_t handles[FIBERS];
    struct chance c = {9};
    int counted = 0;
    for (int i = 0; i < FIBERS; i++)
        handles[i] = unit_fiber(impatient, (void *)(intptr_t)i);
    for (uint64_t end = clock_after(NS_PER_S); clock_now() < end;) {
        counted += wake(&race.word, (int)chance(&c, 3) + 1, ~0u);
        if (chance(&c, 2) == 0)
            unit_yield();
        else
            unit_sleep(chance(&c, 100000));
    }
    race.stop = true;
    unit_join_all(handles, FIBERS);
    CHECK_EQ(race.woken, counted);
    CHECK(race.woken > 0 && race.timed_out > 0);
    CHECK(!addr_watched(&race.word));
    unit_ok("timeouts_against_wakes");
}

static void *foreign_waker(void *arg)
{
    struct chance c = {(uint64_t)(uintptr_t)arg + 77};
    while (!__atomic_load_n(&race.stop, __ATOMIC_RELAXED)) {
        addr_wake(&race.word, 1);
        chance_delay(&c, 60000);
    }
    return NULL;
}

static void timeouts_against_foreign_wakes(void)
{
    pthread_t handles[FIBERS], threads[2];
    race.stop = false;
    race.woken = race.timed_out = 0;
    for (int i = 0; i < FIBERS; i++)
        handles[i] = unit_fiber(impatient, (void *)(intptr_t)i);
    for (int i = 0; i < 2; i++)
        threads[i] = unit_thread(foreign_waker, (void *)(intptr_t)i);
    unit_sleep(NS_PER_S);
    __atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
    unit_join_all(handles, FIBERS);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK(race.woken > 0 && race.timed_out > 0);
    CHECK(!addr_watched(&race.word));
    CHECK_EQ(timer_next(), CLOCK_NEVER);
    unit_ok("timeouts_against_foreign_wakes");
}

int main(void)
{
    unit_start_fibers();
    first_come_first_served();
    bits();
    requeueing();
    word_changed_before();
    timeouts();
    shared_bucket();
    foreign_wakes();
    turns();
    timeouts_against_wakes();
    timeouts_against_foreign_wakes();
    return 0;
}
