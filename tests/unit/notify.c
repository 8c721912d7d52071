/* Notifications: from fibers, foreign kernel threads and signal handlers; none lost, in order, none after its stop. */
#include "core/child.h"
#include "tests/unit/unit.h"

#include <signal.h>

static bool wait_for(const int *count, int want)
{
    for (uint64_t limit = clock_after(40 * NS_PER_S); clock_now() < limit;) {
        if (__atomic_load_n(count, __ATOMIC_SEQ_CST) >= want)
            return true;
        unit_sleep(NS_PER_MS);
    }
    return false;
}

static void count_one(void *arg)
{
    __atomic_fetch_add((int *)arg, 1, __ATOMIC_SEQ_CST);
}

static int make(bool once, notify_fn *fn, void *arg)
{
    int id = notify_make(fiber_self, once, fn, arg);
    CHECK(id > 0);
    return id;
}

static void stop(int id)
{
    CHECK_EQ(notify_stop(fiber_self, id), 0);
}

/* Neither the process's end nor the number of live fibers sees the server. */
static void no_thread_of_the_program(void)
{
    int calls = 0;
    unsigned threads = rt.fibers.threads, live = rt.fibers.live;
    int id = make(false, count_one, &calls);
    unit_sleep(NS_PER_MS);
    CHECK_EQ(rt.fibers.threads, threads);
    CHECK_EQ(rt.fibers.live, live);
    CHECK_EQ(notify_send(id), 0);
    CHECK(wait_for(&calls, 1));
    unit_sleep(NS_PER_MS);
    CHECK_EQ(rt.fibers.live, live);
    stop(id);
    unit_ok("no_thread_of_the_program");
}

/* ---- order ---- */

enum { KINDS = 7, IN_ORDER = 5000 };
static int trace[IN_ORDER], traced;

static void trace_one(void *arg)
{
    trace[traced++] = (int)(intptr_t)arg;
}

static void in_order(void)
{
    int ids[KINDS];
    for (int i = 0; i < KINDS; i++)
        ids[i] = make(false, trace_one, (void *)(intptr_t)i);
    struct chance c = {3}, again = {3};
    for (int i = 0; i < IN_ORDER; i++)
        CHECK_EQ(notify_send(ids[chance(&c, KINDS)]), 0);
    CHECK(wait_for(&traced, IN_ORDER));
    for (int i = 0; i < IN_ORDER; i++)
        CHECK_EQ(trace[i], chance(&again, KINDS));
    for (int i = 0; i < KINDS; i++)
        stop(ids[i]);
    unit_ok("in_order");
}

/* ---- none lost ---- */

enum { SENDERS = 4, SENDS = 25000 };
static int shared_id, from_threads[SENDERS], from_handler, handled;

static void *send_many(void *arg)
{
    int *ids = arg;
    for (int i = 0; i < SENDS; i++)
        CHECK_EQ(notify_send(ids[0]), 0);
    return NULL;
}

static void from_foreign_threads(void)
{
    pthread_t threads[SENDERS];
    int ids[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        ids[i] = make(false, count_one, &from_threads[i]);
        threads[i] = unit_thread(send_many, &ids[i]);
    }
    for (int i = 0; i < SENDERS; i++)
        CHECK(wait_for(&from_threads[i], SENDS));
    for (int i = 0; i < SENDERS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    unit_sleep(5 * NS_PER_MS);
    for (int i = 0; i < SENDERS; i++) {
        CHECK_EQ(from_threads[i], SENDS);
        stop(ids[i]);
    }
    unit_ok("from_foreign_threads");
}

/* A handler interrupts the send of its own thread, too. */
static void on_timer(int sig)
{
    (void)sig;
    int saved = errno;
    if (notify_send(shared_id) == 0)
        __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
    errno = saved;
}

static void from_handlers(void)
{
    int mine = 0;
    timer_t timer;
    struct sigaction act = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
    struct itimerspec often = {{0, 50000}, {0, 50000}}, never = {{0, 0}, {0, 0}};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    shared_id = make(false, count_one, &from_handler);
    int other = make(false, count_one, &mine);
    CHECK_EQ(signals_action(SIGUSR1, &act, NULL), 0);
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &often, NULL), 0);
    int sent = 0;
    for (uint64_t limit = clock_after(40 * NS_PER_S); handled < 3000 && clock_now() < limit; sent++) {
        CHECK_EQ(notify_send(other), 0);
        if (sent % 512 == 0)
            unit_yield();
        if (sent % 4096 == 0)
            CHECK(wait_for(&mine, sent / 2));
    }
    CHECK_EQ(timer_settime(timer, 0, &never, NULL), 0);
    CHECK_EQ(timer_delete(timer), 0);
    CHECK(handled >= 3000);
    CHECK(wait_for(&mine, sent));
    CHECK(wait_for(&from_handler, handled));
    unit_sleep(5 * NS_PER_MS);
    CHECK_EQ(mine, sent);
    CHECK_EQ(from_handler, handled);
    stop(shared_id);
    stop(other);
    unit_ok("from_handlers");
}

