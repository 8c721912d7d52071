/* fuzz_calls THREADS FIRST LAST DIR [STEP...]: random sequences of calls on pipes, sockets, files, terminals and such,
 * by number: a number says which calls, whatever happens. Each prints a line with a hash of all that its calls gave:
 * results, errors, data. With STEPs only those of each sequence are made, and printed. tests/fuzz compares the lines
 * bare and under coax.
 *
 * THREADS 0: main makes the calls, and a timer's signal ends those that wait. Else so many threads share the sequences,
 * and another one ends waits by pthread_kill. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

enum { STEPS = 40, SLOTS = 6, MOST = 200000, TTY_MOST = 64, FIFO_MOST = 4096, THREADS_MOST = 64, WAKE_US = 1000 };

struct step {
    unsigned op, slot, other, size, flags;
};

struct worker {
    pthread_t thread;
    atomic_bool waiting; /* in a call that may wait for ever */
    int fd[SLOTS];
    bool tty[SLOTS], fifo[SLOTS];
    uint64_t hash;
    unsigned sequence, at;
    char *buffer;
};

static struct worker workers[THREADS_MOST];
static unsigned nthreads, last;
static atomic_uint next_sequence;
static const char *dir;
static bool chosen[STEPS];
static bool verbose;
static __thread volatile sig_atomic_t pipes_broken;

static void on_wake(int signum)
{
    (void)signum;
}

static void on_pipe(int signum)
{
    (void)signum;
    pipes_broken++;
}

static void wait_begins(struct worker *w)
{
    const struct itimerval often = {{0, WAKE_US}, {0, WAKE_US}};
    atomic_store(&w->waiting, true);
    if (nthreads == 0)
        setitimer(ITIMER_REAL, &often, NULL);
}

static void wait_ends(struct worker *w)
{
    const struct itimerval never = {{0, 0}, {0, 0}};
    int e = errno;
    if (nthreads == 0)
        setitimer(ITIMER_REAL, &never, NULL);
    atomic_store(&w->waiting, false);
    errno = e;
}

/* ---- what is seen ---- */

static void mix(struct worker *w, const void *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        w->hash = (w->hash ^ ((const unsigned char *)data)[i]) * 1099511628211u;
}

__attribute__((format(printf, 2, 3))) static void see(struct worker *w, const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mix(w, text, (size_t)n);
    if (verbose)
        printf("  %u.%u %s\n", w->sequence, w->at, text);
}

static void result(struct worker *w, const char *call, const struct step *s, long r)
{
    int e = errno;
    see(w, "%s(%u, %u) = %ld %s", call, s->slot, s->size, r, r < 0 ? strerrorname_np(e) : "");
}

static void data(struct worker *w, const char *call, const struct step *s, long r)
{
    result(w, call, s, r);
    if (r > 0) {
        uint64_t before = w->hash;
        mix(w, w->buffer, (size_t)r);
        if (verbose)
            printf("       data %016lx\n", w->hash ^ before);
    }
}

/* ---- calls ---- */

#define MAY_WAIT(w, r, call) (wait_begins(w), (r) = (call), wait_ends(w))

static void put(struct worker *w, unsigned slot, int fd)
{
    if (w->fd[slot] >= 0)
        close(w->fd[slot]);
    w->fd[slot] = fd;
    w->tty[slot] = w->fifo[slot] = false;
}

static void fill(struct worker *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        w->buffer[i] = (char)(w->sequence * 31 + w->at * 7 + i);
}

/* How much of a long write a terminal or a FIFO has taken when a handler ends it is not promised by anybody; nor is it
 * of a pipe, where the kernel does not know RWF_NOWAIT. */
static size_t size_for(const struct worker *w, const struct step *s)
{
    size_t most = w->tty[s->slot] ? TTY_MOST : w->fifo[s->slot] ? FIFO_MOST : MOST;
    return s->size > most ? most : s->size;
}

static int queued(const struct worker *w, unsigned slot)
{
    int n = 0;
    return ioctl(w->fd[slot], FIONREAD, &n) == 0 ? n : 0;
}

/* What is written to a terminal comes out at its other end a little later: there, before the next call. */
static void settle(const struct worker *w, unsigned slot, int before, long written)
{
    if (w->tty[slot] && !w->tty[slot ^ 1])
        usleep(10 * WAKE_US);
    for (int i = 0; w->tty[slot] && w->tty[slot ^ 1] && i < 100 && queued(w, slot ^ 1) < before + written; i++)
        usleep(WAKE_US);
}

