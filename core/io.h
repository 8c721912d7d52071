/* Reading and writing: one attempt without blocking, by kind of descriptor, then a wait, then another attempt.
 * All return a count or -errno. self NULL: no fibers (solo with deadlines, kernel threads): the wait is a ppoll. */
#ifndef COAX_IO_H
#define COAX_IO_H

#include "core/config.h"
#include "core/fdtab.h"
#include "core/fiber.h"
#include "core/sys.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

/* The limits of one call. */
struct io_limit {
    uint64_t at; /* deadline, ns */
    int error;   /* what its passing means: ETIMEDOUT, or EAGAIN for the program's own SO_*TIMEO */
    bool counted;
    uint64_t turn;            /* its place in line: who is woken too early goes back to it; 0: not yet in line */
    struct wait_first *first; /* NULL: nothing: see sched.h */
    bool no_point;            /* no cancellation ends it */
    bool final; /* a handler ends it, whatever SA_RESTART says: some of it is done, or it has a time by SO_*TIMEO */
};

/* With an op: some of the work is done; the call is no cancellation point. */
enum { IO_PARTIAL = 1 << 8, IO_NO_POINT = 1 << 9 };

/* Waits until the descriptor may be ready in a direction: 0 or -errno (-ETIMEDOUT, -EAGAIN, -EINTR, -EBADF,
 * -ECANCELED, -E_DEADLINE, -E_CANCELLED). seq: the entry's before the attempt that failed. */
int io_wait(struct fiber *self, int fd, struct fd_entry *e, int dir, uint32_t seq, struct io_limit *limit,
            const char *call);
/* The limit of a call that begins now. */
void io_limit(struct io_limit *limit, int fd, struct fd_entry *e, int dir, unsigned op);

/* What ended a call that had done a part of its work: the call says how much, the next one why. */
void io_defer(struct fiber *self, struct fd_entry *e, int dir, long r);

/* When in its call an attempt is made: the kernel would not answer each time as it answers a new call. */
enum io_stage {
    IO_FIRST,
    IO_WAITED,
    IO_REST, /* some of the work is done */
    IO_AWAY  /* of a send on a datagram socket: it may wait */
};
/* One attempt: a count, -EAGAIN, or another error. */
typedef long io_attempt(int fd, struct fd_entry *e, void *arg, enum io_stage stage);
/* Of reading and writing (arg: a struct io_vec), accepting (a struct io_accepting). */
struct io_vec {
    const struct iovec *iov;
    int n;
};
struct io_accepting {
    struct sockaddr *addr;
    socklen_t *len;
    int flags;
};
/* A message of a socket that might wait needs an attempt; anything else is the kernel's to refuse. */
static inline bool io_may_wait(int fd, struct fd_entry *e, int flags)
{
    if (e == NULL || (flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) != 0)
        return false;
    int kind = fdtab_kind(fd, e);
    return kind == FD_STREAM || kind == FD_DGRAM;
}
/* Is one of the events there now, an error or a hangup: 1, 0, or -errno. */
int io_poll_now(int fd, short events);
long io_try_read(int fd, struct fd_entry *e, void *arg, enum io_stage stage);
/* A datagram socket that is shut down for reading says EAGAIN to an attempt and 0 to the call that would wait: true if
 * that call is to be made, it does not wait. */
bool io_ended(int fd, const struct fd_entry *e);
long io_try_write(int fd, struct fd_entry *e, void *arg, enum io_stage stage);
long io_try_accept(int fd, struct fd_entry *e, void *arg, enum io_stage stage);
/* A send that is not the first attempt of its call. */
long io_send_again(int fd, const struct fd_entry *e, const struct msghdr *msg, int flags, enum io_stage stage);
static inline long io_try_send(int fd, const struct fd_entry *e, const struct msghdr *msg, int flags,
                               enum io_stage stage)
{
    flags |= MSG_DONTWAIT;
    return likely(stage == IO_FIRST) ? sys(SYS_sendmsg, fd, msg, flags) : io_send_again(fd, e, msg, flags, stage);
}
/* poll calls the datagram socket writable, and yet a send would wait: for room at a receiver that the socket is not
 * connected to. That is the kernel's to wait for. */
