/* poll, select, epoll_wait. */
#include "shim/hook.h"
#include "core/descriptor.h"
#include "core/mem.h"
#include "core/members.h"
#include "core/poll.h"

#include <limits.h>
#include <string.h>

static bool tracked(const struct fiber *self)
{
    return self != NULL || hook_limited();
}

/* A mask for the time of the call. Without fibers the kernel has it. */
struct mask_scope {
    struct fiber *self;
    uint64_t was;
    bool set;
};

/* 0 or -EFAULT. */
static long mask_begin(struct mask_scope *s, struct fiber *self, const sigset_t *mask)
{
    uint64_t want = 0;
    *s = (struct mask_scope){self, 0, mask != NULL};
    if (mask == NULL)
        return 0;
    if (!mem_readable(mask, sizeof want))
        return -EFAULT;
    memcpy(&want, mask, sizeof want);
    if (self != NULL) {
        self->sig.interrupted = false;
        self->sig.masked = true;
        s->was = signals_set_mask(self, want);
    } else {
        (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &want, &s->was, 8);
    }
    return 0;
}

static void mask_end(const struct mask_scope *s)
{
    if (!s->set)
        return;
    if (s->self != NULL) {
        s->self->sig.masked = false;
        signals_set_mask(s->self, s->was);
    } else {
        (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &s->was, NULL, 8);
    }
}

/* ---- poll ---- */

struct polling {
    struct pollfd *fds;
    nfds_t n;
};

static long try_poll(void *arg)
{
    const struct polling *p = arg;
    return sys(SYS_poll, p->fds, p->n, 0);
}

/* As a poll that begins just now would find it. */
static long say_closed(struct polling *p, int fd)
{
    long count = 0;
    for (nfds_t i = 0; i < p->n; i++) {
        p->fds[i].revents = p->fds[i].fd == fd ? POLLNVAL : 0;
        count += p->fds[i].fd == fd;
    }
    return count;
}

static long poll_at(struct fiber *self, struct pollfd *fds, nfds_t n, uint64_t at, const char *call)
{
    struct polling p = {fds, n};
    int expired;
    long r = try_poll(&p);
    expired = r == 0 ? poll_find_expired(fds, (unsigned)n) : -1;
    if ((r != 0 || at == 0) && expired < 0)
        return r;
    if (expired < 0)
        r = poll_run(self, fds, (unsigned)n, NULL, at, try_poll, &p, call, &expired);
    if (expired >= 0 && r == 0) {
        fds[expired].revents = poll_expire(fds[expired].fd, fds[expired].events);
        r = 1;
    } else if (expired >= 0 && r == -EBADF) {
        r = say_closed(&p, fds[expired].fd);
    }
    return r;
}

static uint64_t at_ms(int ms)
{
    return ms < 0 ? CLOCK_NEVER : ms == 0 ? 0 : clock_after((uint64_t)ms * NS_PER_MS);
}

/* 0 and *at, or -errno. */
static int at_timespec(const struct timespec *t, uint64_t *at)
{
    *at = CLOCK_NEVER;
    if (t == NULL)
        return 0;
    if (!mem_readable(t, sizeof *t))
        return -EFAULT;
    if (t->tv_sec < 0 || t->tv_nsec < 0 || t->tv_nsec >= 1000000000)
        return -EINVAL;
    uint64_t ns = clock_from_timespec(t);
    *at = ns == 0 ? 0 : clock_after(ns);
    return 0;
}

GATED(int, poll, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout))
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self))
        return real.poll(fds, n, timeout);
    return (int)hook_result(poll_at(self, fds, n, at_ms(timeout), "poll"));
}
TWIN(__poll, poll);

EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
    if (size / sizeof *fds < n)
        return real.__poll_chk(fds, n, timeout, size); /* ends the program */
    return poll(fds, n, timeout);
}