static void path_of(const struct worker *w, char *path, size_t n, const char *what)
{
    snprintf(path, n, "%s/%s.%d", dir, what, (int)(w - workers));
}

static void make_terminal(int fd[2])
{
    struct termios t;
    char name[64];
    fd[0] = posix_openpt(O_RDWR | O_NOCTTY);
    if (fd[0] < 0 || grantpt(fd[0]) != 0 || unlockpt(fd[0]) != 0 || ptsname_r(fd[0], name, sizeof name) != 0 ||
        (fd[1] = open(name, O_RDWR | O_NOCTTY)) < 0 || tcgetattr(fd[1], &t) != 0)
        abort();
    cfmakeraw(&t);
    tcsetattr(fd[1], TCSANOW, &t);
}

static void make_listener(int fd[2])
{
    struct sockaddr_un_name {
        sa_family_t family;
    } name = {AF_UNIX};
    fd[0] = socket(AF_UNIX, SOCK_STREAM, 0);
    fd[1] = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(fd[0], (struct sockaddr *)&name, sizeof name) != 0 || listen(fd[0], 1) != 0)
        abort();
}

static void make(struct worker *w, const struct step *s)
{
    enum { KINDS = 10 };
    static const char *const names[KINDS] = {"pipe",      "pipe", "stream",   "stream", "dgram",
                                             "seqpacket", "file", "terminal", "fifo",   "listener"};
    int fd[2] = {-1, -1}, r = 0, nonblock = s->flags % 4 == 0 ? O_NONBLOCK : 0;
    unsigned kind = s->size % KINDS, low = s->slot & ~1u;
    char path[300];
    path_of(w, path, sizeof path, names[kind]);
    switch (kind) {
    case 0:
    case 1:
        r = pipe2(fd, nonblock);
        break;
    case 2:
    case 3:
        r = socketpair(AF_UNIX, SOCK_STREAM | nonblock, 0, fd);
        break;
    case 4:
        r = socketpair(AF_UNIX, SOCK_DGRAM | nonblock, 0, fd);
        break;
    case 5:
        r = socketpair(AF_UNIX, SOCK_SEQPACKET | nonblock, 0, fd);
        break;
    case 6:
        fd[0] = open(path, O_RDWR | O_CREAT | O_TRUNC | nonblock, 0600);
        fd[1] = open(path, O_RDWR | (s->flags & 8 ? O_APPEND : 0));
        break;
    case 7:
        make_terminal(fd);
        break;
    case 8:
        unlink(path);
        r = mkfifo(path, 0600);
        fd[0] = open(path, O_RDWR | nonblock);
        fd[1] = open(path, O_WRONLY);
        break;
    default:
        make_listener(fd);
        break;
    }
    put(w, low, fd[0]);
    put(w, low + 1, fd[1]);
    w->tty[low] = w->tty[low + 1] = kind == 7;
    w->fifo[low] = w->fifo[low + 1] = kind == 8 || (kind < 2 && getenv("COAX_DISABLE") != NULL);
    see(w, "make %s %d %d", names[kind], r, fd[0] >= 0 && fd[1] >= 0);
}

static void do_read(struct worker *w, const struct step *s)
{
    long r;
    MAY_WAIT(w, r, read(w->fd[s->slot], w->buffer, size_for(w, s)));
    data(w, "read", s, r);
}

static void do_readv(struct worker *w, const struct step *s)
{
    size_t n = size_for(w, s), first = n / 3;
    struct iovec v[3] = {{w->buffer, first}, {w->buffer + first, 0}, {w->buffer + first, n - first}};
    long r;
    MAY_WAIT(w, r, readv(w->fd[s->slot], v, 3));
    data(w, "readv", s, r);
}

static void do_write(struct worker *w, const struct step *s)
{
    size_t n = size_for(w, s);
    int before = queued(w, s->slot ^ 1);
    long r;
    fill(w, n);
    MAY_WAIT(w, r, write(w->fd[s->slot], w->buffer, n));
    result(w, "write", s, r);
    settle(w, s->slot, before, r);
}

