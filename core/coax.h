/* coax.h: what libc has no words for, in a program that may run under coax.
 *
 * Nothing is linked. Each function here calls the shim, if the program runs under it; if not, coax_active() is 0 and
 * each does what its comment says: what libc has for it, or -1 with ENOSYS.
 *
 * Every function fails with -1 and errno unless its comment says otherwise. A thread is named by its pthread_t. Times
 * are seconds; one that is negative or not a number is EINVAL, one too large to count is for ever. Unless a comment
 * says otherwise any thread may call a function, a signal handler may not.
 *
 * For C89 and later, and C++; gcc and clang. A program whose libc is older than 2.34 links with -ldl and -pthread. */
#ifndef COAX_H
#define COAX_H

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* For coax_auto_yield: the interval in seconds, and when it last yielded (0: it has not begun). */
struct coax_auto_yield {
    double interval;
    double last;
};

/* Room for what the shim keeps while a function runs under a deadline or such. It ends in the program's own frame, so
 * that an exception may leave the function. */
struct coax_scope_ {
    void *room[8];
};

/* How calls are made that cannot be made without blocking. Where a method is an argument, -1 is the thread's own. */
enum coax_async_method {
    COAX_ASYNC_NONE,   /* in the thread that calls */
    COAX_ASYNC_DETACH, /* on another kernel thread than the one that runs the others */
    COAX_ASYNC_SWITCH  /* in the thread that calls; another kernel thread runs the others if the call blocks */
};

/* A function on a signal. The pointer leads nowhere. */
typedef struct coax_signal_handler coax_signal_handler;

/* For coax_pick_op: what to do, and how it went. */
enum coax_op_kind {
    COAX_OP_READ,
    COAX_OP_WRITE,
    COAX_OP_ACCEPT,
    COAX_OP_CONNECT,
    COAX_OP_WAIT_READ,
    COAX_OP_WAIT_WRITE,
    COAX_OP_SLEEP
};

struct coax_op {
    int kind;              /* enum coax_op_kind */
    int fd;                /* of all but the sleep */
    void *buf;             /* read, write */
    size_t size;           /* of buf */
    struct sockaddr *addr; /* connect: whom; accept: room for the peer's address, or NULL */
    socklen_t addrlen;     /* its size; after an accept, what it takes */
    double seconds;        /* sleep */
    ssize_t result;        /* of the one that was performed: as the call returns it, */
    int error;             /* and errno if that is -1 */
};

/* For coax_accept_n. */
struct coax_accepted {
    int fd;
    socklen_t addrlen;
    struct sockaddr_storage addr;
};

/* What the shim exports, its only symbol besides libc's names. Not for programs. Later versions only append. */
struct coax_functions {
    size_t size;
    const char *version;

    /* time */
    int (*sleep)(double seconds);
    int (*yield)(void);
    int (*auto_yield)(struct coax_auto_yield *y);
    int (*timeout)(double seconds);

    /* deadlines and cancellation */
    int (*begin_timeout)(struct coax_scope_ *s, double seconds);
    int (*begin_deadline)(struct coax_scope_ *s, const struct timespec *at);
    int (*begin_protect)(struct coax_scope_ *s);
    void (*end)(struct coax_scope_ *s);
    int (*cancel)(pthread_t thread);
    int (*join)(pthread_t thread, void **result);
    int (*pick)(const pthread_t *threads, size_t n, size_t *winner, void **result);
    ssize_t (*pick_op)(struct coax_op *ops, size_t n);

    /* values that are inherited, async method */
    int (*key_create)(int *key, void (*free_value)(void *));
    void *(*get_value)(int key);
    int (*begin_value)(struct coax_scope_ *s, int key, void *value);

    /* descriptors */
    int (*fd_state)(int fd);
    int (*fd_check)(int fd);
    int (*fd_abort)(int fd, int error);
    int (*fd_adopt)(int fd, int blocking, int set_flags);
    int (*fd_blocking)(int fd);
    int (*fd_set_blocking)(int fd, int blocking, int set_flags);

    /* sockets, directories, children */
    int (*wait_count)(void);
    ssize_t (*accept_n)(int fd, struct coax_accepted *accepted, size_t n, int *error);

    /* signals, notifications */
    coax_signal_handler *(*on_signal)(int signum, void (*fn)(int signum, void *arg), void *arg);
    int (*disable_signal_handler)(coax_signal_handler *handler);
    int (*signal_count)(void);
    int (*make_notification)(int once, void (*fn)(void *arg), void *arg);
    int (*send_notification)(int id);
    int (*stop_notification)(int id);
    int (*set_notification)(int id, void (*fn)(void *arg), void *arg);

    /* jobs, pool, processors, errors */
    int (*execute_job)(int method, void (*run)(void *job), void *job, int (*result)(void *job),
                       void (*free_job)(void *job));
    int (*pool_size)(void);
    int (*set_pool_size)(int size);
    int (*thread_count)(void);
    int (*thread_waiting_count)(void);
    int (*get_cpu)(void);
    void (*watch_errors)(int on);
    void (*failed_call)(int error, char *out, size_t size);

    /* async method */
    int (*default_async_method)(void);
    int (*set_default_async_method)(int method);
    int (*async_method)(void);
    int (*begin_async)(struct coax_scope_ *s, int method);
};