GATED(int, ppoll, (struct pollfd * fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask),
      (fds, n, timeout, mask))
{
    struct fiber *self = hook_enter_cancel();
    uint64_t at;
    if (!tracked(self))
        return real.ppoll(fds, n, timeout, mask);
    long r = at_timespec(timeout, &at);
    struct mask_scope scope;
    if (r == 0)
        r = mask_begin(&scope, self, mask);
    if (r == 0) {
        r = poll_at(self, fds, n, at, "ppoll");
        mask_end(&scope);
    }
    return (int)hook_result(r);
}

EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t size)
{
    if (size / sizeof *fds < n)
        return real.__ppoll_chk(fds, n, timeout, mask, size); /* ends the program */
    return ppoll(fds, n, timeout, mask);
}

/* ---- select ---- */

/* The program's sets, kept: each attempt overwrites them. */
struct selecting {
    int n;
    fd_set *sets[3];      /* as given */
    unsigned long *saved; /* three copies of the words that n covers */
    size_t words;
};

static long try_select(void *arg)
{
    const struct selecting *s = arg;
    struct timeval now = {0, 0};
    for (int i = 0; i < 3; i++)
        if (s->sets[i] != NULL)
            memcpy(s->sets[i], s->saved + (size_t)i * s->words, s->words * sizeof(long));
    return sys(SYS_select, s->n, s->sets[0], s->sets[1], s->sets[2], &now);
}

static bool in_set(const struct selecting *s, int set, int fd)
{
    enum { BITS = 8 * sizeof(long) };
    return s->sets[set] != NULL && (s->saved[(size_t)set * s->words + (size_t)fd / BITS] >> fd % BITS & 1) != 0;
}

static unsigned watched(const struct selecting *s, struct pollfd *fds)
{
    unsigned n = 0;
    for (int fd = 0; fd < s->n; fd++) {
        short events = (short)((in_set(s, 0, fd) ? POLLIN : 0) | (in_set(s, 1, fd) ? POLLOUT : 0) |
                               (in_set(s, 2, fd) ? POLLPRI : 0));
        if (events == 0)
            continue;
        if (fds != NULL)
            fds[n] = (struct pollfd){fd, events, 0};
        n++;
    }
    return n;
}

static void mark_expired(const struct selecting *s, const struct pollfd *p)
{
    short events = poll_expire(p->fd, p->events);
    if ((events & POLLIN) != 0 && s->sets[0] != NULL)
        FD_SET(p->fd, s->sets[0]);
    if ((events & POLLOUT) != 0 && s->sets[1] != NULL)
        FD_SET(p->fd, s->sets[1]);
}

static long select_saved(struct fiber *self, struct selecting *s, uint64_t at, const char *call)
{
    unsigned n = watched(s, NULL);
    struct pollfd few[8], *fds = n <= countof(few) ? few : mem_map(n * sizeof *fds);
    int expired;
    if (fds == NULL)
        return -ENOMEM;
    watched(s, fds);
    long r = try_select(s);
    expired = r == 0 ? poll_find_expired(fds, n) : -1;
    if (r == 0 && expired < 0)
        r = poll_run(self, fds, n, NULL, at, try_select, s, call, &expired);
    if (expired >= 0 && r == 0) {
        mark_expired(s, &fds[expired]);
        r = 1;
    }
    if (fds != few)
        mem_unmap(fds, n * sizeof *fds);
    return r;
}