static void do_writev(struct worker *w, const struct step *s)
{
    size_t n = size_for(w, s), first = n / 5;
    int before = queued(w, s->slot ^ 1);
    struct iovec v[2] = {{w->buffer, first}, {w->buffer + first, n - first}};
    long r;
    fill(w, n);
    MAY_WAIT(w, r, writev(w->fd[s->slot], v, 2));
    result(w, "writev", s, r);
    settle(w, s->slot, before, r);
}

static void do_recv(struct worker *w, const struct step *s)
{
    static const int flags[] = {0, MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL, MSG_PEEK | MSG_DONTWAIT, MSG_TRUNC};
    long r;
    MAY_WAIT(w, r, recv(w->fd[s->slot], w->buffer, s->size, flags[s->flags % 6]));
    result(w, "recv", s, r);
    if (r > 0)
        mix(w, w->buffer, (size_t)r < s->size ? (size_t)r : s->size);
}

static void do_send(struct worker *w, const struct step *s)
{
    static const int flags[] = {0, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_MORE};
    long r;
    fill(w, s->size);
    MAY_WAIT(w, r, send(w->fd[s->slot], w->buffer, s->size, flags[s->flags % 4]));
    result(w, "send", s, r);
}

static void do_recvmsg(struct worker *w, const struct step *s)
{
    struct iovec v = {w->buffer, s->size};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    long r;
    MAY_WAIT(w, r, recvmsg(w->fd[s->slot], &m, 0));
    data(w, "recvmsg", s, r);
    if (r >= 0)
        see(w, "flags %x", m.msg_flags);
}

static void do_close(struct worker *w, const struct step *s)
{
    result(w, "close", s, w->fd[s->slot] < 0 ? -2 : close(w->fd[s->slot]));
    w->fd[s->slot] = -1;
    w->tty[s->slot] = w->fifo[s->slot] = false;
}

static void do_dup(struct worker *w, const struct step *s)
{
    int fd = w->fd[s->other] < 0 || s->flags % 2 ? dup(w->fd[s->slot]) : dup2(w->fd[s->slot], w->fd[s->other]);
    result(w, "dup", s, fd < 0 ? -1 : 0);
    if (fd < 0)
        return;
    if (fd != w->fd[s->other])
        put(w, s->other, fd);
    w->tty[s->other] = w->tty[s->slot];
    w->fifo[s->other] = w->fifo[s->slot];
}

