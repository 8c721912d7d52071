/* What is known of descriptors. */
#include "tests/unit/unit.h"

#include "core/ready.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

static int kind_of(int fd)
{
    struct fd_entry *e = fdtab_get(fd);
    CHECK(e != NULL);
    fdtab_opened(fd, FD_UNKNOWN);
    return fdtab_kind(fd, e);
}

/* The kind of a descriptor made for it. */
static void expect(int fd, int kind)
{
    CHECK(fd >= 0);
    CHECK_EQ(kind_of(fd), kind);
    fdtab_closing(fd);
    close(fd);
}

static void kinds_of_streams(void)
{
    int ends[2];
    static const struct {
        int type, kind;
    } types[] = {{SOCK_STREAM, FD_STREAM}, {SOCK_SEQPACKET, FD_STREAM}, {SOCK_DGRAM, FD_DGRAM}};
    CHECK_EQ(pipe(ends), 0);
    expect(ends[0], FD_PIPE);
    expect(ends[1], FD_PIPE);
    for (size_t i = 0; i < countof(types); i++) {
        CHECK_EQ(socketpair(AF_UNIX, types[i].type, 0, ends), 0);
        expect(ends[0], types[i].kind);
        expect(ends[1], types[i].kind);
    }
    expect(socket(AF_INET, SOCK_STREAM, 0), FD_STREAM);
    expect(socket(AF_INET, SOCK_DGRAM, 0), FD_DGRAM);
    unit_ok("kinds_of_streams");
}

static void kinds_of_files(void)
{
    char dir[] = "/tmp/coax-unit-XXXXXX", path[64];
    CHECK(mkdtemp(dir) != NULL);
    expect(open(dir, O_RDONLY | O_DIRECTORY), FD_FILE);
    snprintf(path, sizeof path, "%s/file", dir);
    expect(open(path, O_RDWR | O_CREAT, 0600), FD_FILE);
    unlink(path);
    snprintf(path, sizeof path, "%s/fifo", dir);
    CHECK_EQ(mkfifo(path, 0600), 0);
    expect(open(path, O_RDWR), FD_FIFO);
    unlink(path);
    rmdir(dir);
    static const char *const memory[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/urandom"};
    for (size_t i = 0; i < countof(memory); i++)
        expect(open(memory[i], O_RDWR), FD_MEMORY);
    unit_ok("kinds_of_files");
}

static void kinds_of_the_rest(void)
{
    sigset_t none;
    sigemptyset(&none);
    expect(eventfd(0, 0), FD_NOWAIT);
    expect(timerfd_create(CLOCK_MONOTONIC, 0), FD_NOWAIT);
    expect(signalfd(-1, &none, 0), FD_NOWAIT);
    expect(epoll_create1(0), FD_POLLED);
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master >= 0) {
        CHECK(grantpt(master) == 0 && unlockpt(master) == 0);
        expect(open(ptsname(master), O_RDWR | O_NOCTTY), FD_TTY);
        expect(master, FD_TTY);
    }
    unit_ok("kinds_of_the_rest");
}

static void bad_descriptors(void)
{
    static const int impossible[] = {-1, -1000, FD_CHUNK * FD_CHUNKS, 0x7fffffff, -0x7fffffff - 1};
    for (size_t i = 0; i < countof(impossible); i++) {
        CHECK(fdtab_get(impossible[i]) == NULL && fdtab_peek(impossible[i]) == NULL);
        CHECK(!fdtab_is_own(impossible[i]));
        fdtab_opened(impossible[i], FD_FILE);
        fdtab_closing(impossible[i]);
        fdtab_forget_own(impossible[i]);
    }
    CHECK(fdtab_peek(900000) == NULL);
    CHECK(fdtab_get(FD_CHUNK * FD_CHUNKS - 1) != NULL);
    int fd = open("/dev/null", O_RDONLY);
    CHECK(fd >= 0);
    close(fd);
    CHECK_EQ(kind_of(fd), -EBADF);
    CHECK_EQ(fdtab_get(fd)->kind, FD_UNKNOWN);
    CHECK(!fdtab_nonblocking(fd));
    unit_ok("bad_descriptors");
}

