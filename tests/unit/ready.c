/* Waiting for descriptors. */
#include "tests/unit/unit.h"

#include "core/ready.h"

#include <fcntl.h>
#include <sys/socket.h>

static uint32_t seq_of(int fd)
{
    return __atomic_load_n(&fdtab_get(fd)->seq, __ATOMIC_SEQ_CST);
}

/* Parks until the descriptor may be ready; an event since `seq` was read ends it at once. */
static int wait_for(int fd, int dir, bool one, uint32_t seq, uint64_t deadline)
{
    struct fiber *self = fiber_self;
    struct ready_wait w;
    struct ready_link link;
    int r = 0;
    core_enter(self);
    if (seq_of(fd) == seq) {
        ready_begin(&w, self, &link);
        r = ready_link(&w, fd, dir, one, 1);
        if (r == 0)
            r = wait_park(&w.wait, deadline, 0, "test");
    }
    core_leave(self);
    return r;
}

/* A read as the shim makes it, of a descriptor that does not block: attempt, wait, attempt. */
static long read_by_waiting(int fd, void *to, size_t n)
{
    for (;;) {
        uint32_t seq = seq_of(fd);
        long r = sys(SYS_read, fd, to, n);
        if (r != -EAGAIN)
            return r;
        int e = wait_for(fd, DIR_IN, true, seq, CLOCK_NEVER);
        if (e != 0)
            return e;
    }
}

static void make_pipe(int ends[2], bool known)
{
    CHECK_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    for (int i = 0; i < 2; i++) {
        fdtab_opened(ends[i], FD_UNKNOWN);
        if (known)
            CHECK_EQ(fdtab_kind(ends[i], fdtab_peek(ends[i])), FD_PIPE);
    }
}

static void close_known(int fd)
{
    fdtab_closing(fd);
    close(fd);
}

static void close_pipe(const int ends[2])
{
    close_known(ends[0]);
    close_known(ends[1]);
}

/* ---- from foreign threads ---- */

enum { BYTES = 6000, READERS = 4 };

static struct {
    int fd;
    uint64_t pause;
} writer;

static void *foreign_writer(void *unused)
{
    struct chance c = {21};
    (void)unused;
    for (int i = 0; i < BYTES;) {
        unsigned char byte = (unsigned char)i;
        i += sys(SYS_write, writer.fd, &byte, 1) == 1;
        if (chance(&c, 4) == 0)
            chance_delay(&c, writer.pause);
    }
    return NULL;
}

/* In order, every one: an event that is missed would leave the reader asleep. */
static void one_reader(bool known, const char *name)
{
    int ends[2];
    make_pipe(ends, known);
    writer.fd = ends[1];
    writer.pause = 40000;
    pthread_t thread = unit_thread(foreign_writer, NULL);
    unsigned char byte;
    for (int i = 0; i < BYTES; i++) {
        CHECK_EQ(read_by_waiting(ends[0], &byte, 1), 1);
        CHECK_EQ(byte, (unsigned char)i);
    }
    CHECK_EQ(pthread_join(thread, NULL), 0);
    close_pipe(ends);
    unit_ok(name);
}

static int got[READERS];

static void *shared_reader(void *arg)
{
    int me = (int)(intptr_t)arg;
    int fd = writer.fd - 1;
    unsigned char byte;
    for (long r = 1; r > 0;) {
        r = read_by_waiting(fd, &byte, 1);
        CHECK(r == 1 || r == 0);
        got[me] += (int)r;
        ready_pass_on(fiber_self, fdtab_peek(fd), DIR_IN);
    }
    return NULL;
}

/* Several fibers on one descriptor: one is woken by an event and passes it on, the end of the stream, too. */
static void several_readers(void)
{
    int ends[2], total = 0;
    pthread_t handles[READERS];
    make_pipe(ends, true);
    CHECK_EQ(ends[1], ends[0] + 1);
    writer.fd = ends[1];
    for (int i = 0; i < READERS; i++)
        handles[i] = unit_fiber(shared_reader, (void *)(intptr_t)i);
    pthread_t thread = unit_thread(foreign_writer, NULL);
    for (uint64_t limit = clock_after(20 * NS_PER_S); total < BYTES && clock_now() < limit;) {
        unit_sleep(NS_PER_MS);
        total = 0;
        for (int i = 0; i < READERS; i++)
            total += got[i];
    }
    CHECK_EQ(total, BYTES);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    struct fd_entry *e = fdtab_peek(ends[1]);
    uint64_t key[DIRS] = {e->key[DIR_IN], e->key[DIR_OUT]};
    close_known(ends[1]);
    ready_stream_closed(fiber_self, key);
    unit_join_all(handles, READERS);
    close_known(ends[0]);
    unit_ok("several_readers");
}

/* ---- waits and their ends ---- */

struct waiter {
    int fd, dir, result;
    bool one, ended;
    pthread_t handle;
};

static void *waiter(void *arg)
{
    struct waiter *w = arg;
    w->result = wait_for(w->fd, w->dir, w->one, seq_of(w->fd), CLOCK_NEVER);
    w->ended = true;
    return NULL;
}

