/* libc as libev sees it (core/libev.rename): raw calls, waits in ns. libev keeps an array as long as its highest
 * descriptor, and ours lie high: it is shown small numbers instead, which lead to them. */
#include "core/log.h"
#include "core/rt.h"
#include "shim/real.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>

static long edge(long r)
{
    if (r >= 0)
        return r;
    errno = (int)-r;
    return -1;
}

/* Parts of libev that this loop never reaches: no watchers of children, signals and files, no timerfd, no pipe where
 * eventfd exists. Each is a name less that the loader looks up at the start of every program. */
static long refused(void)
{
    errno = ENOSYS;
    return -1;
}

#define UNREACHED(name)                                                                                                \
    long coax_ev_##name(void);                                                                                         \
    long coax_ev_##name(void) __attribute__((alias("refused")))
UNREACHED(waitpid);
UNREACHED(sigaction);
UNREACHED(signal);
UNREACHED(signalfd);
UNREACHED(sigprocmask);
UNREACHED(sigfillset);
UNREACHED(inotify_init);
UNREACHED(inotify_init1);
UNREACHED(inotify_add_watch);
UNREACHED(inotify_rm_watch);
UNREACHED(statfs);
UNREACHED(lstat);
UNREACHED(timerfd_create);
UNREACHED(timerfd_settime);
UNREACHED(pipe);
UNREACHED(dup2);

enum { SHOWN_MOST = 8 };

static struct {
    int fds[SHOWN_MOST];
    int n;
} shown;

int libev_show(int fd)
{
    if (fd < 0 || shown.n == SHOWN_MOST)
        return fd < 0 ? fd : -EMFILE;
    shown.fds[shown.n] = fd;
    return shown.n++;
}

void libev_forget(void)
{
    shown.n = 0;
}

static int fd_of(int number)
{
    return number >= 0 && number < shown.n ? shown.fds[number] : -1;
}

/* What libev says before it gives up. */
extern FILE *coax_ev_stderr;
FILE *coax_ev_stderr;

void coax_ev_perror(const char *text);
void coax_ev_perror(const char *text)
{
    log_line(LOG_ERROR, "%s failed, error %d", text, errno);
}

int coax_ev_fprintf_chk(FILE *f, int flag, const char *format, ...);
int coax_ev_fprintf_chk(FILE *f, int flag, const char *format, ...)
{
    (void)f, (void)flag;
    log_line(LOG_ERROR, "%s", format);
    return 0;
}

ssize_t coax_ev_read(int fd, void *p, size_t n);
ssize_t coax_ev_read(int fd, void *p, size_t n)
{
    return edge(sys(SYS_read, fd_of(fd), p, n));
}

ssize_t coax_ev_write(int fd, const void *p, size_t n);
ssize_t coax_ev_write(int fd, const void *p, size_t n)
{
    return edge(sys(SYS_write, fd_of(fd), p, n));
}

int coax_ev_close(int fd);
int coax_ev_close(int fd)
{
    fdtab_forget_own(fd_of(fd));
    return (int)edge(sys(SYS_close, fd_of(fd)));
}

int coax_ev_poll(struct pollfd *p, nfds_t n, int timeout);
int coax_ev_poll(struct pollfd *p, nfds_t n, int timeout)
{
    return (int)edge(sys(SYS_poll, p, n, timeout));
}

int coax_ev_select(int n, fd_set *r, fd_set *w, fd_set *x, struct timeval *t);
int coax_ev_select(int n, fd_set *r, fd_set *w, fd_set *x, struct timeval *t)
{
    return (int)edge(sys(SYS_select, n, r, w, x, t));
}

/* libev asks in milliseconds, rounded up; the timers are ours and want nanoseconds. */
int coax_ev_epoll_wait(int fd, struct epoll_event *events, int most, int timeout);
int coax_ev_epoll_wait(int fd, struct epoll_event *events, int most, int timeout)
{
    uint64_t until = rt.loop.wait_until;
    fd = fd_of(fd);
    if (timeout == 0 || until == 0)
        return (int)edge(sys(SYS_epoll_pwait, fd, events, most, 0, NULL, 8));
    if (until == CLOCK_NEVER)
        return (int)edge(sys(SYS_epoll_pwait, fd, events, most, -1, NULL, 8));
    uint64_t now = clock_now();
    struct timespec left = clock_to_timespec(until > now ? until - now : 0);
    if (feature_on(FEATURE_EPOLL_PWAIT2)) {
        long r = sys(SYS_epoll_pwait2, fd, events, most, &left, NULL, 8);
        if (r != -ENOSYS && r != -EPERM)
            return (int)edge(r);
        feature_off(FEATURE_EPOLL_PWAIT2);
    }
    struct pollfd p = {fd, POLLIN, 0};
    long r = sys(SYS_ppoll, &p, 1, &left, NULL, 8);
    return r <= 0 ? (int)edge(r) : (int)edge(sys(SYS_epoll_pwait, fd, events, most, 0, NULL, 8));
}

int coax_ev_epoll_create1(int flags);
int coax_ev_epoll_create(int size);
int coax_ev_epoll_create(int size)
{
    (void)size;
    return coax_ev_epoll_create1(EPOLL_CLOEXEC);
}

int coax_ev_epoll_create1(int flags)
{
    rt.loop.backend = loop_own_fd((int)sys(SYS_epoll_create1, flags));
    return (int)edge(libev_show(rt.loop.backend));
}

int coax_ev_epoll_ctl(int fd, int op, int other, struct epoll_event *event);
int coax_ev_epoll_ctl(int fd, int op, int other, struct epoll_event *event)
{
    return (int)edge(sys(SYS_epoll_ctl, fd_of(fd), op, fd_of(other), event));
}

int coax_ev_eventfd(unsigned value, int flags);
int coax_ev_eventfd(unsigned value, int flags)
{
    return (int)edge(libev_show(loop_own_fd((int)sys(SYS_eventfd2, value, flags))));
}

int coax_ev_nanosleep(const struct timespec *t, struct timespec *left);
int coax_ev_nanosleep(const struct timespec *t, struct timespec *left)
{
    return (int)edge(sys(SYS_nanosleep, t, left));
}

int coax_ev_clock_gettime(clockid_t clock, struct timespec *t);
int coax_ev_clock_gettime(clockid_t clock, struct timespec *t)
{
    return real.clock_gettime(clock, t);
}

int coax_ev_fcntl(int fd, int cmd, long arg);
int coax_ev_fcntl(int fd, int cmd, long arg)
{
    return (int)edge(sys(SYS_fcntl, fd_of(fd), cmd, arg));
}

long coax_ev_syscall(long n, long a, long b, long c, long d, long e, long f);
long coax_ev_syscall(long n, long a, long b, long c, long d, long e, long f)
{
    return edge(sys6(n, a, b, c, d, e, f));
}