static void do_nonblock(struct worker *w, const struct step *s)
{
    int flags = fcntl(w->fd[s->slot], F_GETFL);
    result(w, "F_GETFL", s, flags);
    result(w, "F_SETFL", s, fcntl(w->fd[s->slot], F_SETFL, s->flags % 2 ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

static void do_queued(struct worker *w, const struct step *s)
{
    int n = -7;
    result(w, "FIONREAD", s, ioctl(w->fd[s->slot], FIONREAD, &n));
    see(w, "queued %d", n);
}

static void do_poll(struct worker *w, const struct step *s)
{
    struct pollfd p[SLOTS];
    int r;
    for (int i = 0; i < SLOTS; i++)
        p[i] = (struct pollfd){w->fd[i], (short)(s->flags & (POLLIN | POLLOUT | POLLRDHUP)), 0};
    while ((r = poll(p, SLOTS, (int)(s->size % 3))) < 0 && errno == EINTR)
        ;
    result(w, "poll", s, r);
    for (int i = 0; i < SLOTS; i++)
        see(w, "%x", (unsigned)p[i].revents);
}

static void do_select(struct worker *w, const struct step *s)
{
    fd_set in, out;
    int r, top = 0;
    do {
        struct timeval limit = {0, s->size % 3 * 1000};
        FD_ZERO(&in);
        FD_ZERO(&out);
        for (int i = 0; i < SLOTS; i++) {
            if (w->fd[i] < 0)
                continue;
            FD_SET(w->fd[i], s->flags & 1 << i ? &in : &out);
            top = w->fd[i] > top ? w->fd[i] : top;
        }
        r = select(top + 1, &in, &out, NULL, &limit);
    } while (r < 0 && errno == EINTR);
    result(w, "select", s, r);
    for (int i = 0; i < SLOTS; i++)
        if (w->fd[i] >= 0)
            see(w, "%d%d", FD_ISSET(w->fd[i], &in), FD_ISSET(w->fd[i], &out));
}

static void do_epoll(struct worker *w, const struct step *s)
{
    struct epoll_event e = {.events = s->flags & (EPOLLIN | EPOLLOUT | EPOLLRDHUP)}, got = {0};
    int set = epoll_create1(EPOLL_CLOEXEC), r;
    result(w, "epoll_ctl", s, epoll_ctl(set, EPOLL_CTL_ADD, w->fd[s->slot], &e));
    while ((r = epoll_wait(set, &got, 1, (int)(s->size % 3))) < 0 && errno == EINTR)
        ;
    result(w, "epoll_wait", s, r);
    see(w, "%x", got.events);
    close(set);
}

static void do_shutdown(struct worker *w, const struct step *s)
{
    result(w, "shutdown", s, shutdown(w->fd[s->slot], (int)(s->flags % 3)));
}

static void do_lseek(struct worker *w, const struct step *s)
{
    result(w, "lseek", s, lseek(w->fd[s->slot], (off_t)s->size - 1000, (int)(s->flags % 3)));
}

static void do_pread(struct worker *w, const struct step *s)
{
    data(w, "pread", s, pread(w->fd[s->slot], w->buffer, s->size, s->flags * 10));
}

static void do_pwrite(struct worker *w, const struct step *s)
{
    fill(w, s->size);
    result(w, "pwrite", s, pwrite(w->fd[s->slot], w->buffer, s->size, s->flags * 10));
}

static void do_truncate(struct worker *w, const struct step *s)
{
    struct stat st = {0};
    result(w, "ftruncate", s, ftruncate(w->fd[s->slot], s->size));
    result(w, "fstat", s, fstat(w->fd[s->slot], &st));
    see(w, "%o %ld", st.st_mode, S_ISREG(st.st_mode) ? (long)st.st_size : 0);
    result(w, "fdatasync", s, fdatasync(w->fd[s->slot]));
}

static void do_flock(struct worker *w, const struct step *s)
{
    static const int how[] = {LOCK_SH, LOCK_EX, LOCK_UN, LOCK_EX | LOCK_NB, 77};
    int r;
    MAY_WAIT(w, r, flock(w->fd[s->slot], how[s->flags % 5]));
    result(w, "flock", s, r);
}

static void do_accept(struct worker *w, const struct step *s)
{
    int r;
    MAY_WAIT(w, r, accept4(w->fd[s->slot], NULL, NULL, s->flags % 4 == 0 ? SOCK_NONBLOCK : 0));
    result(w, "accept", s, r < 0 ? -1 : 0);
    if (r >= 0)
        put(w, s->other, r);
}

static void do_connect(struct worker *w, const struct step *s)
{
    struct sockaddr_storage name = {0};
    socklen_t n = sizeof name;
    int r = getsockname(w->fd[s->other], (struct sockaddr *)&name, &n);
    result(w, "getsockname", s, r);
    if (r != 0)
        return;
    MAY_WAIT(w, r, connect(w->fd[s->slot], (struct sockaddr *)&name, n));
    result(w, "connect", s, r);
}

static bool same_file(int a, int b)
{
    struct stat x, y;
    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino;
}

/* Little at a time, and not from a file to itself: how far that has come when a handler ends it is a matter of time. */
static void do_sendfile(struct worker *w, const struct step *s)
{
    size_t n = s->size > FIFO_MOST ? FIFO_MOST : s->size;
    long r;
    if (w->tty[s->slot] || w->tty[s->other] || same_file(w->fd[s->slot], w->fd[s->other]))
        return;
    MAY_WAIT(w, r, sendfile(w->fd[s->slot], w->fd[s->other], NULL, n));
    result(w, "sendfile", s, r);
}

static void do_splice(struct worker *w, const struct step *s)
{
    long r;
    if (w->tty[s->slot] || w->tty[s->other] || w->fifo[s->slot] || w->fifo[s->other])
        return;
    MAY_WAIT(w, r, splice(w->fd[s->slot], NULL, w->fd[s->other], NULL, s->size, s->flags % 2 ? SPLICE_F_NONBLOCK : 0));
    result(w, "splice", s, r);
    for (int i = 0; i < SLOTS; i++)
        w->fifo[i] = true; /* the kernel knows no RWF_NOWAIT for a pipe that it has spliced into: as to a FIFO */
}

static void do_raise(struct worker *w, const struct step *s)
{
    result(w, "raise", s, raise(SIGUSR2));
    see(w, "broken %d", pipes_broken);
}

static void (*const ops[])(struct worker *, const struct step *) = {
    do_read,     do_read,  do_read,   do_readv,   do_write,    do_write,  do_write, do_writev,
    do_recv,     do_recv,  do_send,   do_send,    do_recvmsg,  do_close,  do_dup,   do_nonblock,
    do_queued,   do_poll,  do_select, do_epoll,   do_shutdown, do_lseek,  do_pread, do_pwrite,
    do_truncate, do_flock, do_accept, do_connect, do_sendfile, do_splice, do_raise, make,
};

/* ---- sequences ---- */

static unsigned draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*state >> 33);
}

static unsigned draw_size(uint64_t *state)
{
    static const unsigned most[] = {2, 9, 100, 5000, 70000, MOST};
    unsigned size = draw(state) % most[draw(state) % 6];
    return draw(state) % 8 == 0 ? 8 : size;
}

/* All is drawn before anything is done, so that a step is the same whatever others are left out. */
static void generate(unsigned number, struct step steps[STEPS])
{
    uint64_t state = number * 0x9e3779b97f4a7c15u + 1;
    for (unsigned i = 0; i < STEPS; i++) {
        struct step *s = &steps[i];
        s->op = draw(&state) % (sizeof ops / sizeof *ops);
        s->slot = draw(&state) % SLOTS;
        s->other = (s->slot + 1 + draw(&state) % (SLOTS - 1)) % SLOTS;
        s->size = draw_size(&state);
        s->flags = draw(&state) % 65536;
        if (i < SLOTS / 2) {
            s->op = sizeof ops / sizeof *ops - 1;
            s->slot = 2 * i;
            s->size = draw(&state) % 1000;
        }
    }
}

static void perform(struct worker *w, unsigned number)
{
    struct step steps[STEPS];
    generate(number, steps);
    w->hash = 14695981039346656037u;
    w->sequence = number;
    pipes_broken = 0;
    for (int i = 0; i < SLOTS; i++)
        w->fd[i] = -1;
    for (w->at = 0; w->at < STEPS; w->at++)
        if (chosen[w->at])
            ops[steps[w->at].op](w, &steps[w->at]);
    see(w, "broken %d", pipes_broken);
    for (unsigned i = 0; i < SLOTS; i++)
        put(w, i, -1);
    printf("%u %016lx\n", number, w->hash);
}

static void *work(void *worker)
{
    struct worker *w = worker;
    unsigned number;
    w->buffer = malloc(MOST);
    while ((number = atomic_fetch_add(&next_sequence, 1)) <= last)
        perform(w, number);
    free(w->buffer);
    return NULL;
}

static void *wake(void *unused)
{
    for (;;) {
        usleep(WAKE_US);
        for (unsigned i = 0; i < nthreads; i++)
            if (atomic_load(&workers[i].waiting))
                pthread_kill(workers[i].thread, SIGUSR1);
    }
    return unused;
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return 2;
    nthreads = (unsigned)atoi(argv[1]);
    atomic_store(&next_sequence, (unsigned)atoi(argv[2]));
    last = (unsigned)atoi(argv[3]);
    dir = argv[4];
    verbose = argc > 5;
    for (int i = 0; i < STEPS; i++)
        chosen[i] = !verbose;
    for (int i = 5; i < argc; i++)
        if (atoi(argv[i]) >= 0 && atoi(argv[i]) < STEPS)
            chosen[atoi(argv[i])] = true;
    setvbuf(stdout, NULL, _IOFBF, 1 << 20);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_wake}, NULL);
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_wake}, NULL);
    sigaction(SIGUSR2, &(struct sigaction){.sa_handler = on_wake}, NULL);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = on_pipe}, NULL);
    if (nthreads == 0) {
        work(&workers[0]);
        return 0;
    }
    if (nthreads > THREADS_MOST)
        return 2;
    for (unsigned i = 0; i < nthreads; i++)
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            return 3;
    pthread_t waker;
    if (pthread_create(&waker, NULL, wake, NULL) != 0)
        return 3;
    for (unsigned i = 0; i < nthreads; i++)
        pthread_join(workers[i].thread, NULL);
    return 0;
}