static long select_at(struct fiber *self, int n, fd_set *in, fd_set *out, fd_set *except, uint64_t at, const char *call)
{
    struct selecting s = {.n = n, .sets = {in, out, except}};
    unsigned long few[3 * FD_SETSIZE / (8 * sizeof(long))];
    if (n < 0)
        return -EINVAL;
    if (n > FD_CHUNK * FD_CHUNKS)
        n = s.n = FD_CHUNK * FD_CHUNKS;
    s.words = ((size_t)n + 8 * sizeof(long) - 1) / (8 * sizeof(long));
    size_t size = 3 * s.words * sizeof(long);
    s.saved = size <= sizeof few ? few : mem_map(size);
    if (s.saved == NULL)
        return -ENOMEM;
    long r = 0;
    for (int i = 0; i < 3; i++) {
        if (s.sets[i] == NULL || s.words == 0)
            continue;
        if (!mem_readable(s.sets[i], s.words * sizeof(long)))
            r = -EFAULT;
        else
            memcpy(s.saved + (size_t)i * s.words, s.sets[i], s.words * sizeof(long));
    }
    if (r == 0)
        r = select_saved(self, &s, at, call);
    if (r == -EINTR) /* the sets stay as they were */
        for (int i = 0; i < 3; i++)
            if (s.sets[i] != NULL)
                memcpy(s.sets[i], s.saved + (size_t)i * s.words, s.words * sizeof(long));
    if (s.saved != few)
        mem_unmap(s.saved, size);
    return r;
}

GATED(int, select,
      (int n, fd_set *restrict in, fd_set *restrict out, fd_set *restrict except, struct timeval *restrict timeout),
      (n, in, out, except, timeout))
{
    struct fiber *self = hook_enter_cancel();
    uint64_t at = CLOCK_NEVER;
    if (!tracked(self))
        return real.select(n, in, out, except, timeout);
    if (timeout != NULL) {
        if (!mem_readable(timeout, sizeof *timeout))
            return (int)hook_result(-EFAULT);
        if (timeout->tv_sec < 0 || timeout->tv_usec < 0)
            return (int)hook_result(-EINVAL);
        struct timespec t = {timeout->tv_sec + timeout->tv_usec / 1000000, timeout->tv_usec % 1000000 * 1000};
        at = t.tv_sec == 0 && t.tv_nsec == 0 ? 0 : clock_after(clock_from_timespec(&t));
    }
    long r = select_at(self, n, in, out, except, at, "select");
    if (timeout != NULL) { /* Linux tells what is left */
        uint64_t now = at == 0 || at == CLOCK_NEVER ? at : clock_now();
        struct timespec left = clock_to_timespec(at > now ? at - now : 0);
        if (at != CLOCK_NEVER)
            *timeout = (struct timeval){left.tv_sec, left.tv_nsec / 1000};
    }
    return (int)hook_result(r);
}
TWIN(__select, select);

GATED(int, pselect,
      (int n, fd_set *restrict in, fd_set *restrict out, fd_set *restrict except,
       const struct timespec *restrict timeout, const sigset_t *restrict mask),
      (n, in, out, except, timeout, mask))
{
    struct fiber *self = hook_enter_cancel();
    uint64_t at;
    if (!tracked(self))
        return real.pselect(n, in, out, except, timeout, mask);
    long r = at_timespec(timeout, &at);
    struct mask_scope scope;
    if (r == 0)
        r = mask_begin(&scope, self, mask);
    if (r == 0) {
        r = select_at(self, n, in, out, except, at, "pselect");
        mask_end(&scope);
    }
    return (int)hook_result(r);
}

/* ---- epoll ---- */

struct epolling {
    int fd;
    struct epoll_event *events;
    int most;
};

/* Nothing else is ready: a member that was aborted is. */
static long aborted_member(const struct epolling *p)
{
    struct epoll_event event;
    if (!members_find_aborted(p->fd, &event))
        return 0;
    if (!mem_writable(p->events, sizeof event))
        return -EFAULT;
    p->events[0] = event;
    return 1;
}

static long try_epoll(void *arg)
{
    const struct epolling *p = arg;
    bool aborted = unlikely(rt.fdtab.aborted != 0);
    int error = aborted ? descriptor_aborted(p->fd) : 0;
    if (error != 0)
        return -error;
    long r = sys(SYS_epoll_pwait, p->fd, p->events, p->most, 0, NULL, 8);
    return r == 0 && aborted ? aborted_member(p) : r;
}

/* The member whose limit has passed is told as epoll_wait would tell it. */
static long epoll_expired(const struct epolling *p, const struct pollfd *member)
{
    const struct fd_entry *e = fdtab_peek(member->fd);
    struct epoll_event event = {.events = (uint32_t)poll_expire(member->fd, member->events),
                                .data.u64 = fdtab_extra(e)->epoll_data};
    p->events[0] = event;
    return 1;
}