/* A kind is asked for once, and again when the number has a new owner. */
static void reopened(void)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    int fd = ends[0];
    struct fd_entry *e = fdtab_get(fd);
    CHECK_EQ(kind_of(fd), FD_PIPE);
    CHECK(e->key[DIR_IN] != 0 && e->key[DIR_IN] == e->key[DIR_OUT]);
    CHECK_EQ(kind_of(ends[1]), FD_PIPE);
    CHECK_EQ(fdtab_peek(ends[1])->key[DIR_OUT], e->key[DIR_IN]);
    uint32_t generation = e->generation, seq = e->seq;
    e->connecting = e->listening = e->low = e->made_here = true;
    e->expired = 3;
    e->since = 3;
    fdtab_closing(fd);
    CHECK(e->generation != generation && e->seq != seq);
    CHECK_EQ(e->kind, FD_UNKNOWN);
    CHECK(!e->connecting && !e->listening && !e->low && !e->made_here && !e->registered && e->expired == 0);
    CHECK(e->key[DIR_IN] == 0 && e->key[DIR_OUT] == 0 && e->since == 0);
    generation = e->generation;
    int null = open("/dev/null", O_RDONLY);
    CHECK(null >= 0 && dup2(null, fd) == fd);
    fdtab_opened(fd, FD_UNKNOWN);
    CHECK(e->generation != generation);
    CHECK_EQ(fdtab_kind(fd, e), FD_MEMORY);
    CHECK(fdtab_get(fd) == e);
    /* What the kernel would say is not asked once it is known. */
    CHECK_EQ(dup2(ends[1], fd), fd);
    CHECK_EQ(fdtab_kind(fd, e), FD_MEMORY);
    fdtab_opened(fd, FD_STREAM);
    CHECK_EQ(fdtab_kind(fd, e), FD_STREAM);
    CHECK_EQ(e->state, FD_OPENED);
    for (int i = 0; i < 2; i++)
        close(ends[i]);
    close(null);
    unit_ok("reopened");
}

static void closing_range(void)
{
    static const int fds[] = {300, 511, 512, 513, 700, 1100};
    for (size_t i = 0; i < countof(fds); i++)
        fdtab_opened(fds[i], FD_PIPE);
    fdtab_closing_range(511, 700);
    for (size_t i = 0; i < countof(fds); i++)
        CHECK_EQ(fdtab_peek(fds[i])->kind, fds[i] >= 511 && fds[i] <= 700 ? FD_UNKNOWN : FD_PIPE);
    fdtab_closing_range(1101, 1000);
    CHECK_EQ(fdtab_peek(1100)->kind, FD_PIPE);
    fdtab_closing_range(0, ~0u);
    CHECK(fdtab_peek(300)->kind == FD_UNKNOWN && fdtab_peek(1100)->kind == FD_UNKNOWN);
    unit_ok("closing_range");
}

static void copied(void)
{
    int ends[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    fdtab_paired(ends, FD_STREAM);
    struct fd_entry *a = fdtab_peek(ends[0]), *b = fdtab_peek(ends[1]);
    CHECK(a->key[DIR_IN] != 0 && a->key[DIR_IN] == b->key[DIR_OUT]);
    CHECK(a->key[DIR_OUT] != 0 && a->key[DIR_OUT] == b->key[DIR_IN] && a->key[DIR_IN] != a->key[DIR_OUT]);
    int other[2] = {1500, 1501};
    fdtab_paired(other, FD_STREAM);
    CHECK(fdtab_peek(1500)->key[DIR_IN] != a->key[DIR_IN] && fdtab_peek(1500)->key[DIR_IN] != a->key[DIR_OUT]);
    a->made_here = a->listening = a->low = true;
    CHECK(fdtab_private(a));
    int to = dup(ends[0]);
    CHECK(to >= 0);
    struct fd_entry *copy = fdtab_get(to);
    uint32_t generation = copy->generation;
    fdtab_copied(ends[0], to);
    CHECK(copy->generation != generation);
    CHECK_EQ(copy->kind, FD_STREAM);
    CHECK(copy->listening && copy->low && memcmp(copy->key, a->key, sizeof a->key) == 0);
    CHECK(!fdtab_private(a) && !fdtab_private(copy));
    CHECK(!copy->registered && !copy->own);
    close(to);
    close(ends[0]);
    close(ends[1]);
    unit_ok("copied");
}

static void set_timeo(int fd, int name, long ms)
{
    struct timeval tv = {ms / 1000, ms % 1000 * 1000};
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, name, &tv, sizeof tv), 0);
}