/* As many as there is room for; the next is refused, and all that were taken come. */
static void too_many(void)
{
    int calls = 0, sent = 0, r;
    int id = make(false, count_one, &calls);
    core_enter(fiber_self); /* the server does not run meanwhile */
    while ((r = notify_send(id)) == 0)
        sent++;
    core_leave(fiber_self);
    CHECK_EQ(r, -EAGAIN);
    CHECK(sent >= 1000000);
    CHECK(wait_for(&calls, sent));
    CHECK_EQ(calls, sent);
    CHECK_EQ(notify_send(id), 0);
    CHECK(wait_for(&calls, sent + 1));
    stop(id);
    unit_ok("too_many");
}

/* ---- numbers ---- */

static void unknown_numbers(void)
{
    int calls = 0, id = make(false, count_one, &calls);
    static const int unknown[] = {0, -1, 1, 65535, 1 << 30, -2147483647 - 1, 2147483647};
    for (int i = 0; i < (int)countof(unknown); i++) {
        CHECK_EQ(notify_send(unknown[i]), -ENOENT);
        CHECK_EQ(notify_set(fiber_self, unknown[i], count_one, &calls), -ENOENT);
        CHECK_EQ(notify_stop(fiber_self, unknown[i]), -ENOENT);
    }
    stop(id);
    CHECK_EQ(notify_send(id), -ENOENT);
    CHECK_EQ(notify_stop(fiber_self, id), -ENOENT);
    CHECK_EQ(notify_set(fiber_self, id, count_one, &calls), -ENOENT);
    CHECK_EQ(calls, 0);
    unit_ok("unknown_numbers");
}

/* A slot runs out of numbers and another one goes on. */
static void numbers_come_once(void)
{
    enum { MANY = 40000 };
    int *ids = calloc(MANY, sizeof *ids), calls = 0;
    static unsigned char seen[1u << 28]; /* a bit a number */
    for (int i = 0; i < MANY; i++) {
        ids[i] = make(false, count_one, &calls);
        CHECK((seen[ids[i] >> 3] & 1 << (ids[i] & 7)) == 0);
        seen[ids[i] >> 3] |= (unsigned char)(1 << (ids[i] & 7));
        stop(ids[i]);
    }
    for (int i = 0; i < MANY; i++)
        CHECK_EQ(notify_send(ids[i]), -ENOENT);
    free(ids);
    unit_ok("numbers_come_once");
}

/* All that there can be at a time: 65,536 and those slots that ran out are missing. */
static void all_slots(void)
{
    enum { MOST = 65536 };
    int *ids = calloc(MOST + 1, sizeof *ids), calls = 0, n = 0;
    while (n <= MOST && (ids[n] = notify_make(fiber_self, false, count_one, &calls)) > 0)
        n++;
    CHECK_EQ(ids[n], -EAGAIN);
    CHECK(n > 60000 && n <= MOST);
    CHECK_EQ(notify_send(ids[n - 1]), 0);
    CHECK_EQ(notify_send(ids[0]), 0);
    CHECK(wait_for(&calls, 2));
    while (n-- > 0)
        stop(ids[n]);
    free(ids);
    unit_ok("all_slots");
}

/* ---- once, set, stop ---- */

static struct {
    int id, calls, again;
} single;

static void send_again(void *unused)
{
    (void)unused;
    single.again = notify_send(single.id);
    single.calls++;
}

static void once_is_removed_before(void)
{
    single.id = make(true, send_again, NULL);
    CHECK_EQ(notify_send(single.id), 0);
    CHECK_EQ(notify_send(single.id), 0); /* both are there before the first is called */
    CHECK(wait_for(&single.calls, 1));
    unit_sleep(5 * NS_PER_MS);
    CHECK_EQ(single.calls, 1);
    CHECK_EQ(single.again, -ENOENT);
    CHECK_EQ(notify_stop(fiber_self, single.id), -ENOENT);
    unit_ok("once_is_removed_before");
}

static void set_replaces(void)
{
    int first = 0, second = 0, id = make(false, count_one, &first);
    CHECK_EQ(notify_send(id), 0);
    CHECK_EQ(notify_set(fiber_self, id, count_one, &second), 0); /* what was not called yet calls the new one */
    CHECK_EQ(notify_send(id), 0);
    CHECK(wait_for(&second, 2));
    CHECK_EQ(first, 0);
    stop(id);
    unit_ok("set_replaces");
}

enum { ROUNDS = 1000 };

static struct round {
    bool stopped;
    int calls, late;
} rounds[ROUNDS];
static int racing_id;

/* The server may run beside the stopper: one call may be under way when stop returns, and be seen late; no second. */
static void check_stopped(void *arg)
{
    struct round *r = arg;
    r->calls++;
    if (__atomic_load_n(&r->stopped, __ATOMIC_SEQ_CST))
        CHECK_EQ(++r->late, 1);
}

static void *send_until_gone(void *unused)
{
    (void)unused;
    int sent = 0;
    for (int id; (id = __atomic_load_n(&racing_id, __ATOMIC_SEQ_CST)) >= 0;) {
        (void)notify_send(id);
        if (++sent % 16 == 0)
            unit_block(10000);
    }
    return NULL;
}