long io_send_away(struct fiber *self, int fd, struct fd_entry *e, io_attempt *attempt, void *arg,
                  const struct io_limit *limit, const char *call);
/* Nothing tells when to ask again: -ETIMEDOUT after that many ns, or what has ended the pause. */
int io_pause(struct fiber *self, uint64_t ns, const char *call);
bool io_is_unix(int fd);
/* What ends a send that waits for this socket, if a new one would be told otherwise: -errno, or 0. */
long io_broken(int fd, const struct fd_entry *e);
/* A send that makes a connection (TCP Fast Open) has begun one, and would wait for it: r is -EINPROGRESS or -EALREADY.
 * Waits, 0 or -errno; r if it is nothing of the kind. */
long io_await_connection(struct fiber *self, int fd, struct fd_entry *e, const struct msghdr *msg, long r);
/* Begins a connect, without waiting whatever O_NONBLOCK says: -EINPROGRESS, or how it went. */
long io_begin_connect(int fd, const struct sockaddr *addr, socklen_t len);
/* After an accept. */
void io_accepted(int fd);
/* Attempt, wait, attempt, until the attempt says something else than -EAGAIN. Fails at once with -EAGAIN if the
 * program has made the descriptor non-blocking. */
long io_run(struct fiber *self, int fd, struct fd_entry *e, int dir, unsigned op, io_attempt *attempt, void *arg,
            const char *call);

/* The same for a read whose bytes all go to `room`, if that is not NULL: see handover.h. */
long io_run_read(struct fiber *self, int fd, struct fd_entry *e, io_attempt *attempt, void *arg, const char *call,
                 const struct iovec *room);

/* Nothing is there for a read, as far as is known here. */
bool io_knows_empty(const struct fd_entry *e);

long io_readv(struct fiber *self, int fd, const struct iovec *iov, int n, const char *call);
long io_writev(struct fiber *self, int fd, const struct iovec *iov, int n, const char *call);
long io_recvmsg(struct fiber *self, int fd, struct msghdr *msg, int flags, const char *call);
long io_sendmsg(struct fiber *self, int fd, const struct msghdr *msg, int flags, const char *call);
long io_recvfrom(struct fiber *self, int fd, void *buf, size_t n, int flags, struct sockaddr *addr, socklen_t *len);
long io_sendto(struct fiber *self, int fd, const void *buf, size_t n, int flags, const struct sockaddr *addr,
               socklen_t len);
long io_recvmmsg(struct fiber *self, int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout);
long io_sendmmsg(struct fiber *self, int fd, struct mmsghdr *msgs, unsigned n, int flags);
long io_accept(struct fiber *self, int fd, struct sockaddr *addr, socklen_t *len, int flags);
long io_connect(struct fiber *self, int fd, const struct sockaddr *addr, socklen_t len);

/* A deadline of a wait in poll has passed for this direction: says so once. A connect that was waited for is undone. */
bool io_take_expired(int fd, struct fd_entry *e, int dir);

/* Why the descriptor takes no call in this direction, 0 or -errno: it was aborted, or a deadline has passed in poll. */
static inline int io_refused(int fd, struct fd_entry *e, int dir)
{
    if (__builtin_expect(e->state == FD_ABORTED, 0))
        return -fdtab_extra(e)->abort_errno;
    return io_take_expired(fd, e, dir) ? -ETIMEDOUT : 0;
}

/* A non-blocking connect with a limit is still under way. */
bool io_connecting(int fd, struct fd_entry *e);
/* It has run out of its limit: undone, its error is ETIMEDOUT. */
bool io_connect_expired(int fd);
/* The socket is as after a failed connect. */
void io_undo_connect(int fd);

#endif