/* Asked once; again when somebody has set it anywhere, or the number has a new owner. */
static void socket_timeouts(void)
{
    int ends[2], pipe_ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && pipe(pipe_ends) == 0);
    fdtab_opened(ends[0], FD_STREAM);
    struct fd_entry *e = fdtab_peek(ends[0]);
    CHECK_EQ(fdtab_timeo(ends[0], e, DIR_IN), 0);
    set_timeo(ends[0], SO_RCVTIMEO, 1500);
    set_timeo(ends[0], SO_SNDTIMEO, 20);
    CHECK_EQ(fdtab_timeo(ends[0], e, DIR_IN), 0);
    rt.fdtab.timeo_generation++;
    CHECK_EQ(fdtab_timeo(ends[0], e, DIR_IN), 1500 * NS_PER_MS);
    CHECK_EQ(fdtab_timeo(ends[0], e, DIR_OUT), 20 * NS_PER_MS);
    set_timeo(ends[0], SO_SNDTIMEO, 0);
    CHECK_EQ(fdtab_timeo(ends[0], e, DIR_OUT), 20 * NS_PER_MS);
    fdtab_opened(ends[0], FD_STREAM);
    CHECK_EQ(fdtab_timeo(ends[0], e, DIR_OUT), 0);
    CHECK_EQ(fdtab_timeo(ends[0], e, DIR_IN), 1500 * NS_PER_MS);
    fdtab_opened(pipe_ends[0], FD_PIPE);
    CHECK_EQ(fdtab_timeo(pipe_ends[0], fdtab_peek(pipe_ends[0]), DIR_IN), 0);
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(pipe_ends[i]);
    }
    unit_ok("socket_timeouts");
}

static void nonblocking(void)
{
    int ends[2];
    CHECK_EQ(pipe2(ends, O_NONBLOCK), 0);
    CHECK(fdtab_nonblocking(ends[0]));
    CHECK_EQ(fcntl(ends[0], F_SETFL, 0), 0);
    CHECK(!fdtab_nonblocking(ends[0]) && fdtab_nonblocking(ends[1]));
    close(ends[0]);
    close(ends[1]);
    unit_ok("nonblocking");
}

/* ---- descriptors of our own ---- */