/* Once stop has returned no call begins, whatever was sent. */
static void stop_against_send(void)
{
    pthread_t threads[2];
    struct chance c = {11};
    int calls = 0, late = 0;
    for (int i = 0; i < 2; i++)
        threads[i] = unit_thread(send_until_gone, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        int id = make(false, check_stopped, &rounds[i]);
        __atomic_store_n(&racing_id, id, __ATOMIC_SEQ_CST);
        if (i % 3 != 0)
            chance_delay(&c, 100000);
        if (i % 2 == 0)
            unit_yield();
        stop(id);
        __atomic_store_n(&rounds[i].stopped, true, __ATOMIC_SEQ_CST);
        if (i % 5 == 0)
            unit_yield();
    }
    __atomic_store_n(&racing_id, -1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    unit_yield();
    for (int i = 0; i < ROUNDS; i++) {
        calls += rounds[i].calls;
        late += rounds[i].late;
    }
    CHECK(calls > 0);
    CHECK(late < ROUNDS / 10);
    unit_ok("stop_against_send");
}

/* From a thread that is no fiber: it asks the carrier. */
static void *foreign_user(void *arg)
{
    int id = notify_make(NULL, false, count_one, arg);
    CHECK(id > 0);
    CHECK_EQ(notify_send(id), 0);
    for (uint64_t limit = clock_after(20 * NS_PER_S); *(volatile int *)arg == 0 && clock_now() < limit;)
        unit_block(NS_PER_MS);
    CHECK_EQ(notify_set(NULL, id, count_one, arg), 0);
    CHECK_EQ(notify_stop(NULL, id), 0);
    CHECK_EQ(notify_stop(NULL, id), -ENOENT);
    return NULL;
}

static void made_by_a_foreign_thread(void)
{
    int calls = 0;
    pthread_t thread = unit_thread(foreign_user, &calls);
    CHECK(wait_for(&calls, 1));
    while (pthread_tryjoin_np(thread, NULL) != 0)
        unit_sleep(NS_PER_MS);
    CHECK_EQ(calls, 1);
    unit_ok("made_by_a_foreign_thread");
}

/* ---- what functions may do ---- */

static int steps;

static void sleeps(void *unused)
{
    (void)unused;
    unit_sleep(20 * NS_PER_MS);
    steps++;
}

static void blocks(void *unused)
{
    (void)unused;
    unit_block(20 * NS_PER_MS);
    steps++;
}

static void ends_thread(void *unused)
{
    (void)unused;
    steps++;
    pthread_exit(NULL);
}

/* A function that parks, that blocks its kernel thread, and that ends its thread: the next one is called all the same,
 * and the others run on. */
static void functions_may_block(void)
{
    notify_fn *const functions[] = {sleeps, blocks, ends_thread};
    for (int i = 0; i < 3; i++) {
        int id = make(false, functions[i], NULL), turns = 0;
        unsigned threads = rt.fibers.threads;
        steps = 0;
        for (int k = 0; k < 4; k++)
            CHECK_EQ(notify_send(id), 0);
        for (uint64_t limit = clock_after(20 * NS_PER_S); steps < 4 && clock_now() < limit; turns++)
            unit_sleep(NS_PER_MS);
        CHECK_EQ(steps, 4);
        CHECK(i == 2 || turns > 8);
        CHECK_EQ(rt.fibers.threads, threads);
        stop(id);
    }
    unit_ok("functions_may_block");
}

/* ---- fork ---- */

static int child_calls, fork_id;

static void *start_something(void *unused)
{
    return unused;
}

/* The child has the notification and what was sent there, not what was sent to the parent. */
static void forked(void)
{
    int status;
    child_calls = 0;
    fork_id = make(false, count_one, &child_calls);
    CHECK_EQ(notify_send(fork_id), 0);
    child_fork_prepare();
    pid_t child = _Fork();
    if (child == 0) {
        child_fork_child();
        alarm(30);
        CHECK_EQ(notify_send(fork_id), 0);
        CHECK_EQ(fiber_start_core(), 0);
        notify_started(fiber_self);
        CHECK(wait_for(&child_calls, 1));
        unit_join(unit_fiber(start_something, NULL));
        CHECK_EQ(child_calls, 1);
        CHECK_EQ(notify_send(fork_id), 0);
        CHECK(wait_for(&child_calls, 2));
        _exit(0);
    }
    child_fork_parent();
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK(wait_for(&child_calls, 1));
    stop(fork_id);
    unit_ok("forked");
}

int main(void)
{
    unit_start();
    CHECK_EQ(fiber_start_core(), 0);
    no_thread_of_the_program();
    in_order();
    from_foreign_threads();
    from_handlers();
    unknown_numbers();
    once_is_removed_before();
    set_replaces();
    stop_against_send();
    made_by_a_foreign_thread();
    functions_may_block();
    forked();
    too_many();
    numbers_come_once();
    all_slots();
    return 0;
}
