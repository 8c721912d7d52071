/* The heap of timers against a plain array that is searched. */
#include "tests/unit/unit.h"

enum { TIMERS = 1500, ROUNDS = 60000 };

static struct timer timers[TIMERS];
static bool armed[TIMERS];
static uint64_t at[TIMERS];
static unsigned narmed;

static uint64_t model_next(void)
{
    uint64_t least = CLOCK_NEVER;
    for (int i = 0; i < TIMERS; i++)
        if (armed[i] && at[i] < least)
            least = at[i];
    return least;
}

static void check_heap(void)
{
    CHECK_EQ(rt.timers.count, narmed);
    for (uint32_t i = 1; i <= rt.timers.count; i++) {
        CHECK_EQ(rt.timers.heap[i]->index, i);
        CHECK(i == 1 || rt.timers.heap[i / 2]->at <= rt.timers.heap[i]->at);
    }
    for (int i = 0; i < TIMERS; i++)
        CHECK_EQ(timers[i].index != 0, armed[i]);
}

static void arm(int i, uint64_t when)
{
    CHECK(timer_arm(&timers[i], when));
    armed[i] = true;
    at[i] = when;
    narmed++;
}

static void disarm(int i)
{
    timer_disarm(&timers[i]);
    narmed -= armed[i];
    armed[i] = false;
}

/* Takes everything that is due, earliest first. */
static void expire(uint64_t now)
{
    for (;;) {
        uint64_t next = model_next();
        CHECK_EQ(timer_next(), next);
        struct timer *t = timer_expired(now);
        if (next == CLOCK_NEVER || next > now) {
            CHECK(t == NULL);
            return;
        }
        CHECK(t != NULL && t >= timers && t < timers + TIMERS);
        CHECK(armed[t - timers]);
        CHECK_EQ(t->at, next);
        CHECK_EQ(t->index, 0);
        armed[t - timers] = false;
        narmed--;
    }
}

static void against_model(uint64_t seed, uint64_t spread)
{
    struct chance c = {seed};
    uint64_t now = 1000;
    for (int round = 0; round < ROUNDS; round++) {
        int i = (int)chance(&c, TIMERS);
        uint64_t what = chance(&c, 100);
        /* Alternately more are armed and more are disarmed, so the heap fills and empties. */
        bool filling = (round / 8000) % 2 == 0;
        if (armed[i] ? what < (filling ? 20u : 80u) : what >= (filling ? 80u : 20u))
            disarm(i); /* of a timer that is not armed: nothing */
        else if (!armed[i])
            arm(i, now + chance(&c, spread));
        if (round % 64 == 0) {
            now += chance(&c, spread / 20 + 2);
            expire(now);
        }
        if (round % 128 == 0)
            check_heap();
    }
    expire(CLOCK_NEVER - 1);
    check_heap();
    CHECK_EQ(narmed, 0);
}

static void empty(void)
{
    CHECK_EQ(timer_next(), CLOCK_NEVER);
    CHECK(timer_expired(CLOCK_NEVER) == NULL);
    struct timer t = {0};
    timer_disarm(&t);
    CHECK_EQ(timer_next(), CLOCK_NEVER);
    unit_ok("empty");
}

static void boundary(void)
{
    arm(0, 500);
    CHECK(timer_expired(499) == NULL);
    CHECK(timer_expired(500) == &timers[0]);
    armed[0] = false;
    narmed--;
    arm(0, 0);
    CHECK_EQ(timer_next(), 0);
    disarm(0);
    disarm(0);
    CHECK_EQ(timer_next(), CLOCK_NEVER);
    unit_ok("boundary");
}

static void same_times(void)
{
    bool seen[TIMERS] = {false};
    for (int i = 0; i < TIMERS; i++)
        arm(i, 42);
    for (int i = 0; i < TIMERS; i += 3)
        disarm(i);
    check_heap();
    CHECK(timer_expired(41) == NULL);
    for (struct timer *t; (t = timer_expired(42)) != NULL;) {
        CHECK(!seen[t - timers] && (t - timers) % 3 != 0);
        seen[t - timers] = true;
        armed[t - timers] = false;
        narmed--;
    }
    CHECK_EQ(narmed, 0);
    check_heap();
    unit_ok("same_times");
}

int main(void)
{
    unit_start();
    empty();
    boundary();
    same_times();
    against_model(1, 1000000000);
    unit_ok("random_far_apart");
    against_model(2, 50);
    unit_ok("random_many_equal");
    return 0;
}