static void own_descriptors(void)
{
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int fds[5], null = open("/dev/null", O_RDWR);
    CHECK(null >= 0 && rt.fdtab.nown == 0 && fdtab_next_own(0, ~0u) == ~0u);
    for (int i = 0; i < 5; i++) {
        int low = dup(null);
        fds[i] = loop_own_fd(low);
        CHECK(fds[i] > low);
        CHECK_EQ(fcntl(low, F_GETFD), -1); /* moved, not copied */
        CHECK_EQ(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
        CHECK(fdtab_is_own(fds[i]) && !fdtab_is_own(low));
        rlim_t top = limit.rlim_cur < 1 << 20 ? limit.rlim_cur : 1 << 20;
        CHECK((rlim_t)fds[i] < top + OWN_MOST && (rlim_t)fds[i] + 4 * OWN_MOST >= top);
    }
    CHECK_EQ(loop_own_fd(-EMFILE), -EMFILE);
    unsigned least = (unsigned)fds[0], most = (unsigned)fds[0], found = 0;
    for (int i = 1; i < 5; i++) {
        least = (unsigned)fds[i] < least ? (unsigned)fds[i] : least;
        most = (unsigned)fds[i] > most ? (unsigned)fds[i] : most;
    }
    CHECK(!fdtab_is_own(null));
    CHECK_EQ(fdtab_next_own(0, ~0u), least);
    CHECK_EQ(fdtab_next_own(least, least), least);
    CHECK_EQ(fdtab_next_own(0, least - 1), ~0u);
    CHECK_EQ(fdtab_next_own(most + 1, ~0u), ~0u);
    for (unsigned fd, from = 0; (fd = fdtab_next_own(from, ~0u)) != ~0u; from = fd + 1)
        found++;
    CHECK_EQ(found, 5);
    fdtab_forget_own(fds[2]);
    fdtab_forget_own(fds[2]);
    CHECK(!fdtab_is_own(fds[2]) && fdtab_is_own(fds[1]) && rt.fdtab.nown == 4);
    for (int i = 0; i < 5; i++) {
        fdtab_forget_own(fds[i]);
        close(fds[i]);
    }
    CHECK(rt.fdtab.nown == 0 && fdtab_next_own(0, ~0u) == ~0u);
    close(null);
    unit_ok("own_descriptors");
}

/* A plain user under a low limit: as high as it allows; when there is no room at all, an error and nothing lost. */
static void low_limit(void)
{
    struct rlimit low = {24, 24};
    int status, null = open("/dev/null", O_RDWR), n = 0;
    CHECK(null >= 0);
    fdtab_opened(null, FD_MEMORY);
    pid_t child = fork();
    if (child == 0) {
        for (int fd = null + 1; fd < 64; fd++)
            close(fd);
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
        if (getuid() == 0)
            CHECK_EQ(sys(SYS_setuid, 65534), 0);
        int high = fdtab_take_high(null);
        CHECK(high > null && high < 24 && fdtab_is_own(high));
        while (dup(null) >= 0)
            n++;
        CHECK(n < 24);
        CHECK_EQ(fdtab_take_high(null), -EMFILE);
        CHECK_EQ(rt.fdtab.nown, 1);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
    close(null);
    unit_ok("low_limit");
}

/* The program's limit is what it was. */
static void limit_kept(void)
{
    static const rlim_t soft[] = {24, 1024, 1048575, 1048576, 1048577};
    struct rlimit limit, now;
    int null = open("/dev/null", O_RDWR);
    CHECK(null >= 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0);
    for (size_t i = 0; i < countof(soft); i++) {
        struct rlimit set = {soft[i], soft[i] > limit.rlim_max ? soft[i] : limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &set) != 0)
            continue; /* not allowed here */
        int own = fdtab_take_high(null);
        CHECK(own > null);
        CHECK_EQ(getrlimit(RLIMIT_NOFILE, &now), 0);
        CHECK_EQ(now.rlim_cur, set.rlim_cur);
        CHECK_EQ(now.rlim_max, set.rlim_max);
        fdtab_forget_own(own);
        close(own);
    }
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    close(null);
    unit_ok("limit_kept");
}

/* The child of a fork keeps none of them, and shares what was private. */
static void forked(void)
{
    int own = loop_own_fd(open("/dev/null", O_RDWR));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(own >= 0 && fd >= 0);
    fdtab_opened(fd, FD_STREAM);
    fdtab_peek(fd)->made_here = true;
    fdtab_peek(fd)->registered = true;
    CHECK(fdtab_private(fdtab_peek(fd)));
    pid_t child = fork();
    if (child == 0) {
        fdtab_forked();
        CHECK(!fdtab_is_own(own) && rt.fdtab.nown == 0 && fcntl(own, F_GETFD) == -1);
        CHECK(!fdtab_private(fdtab_peek(fd)) && !fdtab_peek(fd)->registered);
        CHECK_EQ(fdtab_peek(fd)->kind, FD_STREAM);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    fdtab_peek(fd)->registered = false;
    fdtab_forget_own(own);
    close(own);
    close(fd);
    unit_ok("forked");
}

/* ---- several threads make one entry ---- */

enum { THREADS = 4, FIRST = 100000, CHUNKS = 200 };

static struct fd_entry *seen[THREADS][CHUNKS];

static void *get_all(void *arg)
{
    int me = (int)(intptr_t)arg;
    for (int i = 0; i < CHUNKS; i++)
        seen[me][i] = fdtab_get(FIRST + i * FD_CHUNK);
    return NULL;
}

static void entries_made_once(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = unit_thread(get_all, (void *)(intptr_t)i);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < CHUNKS; i++)
        for (int t = 0; t < THREADS; t++) {
            CHECK(seen[t][i] != NULL && seen[t][i] == fdtab_peek(FIRST + i * FD_CHUNK));
            CHECK(list_empty(&seen[t][i]->waiters[DIR_IN]) && list_empty(&seen[t][i]->waiters[DIR_OUT]));
        }
    unit_ok("entries_made_once");
}

int main(void)
{
    unit_start();
    kinds_of_streams();
    kinds_of_files();
    kinds_of_the_rest();
    bad_descriptors();
    reopened();
    closing_range();
    copied();
    socket_timeouts();
    nonblocking();
    own_descriptors();
    low_limit();
    limit_kept();
    forked();
    entries_made_once();
    return 0;
}