/* The shim's table if it has the member at this offset, else NULL. Looked up once, before main. */
static __inline__ const struct coax_functions *coax_table_(size_t offset)
{
    static const struct coax_functions *table;
    static int looked;
    if (!__atomic_load_n(&looked, __ATOMIC_ACQUIRE)) {
        int saved = errno;
        void *found = dlsym((void *)0 /* RTLD_DEFAULT */, "coax_functions");
        if (found == NULL)
            (void)dlerror();
        errno = saved;
        __atomic_store_n(&table, (const struct coax_functions *)found, __ATOMIC_RELAXED);
        __atomic_store_n(&looked, 1, __ATOMIC_RELEASE);
    }
    return table != NULL && table->size > offset ? table : NULL;
}

#define COAX_TABLE_(member) coax_table_(offsetof(struct coax_functions, member))

/* So that no signal handler is the first to look. */
static __attribute__((constructor, unused)) void coax_look_(void)
{
    (void)coax_table_(0);
}

static __inline__ int coax_unsupported_(void)
{
    errno = ENOSYS;
    return -1;
}

/* ---- is it there ---- */

/* 1 if the program runs under coax, else 0. Any thread, signal handlers too. */
static __inline__ int coax_active(void)
{
    return coax_table_(0) != NULL;
}

/* The version of the shim, as "0.1.0"; "" without one. Any thread, signal handlers too. */
static __inline__ const char *coax_version(void)
{
    const struct coax_functions *t = COAX_TABLE_(version);
    return t != NULL ? t->version : "";
}

/* ---- time ---- */

/* Without the shim: select, which sleeps as well and is declared in every dialect. */
static __inline__ int coax_sleep_bare_(double seconds)
{
    struct timeval t;
    if (!(seconds >= 0)) {
        errno = EINVAL;
        return -1;
    }
    if (seconds > 1e9)
        seconds = 1e9;
    t.tv_sec = (time_t)seconds;
    t.tv_usec = (suseconds_t)((seconds - (double)t.tv_sec) * 1e6 + 0.999999);
    if (t.tv_usec > 999999) {
        t.tv_sec++;
        t.tv_usec = 0;
    }
    return select(0, NULL, NULL, NULL, &t);
}

/* Sleeps, never less than asked. 0, or -1: EINVAL; EINTR, a signal handler ran. A cancellation point. Without the shim
 * the same. */
static __inline__ int coax_sleep(double seconds)
{
    const struct coax_functions *t = COAX_TABLE_(sleep);
    return t != NULL ? t->sleep(seconds) : coax_sleep_bare_(seconds);
}

/* Lets every thread that can run do so once. 0. Without the shim: sched_yield. */
static __inline__ int coax_yield(void)
{
    const struct coax_functions *t = COAX_TABLE_(yield);
    return t != NULL ? t->yield() : sched_yield();
}