static void begin(struct waiter *w, int fd, int dir, bool one)
{
    *w = (struct waiter){.fd = fd, .dir = dir, .one = one};
    w->handle = unit_fiber(waiter, w);
    while (__atomic_load_n(&fiber_of(w->handle)->state, __ATOMIC_RELAXED) != FIBER_PARKED)
        unit_yield();
}

static int ended(const struct waiter *w, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += w[i].ended;
    return sum;
}

static void dropped(void)
{
    struct waiter w[4];
    int ends[2];
    for (int known = 0; known < 2; known++) {
        make_pipe(ends, known);
        for (int i = 0; i < 4; i++)
            begin(&w[i], ends[0], i == 3 ? DIR_OUT : DIR_IN, i == 0);
        unit_sleep(NS_PER_MS);
        /* The read end is never writable: the last may have been woken only by what the kernel says of it. */
        close_known(ends[0]);
        for (int i = 0; i < 4; i++)
            unit_join(w[i].handle);
        for (int i = 0; i < 3; i++)
            CHECK_EQ(w[i].result, -EBADF);
        struct fd_entry *e = fdtab_peek(ends[0]);
        CHECK(list_empty(&e->waiters[DIR_IN]) && list_empty(&e->waiters[DIR_OUT]) && !e->registered);
        close_known(ends[1]);
    }
    unit_ok("dropped");
}

/* The number is used again: an event of its former owner wakes nobody, one of the new owner does. */
static void number_reused(void)
{
    int old[2], new[2];
    make_pipe(old, false);
    uint32_t seq = seq_of(old[0]);
    CHECK_EQ(wait_for(old[0], DIR_IN, true, seq, clock_after(NS_PER_MS)), -ETIMEDOUT);
    CHECK(fdtab_peek(old[0])->registered);
    int number = old[0], copy = dup(old[0]); /* keeps the description in the set */
    close_known(number);
    make_pipe(new, false);
    CHECK_EQ(new[0], number);
    CHECK_EQ(write(old[1], "o", 1), 1);
    seq = seq_of(number);
    CHECK_EQ(wait_for(number, DIR_IN, true, seq, clock_after(20 * NS_PER_MS)), -ETIMEDOUT);
    struct waiter w;
    begin(&w, number, DIR_IN, true);
    CHECK_EQ(write(new[1], "n", 1), 1);
    unit_join(w.handle);
    CHECK_EQ(w.result, 0);
    close(copy);
    close_known(old[1]);
    close_pipe(new);
    unit_ok("number_reused");
}

static void timeouts(void)
{
    int ends[2];
    for (int known = 0; known < 2; known++) {
        make_pipe(ends, known);
        for (int i = 0; i < 200; i++)
            CHECK_EQ(wait_for(ends[0], DIR_IN, true, seq_of(ends[0]), clock_after(i % 2 == 0 ? 0 : 20000)), -ETIMEDOUT);
        CHECK(list_empty(&fdtab_peek(ends[0])->waiters[DIR_IN]));
        CHECK_EQ(timer_next(), CLOCK_NEVER);
        close_pipe(ends);
    }
    unit_ok("timeouts");
}

/* What cannot be waited for says so. */
static void not_pollable(void)
{
    char path[] = "/tmp/coax-unit-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    unlink(path);
    fdtab_opened(fd, FD_UNKNOWN);
    CHECK_EQ(wait_for(fd, DIR_IN, true, seq_of(fd), CLOCK_NEVER), -EPERM);
    close_known(fd);
    CHECK_EQ(wait_for(fd, DIR_IN, true, seq_of(fd), CLOCK_NEVER), -EBADF);
    CHECK(list_empty(&fdtab_peek(fd)->waiters[DIR_IN]));
    unit_ok("not_pollable");
}

/* ---- who is woken ---- */

static void one_and_all(void)
{
    struct waiter w[5];
    int ends[2];
    make_pipe(ends, false);
    for (int i = 0; i < 5; i++)
        begin(&w[i], ends[0], DIR_IN, i < 3); /* three reads, two polls */
    CHECK_EQ(write(ends[1], "x", 1), 1);
    for (uint64_t limit = clock_after(20 * NS_PER_S); ended(w, 5) < 3 && clock_now() < limit;)
        unit_sleep(NS_PER_MS);
    unit_sleep(5 * NS_PER_MS);
    CHECK(w[0].ended && !w[1].ended && !w[2].ended && w[3].ended && w[4].ended);
    ready_pass_on(fiber_self, fdtab_peek(ends[0]), DIR_IN);
    unit_join(w[1].handle);
    CHECK(!w[2].ended);
    ready_pass_on(fiber_self, fdtab_peek(ends[0]), DIR_IN);
    for (int i = 0; i < 5; i++) {
        if (i != 1)
            unit_join(w[i].handle);
        CHECK_EQ(w[i].result, 0);
    }
    close_pipe(ends);
    unit_ok("one_and_all");
}

