/* Waits for descriptors: see waits.h. Closed in the meantime, they go on bare and end with EBADF under coax. */
#define WAITS_IN_FUTEX 0
#include "waits.h"

#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <termios.h>

extern ssize_t __read_chk(int fd, void *buf, size_t n, size_t size);
extern ssize_t __recv_chk(int fd, void *buf, size_t n, size_t size, int flags);

enum { LARGE = 600000 };
static char large[LARGE];

static void waiting_flags(int fd, int nonblock)
{
    int flags = fcntl(fd, F_GETFL);
    must(fcntl(fd, F_SETFL, nonblock ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0, "set O_NONBLOCK");
}

/* What is in a pipe or socket; its number may be closed, or another thing's. */
static int bytes_in(int fd)
{
    int n = -1;
    return ioctl(fd, FIONREAD, &n) == 0 ? n : -1;
}

/* ---- what is waited for ---- */

static void pipe_begin(struct cell *c)
{
    must(pipe2(c->fd, O_CLOEXEC) == 0, "make a pipe");
}

static void pair_begin(struct cell *c)
{
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, c->fd) == 0, "make a pair");
}

static void dgram_begin(struct cell *c)
{
    must(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, c->fd) == 0, "make a pair");
}

static void tcp_begin(struct cell *c)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(bind(l, (struct sockaddr *)&a, sizeof a) == 0 && listen(l, 1) == 0, "listen");
    getsockname(l, (struct sockaddr *)&a, &n);
    c->fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(connect(c->fd[1], (struct sockaddr *)&a, n) == 0, "connect");
    c->fd[0] = accept4(l, NULL, NULL, SOCK_CLOEXEC);
    close(l);
}

static void send_some(struct cell *c)
{
    must(write(c->fd[1], c->finishes > 1 ? "def" : "abc", 3) == 3 || errno == EPIPE || errno == ECONNRESET, "write");
}

static void close_other(struct cell *c)
{
    close(c->fd[1]);
    c->fd[1] = -1;
}

static void bytes_left(struct cell *c)
{
    if (c->event != CLOSE && c->event != OVER)
        say(c, "; %d left", bytes_in(c->fd[0]));
}

static const struct thing in_pipe = {pipe_begin, send_some, bytes_left, close_other, NULL, BIT(SHUT)};
static const struct thing in_pair = {pair_begin, send_some, bytes_left, close_other, NULL, 0};
static const struct thing in_tcp = {tcp_begin, send_some, bytes_left, close_other, NULL, 0};
static const struct thing in_dgram = {dgram_begin, send_some, bytes_left, close_other, NULL, BIT(HANGUP)};

/* The ends are swapped: fd[0] is the full one. state: what filled it. */
static void fill(struct cell *c)
{
    static const char zero[4096];
    long n = 0, r;
    waiting_flags(c->fd[0], 1);
    while ((r = write(c->fd[0], zero, sizeof zero)) > 0 || (r = write(c->fd[0], zero, 1)) > 0)
        n += r;
    waiting_flags(c->fd[0], 0);
    c->state = (void *)n;
}

static void turned_pipe_begin(struct cell *c)
{
    int fd[2];
    must(pipe2(fd, O_CLOEXEC) == 0, "make a pipe");
    c->fd[0] = fd[1];
    c->fd[1] = fd[0];
}

static void full_pipe_begin(struct cell *c)
{
    turned_pipe_begin(c);
    fill(c);
}

static void full_pair_begin(struct cell *c)
{
    pair_begin(c);
    fill(c);
}

static long drain(struct cell *c)
{
    char text[65536];
    long n = 0, r;
    if (c->fd[1] < 0)
        return 0;
    waiting_flags(c->fd[1], 1);
    while ((r = read(c->fd[1], text, sizeof text)) > 0)
        n += r;
    return n;
}

/* Until the call is over; of two, until both are. */
static void drain_all(struct cell *c)
{
    for (long end = now_ms() + GIVEN; now_ms() < end;) {
        c->number += (int)drain(c);
        if (over(c) || c->event == CHILD || c->event == READY || (c->event == TWICE && c->finishes == 1))
            break;
        nap(2);
    }
}

/* What has arrived, without what had filled it. Who drains in a child does not know. */
static void arrived(struct cell *c)
{
    c->number += (int)drain(c);
    if (c->event != CHILD && c->event != HANGUP)
        say(c, "; %ld arrived", c->number - (long)c->state);
}