static long epoll_at(struct fiber *self, int fd, struct epoll_event *events, int most, uint64_t at, const char *call)
{
    struct epolling p = {fd, events, most};
    struct pollfd self_fd = {fd, POLLIN, 0}, few[16], *members = few;
    unsigned n = 0;
    int expired;
    long r = try_epoll(&p);
    if (r == 0 && rt.config.any_timeout) {
        n = fdtab_members(fd, few, countof(few));
        if (n > countof(few) && (members = mem_map(n * sizeof *members)) != NULL)
            n = fdtab_members(fd, members, n);
        if (members == NULL)
            n = 0;
    }
    struct poll_limits limits = {members, n};
    expired = r == 0 ? poll_find_expired(members, n) : -1;
    if (r == 0 && at != 0 && expired < 0)
        r = poll_run(self, &self_fd, 1, &limits, at, try_epoll, &p, call, &expired);
    if (expired >= 0 && r == 0)
        r = epoll_expired(&p, &members[expired]);
    if (members != few && members != NULL)
        mem_unmap(members, n * sizeof *members);
    return r;
}

/* Which descriptors a wait on the set stands for. */
GATED(int, epoll_ctl, (int set, int op, int fd, struct epoll_event *event), (set, op, fd, event))
{
    struct fiber *self = hook_enter();
    if (hook_refused(self, set))
        return -1;
    int r = real.epoll_ctl(set, op, fd, event);
    if (unlikely(rt.fdtab.aborted != 0) && r == 0)
        members_changed();
    if (r != 0 || !hook_limited())
        return r;
    if (op == EPOLL_CTL_DEL)
        fdtab_left(fd);
    else
        fdtab_joined(fd, set, event->events, event->data.u64);
    return r;
}

GATED(int, epoll_wait, (int fd, struct epoll_event *events, int most, int timeout), (fd, events, most, timeout))
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self))
        return real.epoll_wait(fd, events, most, timeout);
    return (int)hook_result(epoll_at(self, fd, events, most, at_ms(timeout), "epoll_wait"));
}

GATED(int, epoll_pwait, (int fd, struct epoll_event *events, int most, int timeout, const sigset_t *mask),
      (fd, events, most, timeout, mask))
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self))
        return real.epoll_pwait(fd, events, most, timeout, mask);
    struct mask_scope scope;
    long r = mask_begin(&scope, self, mask);
    if (r == 0) {
        r = epoll_at(self, fd, events, most, at_ms(timeout), "epoll_pwait");
        mask_end(&scope);
    }
    return (int)hook_result(r);
}

GATED(int, epoll_pwait2,
      (int fd, struct epoll_event *events, int most, const struct timespec *timeout, const sigset_t *mask),
      (fd, events, most, timeout, mask))
{
    struct fiber *self = hook_enter_cancel();
    uint64_t at;
    if (!tracked(self))
        return real.epoll_pwait2(fd, events, most, timeout, mask);
    long r = at_timespec(timeout, &at);
    struct mask_scope scope;
    if (r == 0)
        r = mask_begin(&scope, self, mask);
    if (r == 0) {
        r = epoll_at(self, fd, events, most, at, "epoll_pwait2");
        mask_end(&scope);
    }
    return (int)hook_result(r);
}

/* ---- eventfd ---- */

GATED(int, eventfd_read, (int fd, eventfd_t *value), (fd, value))
{
    if (hook_enter() == NULL && !hook_limited())
        return real.eventfd_read(fd, value);
    return read(fd, value, sizeof *value) == sizeof *value ? 0 : -1;
}

GATED(int, eventfd_write, (int fd, eventfd_t value), (fd, value))
{
    if (hook_enter() == NULL && !hook_limited())
        return real.eventfd_write(fd, value);
    return write(fd, &value, sizeof value) == sizeof value ? 0 : -1;
}