static __inline__ double coax_now_bare_(void)
{
    int (*clock_of)(int, struct timespec *);
    struct timespec now;
    *(void **)(void *)&clock_of = dlsym((void *)0, "clock_gettime");
    if (clock_of == NULL || clock_of(1 /* CLOCK_MONOTONIC */, &now) != 0)
        return 0;
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Yields if y->interval seconds have passed since it last did (counted from the first call): 1; else returns at once:
 * 0. -1: EINVAL. Each thread has a struct of its own, { interval, 0 } at first. Without the shim: the same with
 * sched_yield. */
static __inline__ int coax_auto_yield(struct coax_auto_yield *y)
{
    const struct coax_functions *t = COAX_TABLE_(auto_yield);
    double now;
    if (t != NULL)
        return t->auto_yield(y);
    if (y == NULL || !(y->interval >= 0)) {
        errno = EINVAL;
        return -1;
    }
    now = coax_now_bare_();
    if (!(y->last > 0) || now - y->last < y->interval) {
        if (!(y->last > 0))
            y->last = now;
        return 0;
    }
    (void)sched_yield();
    y->last = coax_now_bare_();
    return 1;
}

/* Sleeps, then fails: -1 with ETIMEDOUT; or earlier as coax_sleep does. Without the shim the same. */
static __inline__ int coax_timeout(double seconds)
{
    const struct coax_functions *t = COAX_TABLE_(timeout);
    if (t != NULL)
        return t->timeout(seconds);
    if (coax_sleep_bare_(seconds) == 0)
        errno = ETIMEDOUT;
    return -1;
}

/* ---- deadlines and cancellation ----
 *
 * What can be ended: calls that wait for descriptors (reading, writing, connecting, accepting, polling), reading and
 * writing streams, sleeps, opening a FIFO or a leased file, pthread_join, condition variables, semaphores, waits for
 * children and for signals, the timed waits for mutexes and read-write locks, locks on files, System V and POSIX
 * message queues, System V semaphores, aio_suspend, looking up names, syscall(SYS_futex) on memory that processes
 * share. Not: an untimed wait for a lock (a stream's own, too), a barrier or pthread_once; an open by COAX_ASYNC_NONE,
 * by fopen or by syscall(); lio_listio; syscall(SYS_futex) on memory of the process's own. A condition variable that
 * processes share is ended by a deadline, not by coax_cancel. A call that is ended has not been performed, except that
 * a write which has written a part returns the count, and the next call fails. A call that need not wait succeeds. Who
 * is no fiber (a thread that libc made, or one with a kernel thread of its own) cannot be ended this way; programs
 * under --threads=kernel have none other. There these functions fail with ENOTSUP. */

static __inline__ void coax_scope_end_(struct coax_scope_ *s)
{
    const struct coax_functions *t = COAX_TABLE_(end);
    if (t != NULL)
        t->end(s);
}

#define COAX_SCOPE_(s) struct coax_scope_ s __attribute__((cleanup(coax_scope_end_))) = {{NULL}}

static __inline__ int coax_invalid_(void)
{
    errno = EINVAL;
    return -1;
}

/* Runs fn(arg) under a deadline so many seconds from now: the blocking call that is under way when it passes fails with
 * ETIMEDOUT, and so does every later one within fn. Nested, the earliest deadline holds; on return the outer one is
 * back; a jump or an exception may leave fn as well. Returns what fn returns, or -1: EINVAL; ENOTSUP; ENOSYS without
 * the shim; then fn did not run. */
static __inline__ int coax_with_timeout(double seconds, int (*fn)(void *), void *arg)
{
    const struct coax_functions *t = COAX_TABLE_(begin_timeout);
    COAX_SCOPE_(scope);
    if (t == NULL)
        return coax_unsupported_();
    if (fn == NULL)
        return coax_invalid_();
    return t->begin_timeout(&scope, seconds) != 0 ? -1 : fn(arg);
}

/* The same until a time of CLOCK_MONOTONIC. */
static __inline__ int coax_with_deadline(const struct timespec *at, int (*fn)(void *), void *arg)
{
    const struct coax_functions *t = COAX_TABLE_(begin_deadline);
    COAX_SCOPE_(scope);
    if (t == NULL)
        return coax_unsupported_();
    if (fn == NULL)
        return coax_invalid_();
    return t->begin_deadline(&scope, at) != 0 ? -1 : fn(arg);
}

/* The blocking call of the thread fails with ECANCELED; if it is in none now, the next one that would wait. One call
 * ends one call; a second before that changes nothing. 0, also if the thread has ended and not been joined. -1:
 * ENOTSUP; ENOSYS without the shim. */
static __inline__ int coax_cancel(pthread_t thread)
{
    const struct coax_functions *t = COAX_TABLE_(cancel);
    return t != NULL ? t->cancel(thread) : coax_unsupported_();
}

/* pthread_join, and says how it went: 0; or -1 with ECANCELED: joined, *result is stored, and coax_cancel has ended a
 * call of that thread. -1 otherwise: not joined, for the reasons of pthread_join, ETIMEDOUT by a deadline, or EINTR:
 * the caller itself was cancelled. result may be NULL. Without the shim: pthread_join. */
static __inline__ int coax_join(pthread_t thread, void **result)
{
    const struct coax_functions *t = COAX_TABLE_(join);
    int e;
    if (t != NULL)
        return t->join(thread, result);
    e = pthread_join(thread, result);
    if (e == 0)
        return 0;
    errno = e;
    return -1;
}

/* Runs fn(arg) so that coax_cancel and the deadlines around it leave it alone; a request is kept for the first wait
 * after it. Deadlines that are set inside hold. Returns what fn returns, or -1: EINVAL. Without the shim the same. */
static __inline__ int coax_protect(int (*fn)(void *), void *arg)
{
    const struct coax_functions *t = COAX_TABLE_(begin_protect);
    COAX_SCOPE_(scope);
    if (fn == NULL)
        return coax_invalid_();
    if (t != NULL)
        (void)t->begin_protect(&scope);
    return fn(arg);
}

/* Waits for the first of n threads to end, joins it and cancels the others as coax_cancel does; these are still to be
 * joined. *winner is its index, *result its result; either may be NULL. 0, or -1, and then nothing has been joined or
 * cancelled: EINVAL, n is 0, a thread is named twice, detached or joined by another; EDEADLK; ESRCH; ETIMEDOUT;
 * ECANCELED; ENOMEM; ENOTSUP; ENOSYS without the shim. A cancellation point. */
static __inline__ int coax_pick(const pthread_t *threads, size_t n, size_t *winner, void **result)
{
    const struct coax_functions *t = COAX_TABLE_(pick);
    return t != NULL ? t->pick(threads, n, winner, result) : coax_unsupported_();
}

/* Waits for the first of n operations that can be done, and performs exactly this one: its index is returned, its
 * result is in it. Nothing is done for the others: no byte is taken or sent, and a connect that has begun is undone. Of
 * several that can be done the first is. A read or write takes and gives what is possible without waiting, as with
 * O_NONBLOCK; time limits of the launcher do not apply. A connect sets O_NONBLOCK for a moment. One that fails has been
 * performed. -1, and none has: EINVAL, n is 0 or over 65536, or an operation is none; EINTR; ECANCELED; ETIMEDOUT by a
 * deadline; ENOMEM; ENOTSUP; ENOSYS without the shim. A cancellation point. */
static __inline__ ssize_t coax_pick_op(struct coax_op *ops, size_t n)
{
    const struct coax_functions *t = COAX_TABLE_(pick_op);
    return t != NULL ? t->pick_op(ops, n) : coax_unsupported_();
}

/* ---- values that are inherited ----
 *
 * A value holds within a function, for the thread that runs it and for the threads that are created meanwhile, and for
 * those that these create, as long as they live. */

typedef int coax_key;

/* A new key; there are 1024, and none is given back. When nobody can see a value any more, free_value(value) is called,
 * by the last thread that could (NULL: nothing is). 0, or -1: EINVAL; EAGAIN, there are no more; ENOSYS without the
 * shim. */
static __inline__ int coax_key_create(coax_key *key, void (*free_value)(void *))
{
    const struct coax_functions *t = COAX_TABLE_(key_create);
    if (t == NULL)
        return coax_unsupported_();
    return key == NULL ? coax_invalid_() : t->key_create(key, free_value);
}

/* The value, or NULL: there is none, or the thread is none of coax's. Never fails. Without the shim: NULL. */
static __inline__ void *coax_get_value(coax_key key)
{
    const struct coax_functions *t = COAX_TABLE_(get_value);
    return t != NULL ? t->get_value(key) : NULL;
}

/* Runs fn(arg) with another value of the key. Returns what fn returns, or -1: EINVAL; ENOMEM; ENOTSUP; ENOSYS without
 * the shim; then fn did not run, and the value is still the caller's. */
static __inline__ int coax_with_value(coax_key key, void *value, int (*fn)(void *), void *arg)
{
    const struct coax_functions *t = COAX_TABLE_(begin_value);
    COAX_SCOPE_(scope);
    if (t == NULL)
        return coax_unsupported_();
    if (fn == NULL)
        return coax_invalid_();
    return t->begin_value(&scope, key, value) != 0 ? -1 : fn(arg);
}

/* ---- async method ----
 *
 * Calls on files, names and directories have no form that does not block. How they are made is the thread's method:
 * COAX_ASYNC_NONE, in the thread, and the others wait until the call returns; COAX_ASYNC_DETACH, a call that is known
 * to wait (for a disk, or a network or user-space file system) is made away from the others, which go on at once, any
 * other in the thread, and the others go on 1 to 2 ms later if it blocks; COAX_ASYNC_SWITCH, always in the thread, and
 * the others go on some 50 us later if it blocks. A kernel thread of its own (see coax_cancel) makes all calls
 * itself. */

/* The method of threads that have none of their own: COAX_ASYNC_DETACH, or what COAX_ASYNC_METHOD and --async said.
 * Never fails. Without the shim COAX_ASYNC_NONE. Signal handlers too. */
static __inline__ int coax_default_async_method(void)
{
    const struct coax_functions *t = COAX_TABLE_(default_async_method);
    return t != NULL ? t->default_async_method() : (int)COAX_ASYNC_NONE;
}

/* Changes it, for threads that live already too. 0, or -1: EINVAL, it is none; ENOSYS without the shim. Signal handlers
 * too. */
static __inline__ int coax_set_default_async_method(int method)
{
    const struct coax_functions *t = COAX_TABLE_(set_default_async_method);
    return t != NULL ? t->set_default_async_method(method) : coax_unsupported_();
}

/* The method of the calling thread: its own, else the default. Never fails. Without the shim COAX_ASYNC_NONE. */
static __inline__ int coax_async_method(void)
{
    const struct coax_functions *t = COAX_TABLE_(async_method);
    return t != NULL ? t->async_method() : (int)COAX_ASYNC_NONE;
}

static __inline__ int coax_with_async_(int method, int (*fn)(void *), void *arg)
{
    const struct coax_functions *t = COAX_TABLE_(begin_async);
    COAX_SCOPE_(scope);
    if (fn == NULL)
        return coax_invalid_();
    return t != NULL && t->begin_async(&scope, method) != 0 ? -1 : fn(arg);
}

/* Runs fn(arg) with this method, for the thread and those that are created meanwhile. Returns what fn returns, or -1:
 * EINVAL, fn is NULL; ENOMEM; then fn did not run. Without the shim fn(arg). */
static __inline__ int coax_with_async_none(int (*fn)(void *), void *arg)
{
    return coax_with_async_(COAX_ASYNC_NONE, fn, arg);
}

/* The same with COAX_ASYNC_DETACH. */
static __inline__ int coax_with_async_detach(int (*fn)(void *), void *arg)
{
    return coax_with_async_(COAX_ASYNC_DETACH, fn, arg);
}

/* The same with COAX_ASYNC_SWITCH. */
static __inline__ int coax_with_async_switch(int (*fn)(void *), void *arg)
{
    return coax_with_async_(COAX_ASYNC_SWITCH, fn, arg);
}

/* ---- descriptors ---- */

enum coax_fd_state { COAX_FD_OPENED, COAX_FD_CLOSED, COAX_FD_ABORTED };

/* The state of a descriptor; a number that stands for none is COAX_FD_CLOSED. Never fails. Without the shim no
 * descriptor is COAX_FD_ABORTED. */
static __inline__ int coax_fd_state(int fd)
{
    const struct coax_functions *t = COAX_TABLE_(fd_state);
    int saved = errno, open;
    if (t != NULL)
        return t->fd_state(fd);
    open = fcntl(fd, F_GETFD) >= 0;
    errno = saved;
    return open ? COAX_FD_OPENED : COAX_FD_CLOSED;
}

/* 0, or -1: EBADF, it is closed; or what it was aborted with. Without the shim: 0 or EBADF. */
static __inline__ int coax_fd_check(int fd)
{
    const struct coax_functions *t = COAX_TABLE_(fd_check);
    if (t != NULL)
        return t->fd_check(fd);
    return fcntl(fd, F_GETFD) >= 0 ? 0 : -1;
}

/* Who waits on the descriptor fails now with this errno, and so does every later call on it by a fiber, except for
 * close, for dup2 onto it and for what only files have (lseek, fstat and such); poll and select say that it is ready,
 * and so does epoll_wait for a set that it is in, by EPOLLERR, if nothing else is (not for a set in that set). Again:
 * the errno is replaced. close ends it, and the number's next owner starts anew; a copy made by dup is a descriptor of
 * its own, and so is a child's of fork. 0, or -1: EBADF, it is closed; EINVAL, no such errno; ENOMEM; ENOTSUP, under
 * --threads=kernel; ENOSYS without the shim. */
static __inline__ int coax_fd_abort(int fd, int error)
{
    const struct coax_functions *t = COAX_TABLE_(fd_abort);
    return t != NULL ? t->fd_abort(fd, error) : coax_unsupported_();
}

/* 1 if a read (or write) would not wait, or would fail at once; else 0. -1 as coax_fd_check. Never waits. */
static __inline__ int coax_ready_(int fd, short events, int timeout)
{
    struct pollfd p;
    int r;
    if (coax_fd_check(fd) != 0)
        return -1;
    p.fd = fd;
    p.events = events;
    p.revents = 0;
    r = poll(&p, 1, timeout);
    if (r < 0 || (r > 0 && coax_fd_check(fd) != 0))
        return -1;
    if (r > 0 && (p.revents & POLLNVAL) != 0) {
        errno = EBADF;
        return -1;
    }
    return r > 0;
}

static __inline__ int coax_readable(int fd)
{
    return coax_ready_(fd, POLLIN, 0);
}

static __inline__ int coax_writable(int fd)
{
    return coax_ready_(fd, POLLOUT, 0);
}

static __inline__ int coax_wait_(int fd, short events)
{
    int r = coax_ready_(fd, events, -1);
    if (r == 0) /* --poll-timeout */
        errno = ETIMEDOUT;
    return r > 0 ? 0 : -1;
}

/* Waits until a read (or write) would not wait: 0; -1 as coax_fd_check, or for what ends a poll: EINTR, ECANCELED,
 * ETIMEDOUT. A cancellation point. Without the shim: poll. */
static __inline__ int coax_wait_read(int fd)
{
    return coax_wait_(fd, POLLIN);
}

static __inline__ int coax_wait_write(int fd)
{
    return coax_wait_(fd, POLLOUT);
}

/* 1 if calls on the descriptor block as those on files do, 0 if they are attempted and wait until it is ready; either
 * way other threads go on. By kind: sockets, pipes and FIFOs 0, all else 1. -1 as coax_fd_check. Without the shim: by
 * kind. */
static __inline__ int coax_fd_blocking(int fd)
{
    const struct coax_functions *t = COAX_TABLE_(fd_blocking);
    struct stat st;
    if (t != NULL)
        return t->fd_blocking(fd);
    if (fstat(fd, &st) != 0)
        return -1;
    return !S_ISFIFO(st.st_mode) && (st.st_mode & 0170000) != 0140000; /* no socket: not every dialect has the name */
}

/* Without the shim nobody waits for a descriptor that is non-blocking: the flag is only taken away. */
static __inline__ int coax_set_blocking_bare_(int fd, int blocking, int set_flags)
{
    int flags = fcntl(fd, F_GETFL);
    if (blocking < -1 || blocking > 1)
        return coax_invalid_();
    if (flags < 0)
        return -1;
    if (blocking != 1 || !set_flags || fd <= 2)
        return 0;
    return fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

/* Says which of the two it is: blocking 1 or 0, or -1 by kind. If set_flags is not 0, O_NONBLOCK is set or cleared
 * accordingly, which other processes may see; never on 0, 1 and 2. The program's calls wait as before, until it sets
 * the flag itself; a child of fork begins anew, and sees the flag. 0, or -1 as
 * coax_fd_check; EINVAL; ENOTSUP under --threads=kernel. Without the shim: O_NONBLOCK is cleared if that is asked for.
 */
static __inline__ int coax_fd_set_blocking(int fd, int blocking, int set_flags)
{
    const struct coax_functions *t = COAX_TABLE_(fd_set_blocking);
    return t != NULL ? t->fd_set_blocking(fd, blocking, set_flags) : coax_set_blocking_bare_(fd, blocking, set_flags);
}

/* The same for a descriptor that coax has not seen made (by a raw system call, or handed over by another process): what
 * is known of the number is forgotten, and its state is COAX_FD_OPENED. */
static __inline__ int coax_fd_adopt(int fd, int blocking, int set_flags)
{
    const struct coax_functions *t = COAX_TABLE_(fd_adopt);
    return t != NULL ? t->fd_adopt(fd, blocking, set_flags) : coax_set_blocking_bare_(fd, blocking, set_flags);
}

/* A pipe whose fds[0] (or fds[1], for coax_pipe_out) is the program's own, and whose other end is for a child: that one
 * is blocking. 0, or -1 as pipe. Without the shim: pipe. */
static __inline__ int coax_pipe_in(int fds[2])
{
    if (pipe(fds) != 0)
        return -1;
    (void)coax_fd_set_blocking(fds[1], 1, 0);
    return 0;
}

static __inline__ int coax_pipe_out(int fds[2])
{
    if (pipe(fds) != 0)
        return -1;
    (void)coax_fd_set_blocking(fds[0], 1, 0);
    return 0;
}

enum coax_event { COAX_READ = 1, COAX_WRITE = 2 };

/* What an action of coax_wrap_syscall may return: try again when the descriptor is ready, for the same event or for the
 * one that is named. */
enum { COAX_RETRY = -1001, COAX_RETRY_READ = -1002, COAX_RETRY_WRITE = -1003 };

typedef ssize_t (*coax_action)(void *arg);

/* Waits until the descriptor is ready for the event, then calls action(arg), again and again while that says
 * COAX_RETRY...; returns what else it says (-1 with its errno, too). The state of the descriptor is looked at before
 * each call. -1 without the action having been called: EINVAL; as coax_fd_check; EINTR, ECANCELED, ETIMEDOUT as
 * coax_wait_read. Without the shim the same. */
static __inline__ ssize_t coax_register_action(int event, int fd, coax_action action, void *arg)
{
    ssize_t r;
    if (action == NULL || (event != COAX_READ && event != COAX_WRITE))
        return coax_invalid_();
    do {
        if ((event == COAX_READ ? coax_wait_read(fd) : coax_wait_write(fd)) != 0)
            return -1;
        r = action(arg);
        if (r == COAX_RETRY_READ)
            event = COAX_READ;
        if (r == COAX_RETRY_WRITE)
            event = COAX_WRITE;
    } while (r == COAX_RETRY || r == COAX_RETRY_READ || r == COAX_RETRY_WRITE);
    return r;
}

/* The same, but the first call is made at once. */
static __inline__ ssize_t coax_wrap_syscall(int event, int fd, coax_action action, void *arg)
{
    ssize_t r;
    if (action == NULL || (event != COAX_READ && event != COAX_WRITE))
        return coax_invalid_();
    if (coax_fd_check(fd) != 0)
        return -1;
    r = action(arg);
    if (r == COAX_RETRY)
        return coax_register_action(event, fd, action, arg);
    if (r == COAX_RETRY_READ || r == COAX_RETRY_WRITE)
        return coax_register_action(r == COAX_RETRY_READ ? COAX_READ : COAX_WRITE, fd, action, arg);
    return r;
}

/* ---- sockets, directories, children ---- */

/* How many threads wait for a child now. Never fails. Without the shim: 0. */
static __inline__ int coax_wait_count(void)
{
    const struct coax_functions *t = COAX_TABLE_(wait_count);
    return t != NULL ? t->wait_count() : 0;
}

static __inline__ int coax_accept_one_(int fd, struct coax_accepted *a)
{
    a->addrlen = sizeof a->addr;
    a->fd = accept(fd, (struct sockaddr *)&a->addr, &a->addrlen);
    return a->fd < 0 ? -1 : 0;
}

/* Waits for one connection, then takes those that are there, up to n, with the peers' addresses. Returns how many;
 * *error (may be NULL) is 0, or the errno that ended it after at least one. -1: none was taken, errno (and *error) says
 * why: EINVAL, n is 0; as accept. A cancellation point. Without the shim the same, except that it may wait once more if
 * another process takes a connection between the look and the call. */
static __inline__ ssize_t coax_accept_n(int fd, struct coax_accepted *accepted, size_t n, int *error)
{
    const struct coax_functions *t = COAX_TABLE_(accept_n);
    size_t done;
    int e = 0, saved = errno;
    struct pollfd p;
    if (t != NULL)
        return t->accept_n(fd, accepted, n, error);
    if (accepted == NULL || n == 0)
        return coax_invalid_();
    p.fd = fd;
    p.events = POLLIN;
    for (done = 0; done < n && e == 0; done += e == 0) {
        if (done > 0 && poll(&p, 1, 0) != 1)
            break;
        e = coax_accept_one_(fd, &accepted[done]) == 0 ? 0 : errno;
    }
    if (error != NULL)
        *error = e;
    errno = done > 0 ? saved : e;
    return done > 0 ? (ssize_t)done : -1;
}

enum { COAX_FDS_MOST = 253 }; /* in one message */

union coax_control_ {
    struct cmsghdr head;
    char room[CMSG_SPACE(COAX_FDS_MOST * sizeof(int))];
};

/* sendmsg with descriptors beside the data: how many bytes were sent, or -1: EINVAL, nfds is over 253, or fds is NULL
 * and nfds is not 0; as sendmsg. A cancellation point. Without the shim the same. */
static __inline__ ssize_t coax_send_msg(int socket, const struct iovec *iov, int iovcnt, const int *fds, size_t nfds)
{
    union coax_control_ control;
    struct msghdr m;
    if (nfds > COAX_FDS_MOST || (fds == NULL && nfds > 0) || iovcnt < 0)
        return coax_invalid_();
    memset(&m, 0, sizeof m);
    m.msg_iov = (struct iovec *)iov;
    m.msg_iovlen = (size_t)iovcnt;
    if (nfds > 0) {
        memset(&control, 0, sizeof control);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(nfds * sizeof(int));
        memcpy(CMSG_DATA(&control.head), fds, nfds * sizeof(int));
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
    }
    return sendmsg(socket, &m, 0);
}

/* recvmsg with the descriptors that come with the data: *nfds is how many there is room for (253 count), then how many
 * came; those for which there is no room are closed. fds and nfds may be NULL. Returns how many bytes, or -1: EINVAL;
 * as recvmsg. A cancellation point. Without the shim the same. */
static __inline__ ssize_t coax_recv_msg(int socket, const struct iovec *iov, int iovcnt, int *fds, size_t *nfds)
{
    union coax_control_ control;
    struct msghdr m;
    struct cmsghdr *c;
    size_t room = fds == NULL || nfds == NULL ? 0 : *nfds, got = 0;
    ssize_t r;
    if (iovcnt < 0)
        return coax_invalid_();
    if (room > COAX_FDS_MOST)
        room = COAX_FDS_MOST;
    memset(&m, 0, sizeof m);
    m.msg_iov = (struct iovec *)iov;
    m.msg_iovlen = (size_t)iovcnt;
    if (room > 0) {
        m.msg_control = &control;
        m.msg_controllen = CMSG_LEN(room * sizeof(int));
    }
    r = recvmsg(socket, &m, 0);
    if (r < 0)
        return r;
    for (c = room > 0 ? CMSG_FIRSTHDR(&m) : NULL; c != NULL; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        got = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(c), got * sizeof(int));
    }
    if (nfds != NULL)
        *nfds = got;
    return r;
}

struct coax_credentials {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

/* Who is at the other end of a local socket: 0, or -1: EINVAL; ENOTSUP, another kind of socket; as getsockopt. Without
 * the shim the same. */
static __inline__ int coax_get_credentials(int fd, struct coax_credentials *credentials)
{
    socklen_t size = sizeof *credentials;
    if (credentials == NULL)
        return coax_invalid_();
    if (getsockopt(fd, SOL_SOCKET, 17 /* SO_PEERCRED */, credentials, &size) != 0)
        return -1;
    if (credentials->uid == (uid_t)-1) {
        errno = ENOTSUP;
        return -1;
    }
    return 0;
}

/* Up to n entries of a directory; less than n: that was the end. -1: EINVAL; as readdir, if there is an error before
 * the first. Without the shim the same. */
static __inline__ ssize_t coax_readdir_n(DIR *dir, struct dirent *entries, size_t n)
{
    size_t done = 0;
    int saved = errno;
    if (dir == NULL || entries == NULL || n == 0)
        return coax_invalid_();
    while (done < n) {
        const struct dirent *e;
        errno = 0;
        e = readdir(dir);
        if (e == NULL && errno != 0 && done == 0)
            return -1;
        if (e == NULL)
            break;
        memcpy(&entries[done++], e, e->d_reclen < sizeof *e ? e->d_reclen : sizeof *e);
    }
    errno = saved;
    return (ssize_t)done;
}

/* Calls each(entry, arg) for the entries of a directory, "." and ".." too, until it returns something else than 0,
 * which is then returned. 0 at the end, or -1: EINVAL; as opendir and readdir. Without the shim the same. */
static __inline__ int coax_files_of_directory(const char *path, int (*each)(const struct dirent *, void *arg),
                                              void *arg)
{
    DIR *dir;
    struct dirent entry;
    ssize_t n;
    int r = 0, e;
    if (path == NULL || each == NULL)
        return coax_invalid_();
    dir = opendir(path);
    if (dir == NULL)
        return -1;
    while (r == 0 && (n = coax_readdir_n(dir, &entry, 1)) != 0)
        r = n < 0 ? -1 : each(&entry, arg);
    e = errno;
    (void)closedir(dir);
    errno = e;
    return r;
}

/* ---- errors ---- */

/* Runs fn(arg). If that is -1, prints "program: call(argument): message" for its errno on standard error and exits with
 * status 2. The call is the last one of the thread that failed with this errno, and the argument its first; without the
 * shim, or if coax does not see the call, "program: message". Returns what fn returns, or -1: EINVAL, fn is NULL. */
static __inline__ int coax_handle_unix_error(int (*fn)(void *), void *arg)
{
    const struct coax_functions *t = COAX_TABLE_(failed_call);
    int r;
    if (fn == NULL)
        return coax_invalid_();
    if (t != NULL)
        t->watch_errors(1);
    r = fn(arg);
    if (r == -1) {
        int e = errno;
        char call[256], **name = (char **)dlsym((void *)0, "program_invocation_name");
        call[0] = '\0';
        if (t != NULL)
            t->failed_call(e, call, sizeof call);
        fprintf(stderr, "%s: %s%s%s\n", name != NULL ? *name : "program", call, call[0] != '\0' ? ": " : "",
                strerror(e));
        exit(2);
    }
    if (t != NULL)
        t->watch_errors(0);
    return r;
}

/* ---- signals ---- */

/* Calls fn(signum, arg) on a thread of coax, as a notification is called, each time the process handles the signal: a
 * thread that does not block it takes it. The program's own handler runs as before, and sigaction shows and sets the
 * program's own disposition; where that is SIG_DFL or SIG_IGN, nothing but fn happens. Several functions on one signal
 * are called in the order of their registration. What sigwait takes is not seen; of a standard signal that is sent
 * again before it is handled one is seen, as always. A fault of the program itself ends it as without fn.
 *
 * A child of fork has none of the functions: its dispositions are the program's own.
 *
 * NULL with errno: EINVAL, no such signal, SIGKILL, SIGSTOP, or fn is NULL; ENOMEM; EAGAIN; ENOTSUP, there are no
 * fibers
 * (--threads=kernel); ENOSYS without the shim. */
static __inline__ coax_signal_handler *coax_on_signal(int signum, void (*fn)(int signum, void *arg), void *arg)
{
    const struct coax_functions *t = COAX_TABLE_(on_signal);
    if (t != NULL)
        return t->on_signal(signum, fn, arg);
    (void)coax_unsupported_();
    return NULL;
}

/* The function is not called any more; a call that is under way goes on. With the last one of a signal the program's
 * own disposition is in force again. 0, or -1: ENOENT, there is none (any more, or in a child of fork); ENOSYS without
 * the shim. */
static __inline__ int coax_disable_signal_handler(coax_signal_handler *handler)
{
    const struct coax_functions *t = COAX_TABLE_(disable_signal_handler);
    return t != NULL ? t->disable_signal_handler(handler) : coax_unsupported_();
}

/* How many functions are registered, on all signals. 0 without the shim. Signal handlers too. */
static __inline__ int coax_signal_count(void)
{
    const struct coax_functions *t = COAX_TABLE_(signal_count);
    return t != NULL ? t->signal_count() : 0;
}

/* ---- notifications ---- */

/* A number, above 0, for coax_send_notification: each time it is sent, fn(arg) is called, on a thread of coax that
 * calls one function after the other, in the order of the sends. fn may call and wait for anything; meanwhile other
 * functions wait, the program's threads do not. All signals are blocked in it. The thread is none of the program's: the
 * process ends without it. pthread_exit ends the call. once: it stops by itself, before its first call.
 *
 * A number is not used again. 65,536 can be there at a time. A child of fork has the same ones, without what was sent
 * before; there they are called once the child has made a thread, or has called a function of this file that needs
 * fibers: what is sent until then waits.
 *
 * -1: EINVAL, fn is NULL; EAGAIN, too many, or no thread can be had; ENOMEM; ENOTSUP, there are no fibers
 * (--threads=kernel); ENOSYS without the shim. */
static __inline__ int coax_make_notification(int once, void (*fn)(void *arg), void *arg)
{
    const struct coax_functions *t = COAX_TABLE_(make_notification);
    return t != NULL ? t->make_notification(once, fn, arg) : coax_unsupported_();
}

/* Sends it: its function will be called once for this. Any thread, kernel threads that coax did not make too, and
 * signal handlers. 0, or -1: ENOENT, there is none with this number (any more); EAGAIN, a million wait already; ENOSYS
 * without the shim. */
static __inline__ int coax_send_notification(int id)
{
    const struct coax_functions *t = COAX_TABLE_(send_notification);
    return t != NULL ? t->send_notification(id) : coax_unsupported_();
}

/* What was sent and not called yet is forgotten; no call begins any more. One that is under way goes on: its argument
 * must stay. 0, or -1: ENOENT; ENOSYS without the shim. */
static __inline__ int coax_stop_notification(int id)
{
    const struct coax_functions *t = COAX_TABLE_(stop_notification);
    return t != NULL ? t->stop_notification(id) : coax_unsupported_();
}

/* Another function and argument, for what was sent and not called yet too. 0, or -1: EINVAL, fn is NULL; ENOENT; ENOSYS
 * without the shim. */
static __inline__ int coax_set_notification(int id, void (*fn)(void *arg), void *arg)
{
    const struct coax_functions *t = COAX_TABLE_(set_notification);
    return t != NULL ? t->set_notification(id, fn, arg) : coax_unsupported_();
}

/* ---- jobs and the pool ---- */

/* Calls run(job), then result(job), whose value it returns, then free_job(job). run is called as `method` says
 * (enum coax_async_method; -1: the thread's own) and must be content with any thread: COAX_ASYNC_DETACH calls it on a
 * helper, where no call of it is cooperative, all signals are blocked, and its pthread_self is the helper's. If no
 * helper can be had, the caller does it. result and free_job are called in the caller. result may be NULL: 0; so may
 * free_job.
 *
 * With COAX_ASYNC_DETACH the caller's wait can be ended, by coax_cancel, a deadline or pthread_cancel: -1 with
 * ECANCELED or ETIMEDOUT, at once, and result is not called. A job that has not begun is not run. One that is under way
 * goes on, keeps its memory, and the helper calls free_job when run has returned. free_job is called once in any case
 * but EINVAL.
 *
 * -1: also EINVAL, run is NULL or the method is none; ENOMEM; and when result says so. A cancellation point. Without
 * the shim, in the caller. */
static __inline__ int coax_execute_job(int method, void (*run)(void *job), void *job, int (*result)(void *job),
                                       void (*free_job)(void *job))
{
    const struct coax_functions *t = COAX_TABLE_(execute_job);
    int value;
    if (t != NULL)
        return t->execute_job(method, run, job, result, free_job);
    if (run == NULL || method < -1 || method > (int)COAX_ASYNC_SWITCH) {
        errno = EINVAL;
        return -1;
    }
    run(job);
    value = result != NULL ? result(job) : 0;
    if (free_job != NULL)
        free_job(job);
    return value;
}

/* Most helper threads at a time. 0 without the shim. Signal handlers too. */
static __inline__ int coax_pool_size(void)
{
    const struct coax_functions *t = COAX_TABLE_(pool_size);
    return t != NULL ? t->pool_size() : 0;
}

/* Changes it. A helper that works is not ended; those that are too many leave when they have nothing to do. 0, or -1:
 * EINVAL, not 0 to 10000; ENOSYS without the shim. */
static __inline__ int coax_set_pool_size(int size)
{
    const struct coax_functions *t = COAX_TABLE_(set_pool_size);
    return t != NULL ? t->set_pool_size(size) : coax_unsupported_();
}

/* Helper threads that there are. 0 without the shim. Signal handlers too. */
static __inline__ int coax_thread_count(void)
{
    const struct coax_functions *t = COAX_TABLE_(thread_count);
    return t != NULL ? t->thread_count() : 0;
}

/* Those of them that wait for a job. 0 without the shim. Signal handlers too. */
static __inline__ int coax_thread_waiting_count(void)
{
    const struct coax_functions *t = COAX_TABLE_(thread_waiting_count);
    return t != NULL ? t->thread_waiting_count() : 0;
}

/* ---- processors ---- */

/* The number of the processor that the caller runs on, from 0; it may be another one by the time it is looked at.
 * Signal handlers too. Without the shim: sched_getcpu; -1 with ENOSYS if libc has none. */
static __inline__ int coax_get_cpu(void)
{
    const struct coax_functions *t = COAX_TABLE_(get_cpu);
    int (*cpu_of)(void);
    if (t != NULL)
        return t->get_cpu();
    *(void **)(void *)&cpu_of = dlsym((void *)0, "sched_getcpu");
    return cpu_of != NULL ? cpu_of() : coax_unsupported_();
}

#ifdef CPU_SETSIZE /* with _GNU_SOURCE */

/* The processors that a thread may use; pid is its thread id as gettid says, 0 the caller, as for sched_getaffinity. 0,
 * or -1: EFAULT; EINVAL, setsize is too small; ESRCH. Without the shim the same. */
static __inline__ int coax_get_affinity(pid_t pid, size_t setsize, cpu_set_t *cpus)
{
    return sched_getaffinity(pid, setsize, cpus);
}

/* Changes them: the thread becomes a kernel thread of its own for that, unless these are all that there are. 0, or -1:
 * EFAULT; EINVAL, none of them can be used; EPERM; ESRCH. Without the shim sched_setaffinity alone. */
static __inline__ int coax_set_affinity(pid_t pid, size_t setsize, const cpu_set_t *cpus)
{
    return sched_setaffinity(pid, setsize, cpus);
}

#endif

#ifdef __cplusplus
}
#endif

#endif