static void no_number(struct cell *c)
{
    c->number = 0;
}

static void full_pipe(struct cell *c)
{
    no_number(c);
    full_pipe_begin(c);
}

static void full_pair(struct cell *c)
{
    no_number(c);
    full_pair_begin(c);
}

static void empty_turned_pipe(struct cell *c)
{
    no_number(c);
    turned_pipe_begin(c);
}

static void empty_turned_pair(struct cell *c)
{
    no_number(c);
    pair_begin(c);
}

static const struct thing out_pipe = {full_pipe, drain_all, arrived, close_other, NULL, BIT(SHUT)};
static const struct thing out_pair = {full_pair, drain_all, arrived, close_other, NULL, 0};
/* Some of it goes at once. A child would send its own part in between. Cancelled, libc before 2.41 does not tell of what
 * is done: under coax the call does, and the next point acts. */
enum { LARGE_EXCEPT = BIT(TWICE) | BIT(BEFORE) | BIT(CHILD) | BIT(CANCEL) };
static const struct thing large_pipe = {empty_turned_pipe, drain_all, arrived, close_other, NULL, BIT(SHUT) | LARGE_EXCEPT};
static const struct thing large_pair = {empty_turned_pair, drain_all, arrived, close_other, NULL, LARGE_EXCEPT};

static struct sockaddr_un listen_begin_at(struct cell *c, int backlog)
{
    struct sockaddr_un a;
    socklen_t n = sizeof a;
    memset(&a, 0, sizeof a);
    a.sun_family = AF_UNIX;
    c->extra[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(c->extra[0], (struct sockaddr *)&a, sizeof(sa_family_t)) == 0 && listen(c->extra[0], backlog) == 0, "listen");
    getsockname(c->extra[0], (struct sockaddr *)&a, &n);
    c->number = (int)n;
    c->state = memcpy(malloc(sizeof a), &a, sizeof a);
    return a;
}

static void listener_begin(struct cell *c)
{
    listen_begin_at(c, 5);
    c->fd[0] = c->extra[0];
    c->extra[0] = -1;
}

static void call_on(struct cell *c)
{
    int *at = c->extra[1] < 0 ? &c->extra[1] : &c->extra[2];
    *at = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    must(connect(*at, c->state, (socklen_t)c->number) == 0 || errno == ECONNREFUSED, "connect");
}

static void client_left(struct cell *c)
{
    struct pollfd p;
    p.fd = c->fd[0];
    p.events = POLLIN;
    if (c->event != CLOSE && c->event != OVER)
        say(c, "; %d in the queue", poll(&p, 1, 0) == 1 && p.revents == POLLIN);
}

static const struct thing listening = {listener_begin, call_on, client_left, NULL, NULL, BIT(HANGUP)};

static void tcp_listener_begin(struct cell *c)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(c->fd[0], (struct sockaddr *)&a, sizeof a) == 0 && listen(c->fd[0], 5) == 0, "listen");
    getsockname(c->fd[0], (struct sockaddr *)&a, &n);
    c->number = (int)n;
    c->state = memcpy(malloc(sizeof a), &a, sizeof a);
}

static void tcp_call_on(struct cell *c)
{
    int *at = c->extra[1] < 0 ? &c->extra[1] : &c->extra[2];
    *at = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(connect(*at, c->state, (socklen_t)c->number) == 0 || errno == ECONNREFUSED, "connect");
}

static const struct thing tcp_listening = {tcp_listener_begin, tcp_call_on, client_left, NULL, NULL, BIT(HANGUP)};