/* A poll that lists descriptors twice, and in both directions, is woken once and leaves no link behind. */
static void many_links(void)
{
    struct fiber *self = fiber_self;
    int ends[2];
    make_pipe(ends, true);
    for (int round = 0; round < 2; round++) {
        struct ready_wait w;
        struct ready_link links[5];
        core_enter(self);
        ready_begin(&w, self, links);
        CHECK_EQ(ready_link(&w, ends[0], DIR_IN, false, 1), 0);
        CHECK_EQ(ready_link(&w, ends[0], DIR_IN, false, 1), 0);
        CHECK_EQ(ready_link(&w, ends[0], DIR_OUT, false, 1), 0);
        if (round == 0)
            CHECK_EQ(ready_link(&w, ends[1], DIR_IN, false, 1), 0);
        CHECK_EQ(write(ends[1], "x", 1), 1);
        int r = wait_park(&w.wait, CLOCK_NEVER, 0, "test");
        core_leave(self);
        CHECK_EQ(r, 0);
        for (int i = 0; i < 2; i++)
            for (int d = 0; d < DIRS; d++)
                CHECK(list_empty(&fdtab_peek(ends[i])->waiters[d]));
    }
    close_pipe(ends);
    unit_ok("many_links");
}

/* ---- streams whose other end is here ---- */

/* A pipe that is known is registered only when nobody has anything else to do; the writer wakes the reader itself. */
static void lazy_registration(void)
{
    int ends[2], pair[2];
    unsigned long handoffs;
    make_pipe(ends, true);
    struct fd_entry *in = fdtab_peek(ends[0]), *out = fdtab_peek(ends[1]);
    /* Moved by the monitor, the fibers would meet the loop: such a turn does not count. */
    int calm = 0;
    for (int i = 0; i < 50; i++) {
        struct waiter w;
        char byte;
        bool before = in->registered;
        handoffs = rt.baton.handoffs;
        rt.sched.tick = 0;
        begin(&w, ends[0], DIR_IN, true);
        CHECK_EQ(write(ends[1], "x", 1), 1);
        ready_progress(fiber_self, out, DIR_OUT);
        rt.sched.tick = 0;
        unit_join(w.handle);
        CHECK_EQ(w.result, 0);
        CHECK_EQ(read(ends[0], &byte, 1), 1);
        if (rt.baton.handoffs == handoffs && !before && !in->registered)
            calm++;
    }
    CHECK(calm > 0);
    /* Sleeping in the loop registers it, and then the kernel's word is enough. */
    CHECK_EQ(wait_for(ends[0], DIR_IN, true, seq_of(ends[0]), clock_after(NS_PER_MS)), -ETIMEDOUT);
    CHECK(in->registered && !out->registered);
    close_pipe(ends);

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    fdtab_paired(pair, FD_STREAM);
    struct waiter w[2];
    begin(&w[0], pair[0], DIR_IN, true);
    begin(&w[1], pair[1], DIR_IN, true);
    CHECK_EQ(write(pair[1], "x", 1), 1);
    ready_progress(fiber_self, fdtab_peek(pair[1]), DIR_OUT);
    unit_join(w[0].handle);
    CHECK_EQ(w[0].result, 0);
    CHECK(!w[1].ended);
    close_known(pair[1]);
    unit_join(w[1].handle);
    CHECK_EQ(w[1].result, -EBADF);
    close_known(pair[0]);
    unit_ok("lazy_registration");
}

/* A foreign thread writes and says so, while the carrier sleeps or works. */
static int told[2];

static void *telling_writer(void *unused)
{
    struct chance c = {33};
    (void)unused;
    for (int i = 0; i < BYTES;) {
        unsigned char byte = (unsigned char)i;
        if (sys(SYS_write, told[1], &byte, 1) == 1) {
            ready_progress(NULL, fdtab_peek(told[1]), DIR_OUT);
            i++;
        }
        chance_delay(&c, 10000);
    }
    return NULL;
}

static bool stop_turning;

static void *turner(void *unused)
{
    (void)unused;
    while (!stop_turning)
        unit_yield();
    return NULL;
}

static void told_by_foreign(void)
{
    make_pipe(told, true);
    pthread_t busy = unit_fiber(turner, NULL), thread = unit_thread(telling_writer, NULL);
    unsigned char byte;
    for (int i = 0; i < BYTES; i++) {
        CHECK_EQ(read_by_waiting(told[0], &byte, 1), 1);
        CHECK_EQ(byte, (unsigned char)i);
        stop_turning = i > BYTES / 2;
    }
    CHECK_EQ(pthread_join(thread, NULL), 0);
    unit_join(busy);
    close_pipe(told);
    unit_ok("told_by_foreign");
}

int main(void)
{
    unit_start_fibers();
    one_reader(false, "one_reader");
    one_reader(true, "one_reader_of_known_pipe");
    several_readers();
    dropped();
    number_reused();
    timeouts();
    not_pollable();
    one_and_all();
    many_links();
    lazy_registration();
    told_by_foreign();
    return 0;
}