/* A listener whose queue is full. */
static void backlog_begin(struct cell *c)
{
    listen_begin_at(c, 0);
    c->extra[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(connect(c->extra[1], c->state, (socklen_t)c->number) == 0, "connect");
    c->fd[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void make_room(struct cell *c)
{
    int fd = accept(c->extra[0], NULL, NULL);
    if (fd >= 0)
        close(fd);
}

static void close_listener(struct cell *c)
{
    close(c->extra[0]);
    c->extra[0] = -1;
}

static void connected(struct cell *c)
{
    struct sockaddr_un a;
    socklen_t n = sizeof a;
    if (c->event != CLOSE && c->event != OVER)
        say(c, "; %s", getpeername(c->fd[0], (struct sockaddr *)&a, &n) == 0 ? "connected" : strerrorname_np(errno));
}

static const struct thing full_backlog = {backlog_begin, make_room, connected, close_listener, NULL, BIT(TWICE)};

static void event_begin(struct cell *c)
{
    c->fd[0] = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
    c->fd[1] = dup(c->fd[0]);
}

static void event_count(struct cell *c)
{
    uint64_t one = 1;
    must(write(c->fd[1], &one, sizeof one) == sizeof one, "write");
}

static void event_left(struct cell *c)
{
    uint64_t n = 0;
    waiting_flags(c->fd[1], 1);
    say(c, "; %ld left", (long)read(c->fd[1], &n, sizeof n));
}

enum { NO_PEER = BIT(HANGUP) | BIT(SHUT) };
static const struct thing event = {event_begin, event_count, event_left, NULL, NULL, NO_PEER};

static void full_event_begin(struct cell *c)
{
    uint64_t most = UINT64_MAX - 1;
    c->fd[0] = eventfd(0, EFD_CLOEXEC);
    c->fd[1] = dup(c->fd[0]);
    must(write(c->fd[0], &most, sizeof most) == sizeof most, "write");
}

static void event_take(struct cell *c)
{
    uint64_t n;
    must(read(c->fd[1], &n, sizeof n) == sizeof n, "read");
}

static void full_event_left(struct cell *c)
{
    uint64_t n = 0;
    waiting_flags(c->fd[1], 1);
    (void)!read(c->fd[1], &n, sizeof n);
    say(c, "; count %ld", (long)n);
}

static const struct thing full_event = {full_event_begin, event_take, full_event_left, NULL, NULL, NO_PEER | BIT(TWICE)};

static void timer_begin(struct cell *c)
{
    c->fd[0] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    c->fd[1] = dup(c->fd[0]);
}

static void timer_set(struct cell *c)
{
    struct itimerspec t;
    memset(&t, 0, sizeof t);
    t.it_value.tv_nsec = 1000000;
    timerfd_settime(c->fd[1], 0, &t, NULL);
    if (c->event == READY)
        nap(BRIEF);
}

static const struct thing timer = {timer_begin, timer_set, event_left, NULL, NULL, NO_PEER | BIT(TWICE)};

static void watch_begin(struct cell *c)
{
    char path[300];
    snprintf(path, sizeof path, "%s/watched-%d", directory, c->number);
    c->extra[0] = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    c->fd[0] = inotify_init1(IN_CLOEXEC);
    c->fd[1] = dup(c->fd[0]);
    inotify_add_watch(c->fd[0], path, IN_MODIFY);
}

static void modify(struct cell *c)
{
    must(write(c->extra[0], "x", 1) == 1, "write");
}

static void watch_left(struct cell *c)
{
    say(c, "; %d left", bytes_in(c->fd[1]));
}

static const struct thing watch = {watch_begin, modify, watch_left, NULL, NULL, NO_PEER | BIT(TWICE)};

/* The slave's side of a terminal. */
static void tty_begin(struct cell *c)
{
    must(openpty(&c->fd[1], &c->fd[0], NULL, NULL, NULL) == 0, "open a terminal");
    fcntl(c->fd[0], F_SETFD, FD_CLOEXEC);
    fcntl(c->fd[1], F_SETFD, FD_CLOEXEC);
}

/* The kernel passes it on some time later. */
static void type_line(struct cell *c)
{
    must(write(c->fd[1], "a-\n", 3) == 3, "write");
    for (long end = now_ms() + GIVEN; c->event == READY && bytes_in(c->fd[0]) != 3 && now_ms() < end;)
        nap(1);
}

static const struct thing tty = {tty_begin, type_line, bytes_left, close_other, NULL, BIT(SHUT)};

/* ---- calls that read ---- */

#define READER(name, call)                                                                                             \
    static long do_##name(struct cell *c)                                                                              \
    {                                                                                                                  \
        char b[3];                                                                                                     \
        struct iovec v[2];                                                                                             \
        struct msghdr m;                                                                                               \
        struct mmsghdr mm;                                                                                             \
        long r;                                                                                                        \
        memset(b, 0, sizeof b);                                                                                        \
        v[0].iov_base = b;                                                                                             \
        v[0].iov_len = 1;                                                                                              \
        v[1].iov_base = b + 1;                                                                                         \
        v[1].iov_len = sizeof b - 1;                                                                                   \
        memset(&mm, 0, sizeof mm);                                                                                     \
        memset(&m, 0, sizeof m);                                                                                       \
        m.msg_iov = v;                                                                                                 \
        m.msg_iovlen = 2;                                                                                              \
        mm.msg_hdr = m;                                                                                                \
        r = call;                                                                                                      \
        if (r > 0)                                                                                                     \
            memcpy(c->got, b, sizeof b);                                                                               \
        return r;                                                                                                      \
    }
READER(read, read(c->fd[0], b, 3))
READER(read_chk, __read_chk(c->fd[0], b, 3, 3))
READER(readv, readv(c->fd[0], v, 2))
READER(preadv2, preadv2(c->fd[0], v, 2, -1, 0))
READER(recv, recv(c->fd[0], b, 3, 0))
READER(recv_chk, __recv_chk(c->fd[0], b, 3, 3, 0))
READER(recv_peek, recv(c->fd[0], b, 3, MSG_PEEK))
READER(recvfrom, recvfrom(c->fd[0], b, 3, 0, NULL, NULL))
READER(recvmsg, recvmsg(c->fd[0], &m, 0))
READER(recvmmsg, recvmmsg(c->fd[0], &mm, 1, 0, NULL))
READER(sys_read, syscall(SYS_read, c->fd[0], b, 3))
READER(sys_readv, syscall(SYS_readv, c->fd[0], v, 2))
READER(sys_recvfrom, syscall(SYS_recvfrom, c->fd[0], b, 3, 0, NULL, NULL))
READER(sys_recvmsg, syscall(SYS_recvmsg, c->fd[0], &m, 0))

/* All of it or, if something ends it, a part. */
static long do_recv_all(struct cell *c)
{
    memset(c->got, 0, sizeof c->got);
    return recv(c->fd[0], c->got, 6, MSG_WAITALL);
}

static void send_part(struct cell *c)
{
    c->row->thing->begin == pair_begin ? pair_begin(c) : tcp_begin(c);
    must(write(c->fd[1], "xyz", 3) == 3, "write");
}
static const struct thing part_pair = {send_part, send_some, bytes_left, close_other, NULL, LARGE_EXCEPT};

static long do_splice(struct cell *c)
{
    int p[2];
    long r;
    int e;
    must(pipe2(p, O_CLOEXEC) == 0, "make a pipe");
    c->extra[0] = p[0];
    c->extra[1] = p[1];
    r = splice(c->fd[0], NULL, p[1], NULL, 3, 0);
    e = errno;
    if (r > 0)
        must(read(p[0], c->got, sizeof c->got - 1) == r, "read");
    errno = e;
    return r;
}

static long do_tee(struct cell *c)
{
    int p[2];
    must(pipe2(p, O_CLOEXEC) == 0, "make a pipe");
    c->extra[0] = p[0];
    c->extra[1] = p[1];
    return tee(c->fd[0], p[1], 3, 0);
}

/* ---- calls that write ---- */

#define WRITER(name, call)                                                                                             \
    static long do_##name(struct cell *c)                                                                              \
    {                                                                                                                  \
        struct iovec v[2];                                                                                             \
        struct msghdr m;                                                                                               \
        struct mmsghdr mm;                                                                                             \
        v[0].iov_base = large;                                                                                         \
        v[0].iov_len = 4;                                                                                              \
        v[1].iov_base = large;                                                                                         \
        v[1].iov_len = 6;                                                                                              \
        memset(&mm, 0, sizeof mm);                                                                                     \
        memset(&m, 0, sizeof m);                                                                                       \
        m.msg_iov = v;                                                                                                 \
        m.msg_iovlen = 2;                                                                                              \
        mm.msg_hdr = m;                                                                                                \
        return call;                                                                                                   \
    }
WRITER(write, write(c->fd[0], large, 10))
WRITER(writev, writev(c->fd[0], v, 2))
WRITER(pwritev2, pwritev2(c->fd[0], v, 2, -1, 0))
WRITER(send, send(c->fd[0], large, 10, 0))
WRITER(sendto, sendto(c->fd[0], large, 10, 0, NULL, 0))
WRITER(sendmsg, sendmsg(c->fd[0], &m, 0))
WRITER(sendmmsg, sendmmsg(c->fd[0], &mm, 1, 0))
WRITER(sys_write, syscall(SYS_write, c->fd[0], large, 10))
WRITER(sys_sendto, syscall(SYS_sendto, c->fd[0], large, 10, 0, NULL, 0))
WRITER(vmsplice, vmsplice(c->fd[0], v, 1, 0))
WRITER(large_write, write(c->fd[0], large, LARGE))
WRITER(larger_write, (v[0].iov_len = LARGE, v[1].iov_len = LARGE, writev(c->fd[0], v, 2)))
WRITER(large_send, send(c->fd[0], large, LARGE, 0))
WRITER(large_sendmsg, (v[0].iov_len = LARGE, v[1].iov_len = LARGE, sendmsg(c->fd[0], &m, 0)))

static long do_sendfile(struct cell *c)
{
    int fd = memfd_create("data", MFD_CLOEXEC);
    off_t at = 0;
    must(write(fd, large, 10) == 10, "write");
    c->extra[0] = fd;
    return sendfile(c->fd[0], fd, &at, 10);
}

static long do_splice_out(struct cell *c)
{
    int p[2];
    must(pipe2(p, O_CLOEXEC) == 0 && write(p[1], large, 10) == 10, "make a pipe");
    c->extra[0] = p[0];
    c->extra[1] = p[1];
    return splice(p[0], NULL, c->fd[0], NULL, 10, 0);
}

/* ---- others ---- */

static long accepted(long fd)
{
    if (fd < 0)
        return fd;
    close((int)fd);
    return 0;
}
static long do_accept(struct cell *c) { return accepted(accept(c->fd[0], NULL, NULL)); }
static long do_accept4(struct cell *c) { return accepted(accept4(c->fd[0], NULL, NULL, SOCK_CLOEXEC)); }
static long do_sys_accept(struct cell *c) { return accepted(syscall(SYS_accept, c->fd[0], NULL, NULL)); }
static long do_connect(struct cell *c) { return connect(c->fd[0], c->state, (socklen_t)c->number); }
static long do_sys_connect(struct cell *c) { return syscall(SYS_connect, c->fd[0], c->state, c->number); }
static long do_event_write(struct cell *c) { uint64_t one = 1; return write(c->fd[0], &one, sizeof one); }
static long do_eventfd_write(struct cell *c) { return eventfd_write(c->fd[0], 1); }
static long do_eventfd_read(struct cell *c) { eventfd_t n; return eventfd_read(c->fd[0], &n); }
static long do_read8(struct cell *c) { uint64_t n; return read(c->fd[0], &n, sizeof n); }
static long do_read_watch(struct cell *c) { struct inotify_event e; return read(c->fd[0], &e, sizeof e); }
static long do_read_line(struct cell *c) { return read(c->fd[0], c->got, 3); }

static short direction(struct cell *c)
{
    return c->row->thing == &out_pipe || c->row->thing == &out_pair ? POLLOUT : POLLIN;
}

static long polled(struct cell *c, long r, short revents)
{
    if (r > 0)
        snprintf(c->got, sizeof c->got, "%x", (unsigned)revents);
    return r;
}

static long do_poll(struct cell *c)
{
    struct pollfd p = {c->fd[0], direction(c), 0};
    long r = poll(&p, 1, -1);
    return polled(c, r, p.revents);
}

static long do_ppoll(struct cell *c)
{
    struct pollfd p = {c->fd[0], direction(c), 0};
    struct timespec t = {1000, 0};
    long r = ppoll(&p, 1, &t, NULL);
    return polled(c, r, p.revents);
}

static long do_sys_poll(struct cell *c)
{
    struct pollfd p = {c->fd[0], direction(c), 0};
    long r = syscall(SYS_poll, &p, 1, -1);
    return polled(c, r, p.revents);
}

static long do_select(struct cell *c)
{
    fd_set s;
    FD_ZERO(&s);
    FD_SET(c->fd[0], &s);
    return direction(c) == POLLIN ? select(c->fd[0] + 1, &s, NULL, NULL, NULL) : select(c->fd[0] + 1, NULL, &s, NULL, NULL);
}

static long do_pselect(struct cell *c)
{
    fd_set s;
    struct timespec t = {1000, 0};
    FD_ZERO(&s);
    FD_SET(c->fd[0], &s);
    return direction(c) == POLLIN ? pselect(c->fd[0] + 1, &s, NULL, NULL, &t, NULL) : pselect(c->fd[0] + 1, NULL, &s, NULL, &t, NULL);
}

static long epolled(struct cell *c, long (*wait)(int, struct epoll_event *))
{
    struct epoll_event e;
    long r;
    int error;
    memset(&e, 0, sizeof e);
    e.events = (uint32_t)direction(c);
    e.data.u64 = 0;
    c->extra[3] = epoll_create1(EPOLL_CLOEXEC);
    must(epoll_ctl(c->extra[3], EPOLL_CTL_ADD, c->fd[0], &e) == 0, "watch");
    r = wait(c->extra[3], &e);
    error = errno;
    polled(c, r, (short)e.events);
    errno = error;
    return r;
}
static long wait_epoll(int fd, struct epoll_event *e) { return epoll_wait(fd, e, 1, -1); }
static long wait_epoll_mask(int fd, struct epoll_event *e) { sigset_t none; sigemptyset(&none); return epoll_pwait(fd, e, 1, 1000000, &none); }
static long wait_epoll_exact(int fd, struct epoll_event *e) { struct timespec t = {1000, 0}; return epoll_pwait2(fd, e, 1, &t, NULL); }
static long do_epoll_wait(struct cell *c) { return epolled(c, wait_epoll); }
static long do_epoll_pwait(struct cell *c) { return epolled(c, wait_epoll_mask); }
static long do_epoll_pwait2(struct cell *c) { return epolled(c, wait_epoll_exact); }

/* Each child's set is another; what is closed is in no set any more. */
/* And it takes only what can be waited for. */
enum { POLLS = BIT(NONBLOCK), SELECTS = POLLS | BIT(BADFD), OWN_SET = REFUSED | BIT(TWICE) | BIT(CLOSE) | BIT(OVER) };

/* The kernel waits, whatever becomes of the number or of the socket. */
enum { AWAY = BIT(CLOSE) | BIT(OVER) | BIT(SHUT) };

static const struct row rows[] = {
    {"read", do_read, &in_pipe, 0, 0, 0},
    {"__read_chk", do_read_chk, &in_pipe, 0, 0, 0},
    {"readv", do_readv, &in_pipe, 0, 0, 0},
    {"preadv2", do_preadv2, &in_pipe, 0, 0, 0},
    {"syscall(read)", do_sys_read, &in_pipe, 0, NO_POINT, 0},
    {"syscall(readv)", do_sys_readv, &in_pipe, 0, NO_POINT, 0},
    {"splice in", do_splice, &in_pipe, 0, 0, 0},
    {"tee in", do_tee, &in_pipe, 0, 0, 0},
    {"read of a socket", do_read, &in_pair, 0, 0, 0},
    {"readv of a socket", do_readv, &in_pair, 0, 0, 0},
    {"recv", do_recv, &in_pair, 0, 0, 0},
    {"__recv_chk", do_recv_chk, &in_pair, 0, 0, 0},
    {"recv, peek", do_recv_peek, &in_pair, 0, 0, 0},
    {"recvfrom", do_recvfrom, &in_pair, 0, 0, 0},
    {"recvmsg", do_recvmsg, &in_pair, 0, 0, 0},
    {"recvmmsg", do_recvmmsg, &in_pair, 0, 0, 0},
    {"syscall(recvfrom)", do_sys_recvfrom, &in_pair, 0, NO_POINT, 0},
    {"syscall(recvmsg)", do_sys_recvmsg, &in_pair, 0, NO_POINT, 0},
    {"recv, waitall", do_recv_all, &part_pair, 0, 0, 0},
    {"splice of a socket", do_splice, &in_pair, 0, 0, 0},
    {"read of tcp", do_read, &in_tcp, 0, 0, 0},
    {"recv of tcp", do_recv, &in_tcp, 0, 0, 0},
    {"recvmsg of tcp", do_recvmsg, &in_tcp, 0, 0, 0},
    {"read of datagrams", do_read, &in_dgram, 0, 0, 0},
    {"recvfrom of datagrams", do_recvfrom, &in_dgram, 0, 0, 0},
    {"recvmmsg of datagrams", do_recvmmsg, &in_dgram, 0, 0, 0},
    {"write", do_write, &out_pipe, 0, 0, 0},
    {"writev", do_writev, &out_pipe, 0, 0, 0},
    {"pwritev2", do_pwritev2, &out_pipe, 0, 0, 0},
    {"syscall(write)", do_sys_write, &out_pipe, 0, NO_POINT, 0},
    {"vmsplice", do_vmsplice, &out_pipe, 0, BIT(NONBLOCK), 0}, /* it wants a flag of its own */
    {"sendfile", do_sendfile, &out_pipe, 0, BIT(CANCEL), 0},
    {"splice out", do_splice_out, &out_pipe, 0, 0, 0},
    {"write of much", do_large_write, &large_pipe, 0, 0, 0},
    {"writev of much", do_larger_write, &large_pipe, 0, 0, 0},
    {"write to a socket", do_write, &out_pair, 0, 0, 0},
    {"send", do_send, &out_pair, 0, 0, 0},
    {"sendto", do_sendto, &out_pair, 0, 0, 0},
    {"sendmsg", do_sendmsg, &out_pair, 0, 0, 0},
    {"sendmmsg", do_sendmmsg, &out_pair, 0, 0, 0},
    {"syscall(sendto)", do_sys_sendto, &out_pair, 0, NO_POINT, 0},
    {"sendfile to a socket", do_sendfile, &out_pair, 0, BIT(CANCEL), 0},
    {"write of much to a socket", do_large_write, &large_pair, 0, 0, 0},
    {"send of much", do_large_send, &large_pair, 0, 0, 0},
    {"sendmsg of much", do_large_sendmsg, &large_pair, 0, 0, 0},
    {"accept", do_accept, &listening, 0, 0, 0},
    {"accept4", do_accept4, &listening, 0, 0, 0},
    {"syscall(accept)", do_sys_accept, &listening, 0, NO_POINT, 0},
    {"accept of tcp", do_accept, &tcp_listening, 0, 0, 0},
    {"connect", do_connect, &full_backlog, 0, AWAY, 0},
    {"syscall(connect)", do_sys_connect, &full_backlog, 0, NO_POINT | AWAY, 0},
    {"poll", do_poll, &in_pipe, POLLS, 0, 0},
    {"ppoll", do_ppoll, &in_pipe, POLLS, 0, 0},
    {"syscall(poll)", do_sys_poll, &in_pipe, POLLS, NO_POINT, 0},
    {"select", do_select, &in_pipe, SELECTS, 0, 0},
    {"pselect", do_pselect, &in_pipe, SELECTS, 0, 0},
    {"epoll_wait", do_epoll_wait, &in_pipe, OWN_SET, 0, 0},
    {"epoll_pwait", do_epoll_pwait, &in_pipe, OWN_SET, 0, 0},
    {"epoll_pwait2", do_epoll_pwait2, &in_pipe, OWN_SET, 0, 0},
    {"poll of a socket", do_poll, &in_pair, POLLS, 0, 0},
    {"select of a socket", do_select, &in_pair, SELECTS, 0, 0},
    {"epoll_wait of a socket", do_epoll_wait, &in_pair, OWN_SET, 0, 0},
    {"poll of tcp", do_poll, &in_tcp, POLLS, 0, 0},
    {"poll of a listener", do_poll, &listening, POLLS, 0, 0},
    {"poll to write", do_poll, &out_pipe, POLLS, 0, 0},
    {"select to write", do_select, &out_pair, SELECTS, BIT(SHUT), 0},
    {"epoll_wait to write", do_epoll_wait, &out_pair, OWN_SET | BIT(HANGUP), /* with or without POLLOUT */ 0, 0},
    {"read of an eventfd", do_read8, &event, 0, 0, 0},
    {"eventfd_read", do_eventfd_read, &event, 0, 0, 0},
    {"write to an eventfd", do_event_write, &full_event, 0, AWAY, 0},
    {"eventfd_write", do_eventfd_write, &full_event, 0, AWAY, 0},
    {"poll of an eventfd", do_poll, &event, POLLS, 0, 0},
    {"read of a timerfd", do_read8, &timer, 0, 0, 0},
    {"read of inotify", do_read_watch, &watch, 0, 0, 0},
    {"read of a terminal", do_read_line, &tty, 0, 0, 0},
    {"poll of a terminal", do_poll, &tty, POLLS | BIT(TWICE), 0, 0}, /* the kernel may still pass on the second line */
};

int main(int argc, char **argv)
{
    return run_table(rows, sizeof rows / sizeof *rows, argc, argv);
}
