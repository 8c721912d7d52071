/* Waits for locks on files, messages, semaphores of System V, asynchronous I/O: see waits.h. */
#define WAITS_IN_FUTEX 1
#include "waits.h"

#include <aio.h>
#include <mqueue.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

struct message {
    long type;
    char text[4];
};

enum { NO_FD = REFUSED | BIT(CLOSE) | BIT(OVER) | BIT(HANGUP) | BIT(SHUT), NO_PEER = BIT(HANGUP) | BIT(SHUT) };

/* ---- locks on files: another description has it ---- */

static void file_begin(struct cell *c)
{
    char path[300];
    snprintf(path, sizeof path, "%s/locked-%d", directory, c->number);
    c->fd[0] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    c->fd[1] = open(path, O_RDWR | O_CLOEXEC);
    must(c->fd[0] >= 0 && c->fd[1] >= 0, "open");
}

static void flock_begin(struct cell *c)
{
    file_begin(c);
    must(flock(c->fd[1], LOCK_EX) == 0, "lock");
}

static void flock_give(struct cell *c) { flock(c->fd[1], LOCK_UN); }

static void flock_left(struct cell *c)
{
    say(c, "; %s", flock(c->fd[1], LOCK_EX | LOCK_NB) == 0 ? "free" : strerrorname_np(errno));
}

static const struct thing flocked = {flock_begin, flock_give, flock_left, NULL, NULL, NO_PEER | BIT(TWICE) | BIT(NONBLOCK)};
static long do_flock(struct cell *c) { return flock(c->fd[0], LOCK_EX); }
static long do_flock_shared(struct cell *c) { return flock(c->fd[0], LOCK_SH); }
static long do_sys_flock(struct cell *c) { return syscall(SYS_flock, c->fd[0], LOCK_EX); }

static int set_lock(int fd, int cmd, int type)
{
    struct flock l;
    memset(&l, 0, sizeof l);
    l.l_type = (short)type;
    return fcntl(fd, cmd, &l);
}

static void record_begin(struct cell *c)
{
    file_begin(c);
    must(set_lock(c->fd[1], F_OFD_SETLK, F_WRLCK) == 0, "lock");
}

static void record_give(struct cell *c) { set_lock(c->fd[1], F_OFD_SETLK, F_UNLCK); }

/* Closing any of the file's descriptors gives the process's locks back. */
static void record_left(struct cell *c)
{
    say(c, "; %s", set_lock(c->fd[1], F_OFD_SETLK, F_WRLCK) == 0 ? "free" : strerrorname_np(errno));
}

static const struct thing record = {record_begin, record_give, record_left, NULL, NULL, NO_PEER | BIT(TWICE) | BIT(NONBLOCK)};
static long do_setlkw(struct cell *c) { return set_lock(c->fd[0], F_SETLKW, F_WRLCK); }
static long do_setlkw_read(struct cell *c) { return set_lock(c->fd[0], F_SETLKW, F_RDLCK); }
static long do_ofd(struct cell *c) { return set_lock(c->fd[0], F_OFD_SETLKW, F_WRLCK); }
static long do_lockf(struct cell *c) { return lockf(c->fd[0], F_LOCK, 0); }
static long do_sys_fcntl(struct cell *c)
{
    struct flock l;
    memset(&l, 0, sizeof l);
    l.l_type = F_WRLCK;
    return syscall(SYS_fcntl, c->fd[0], F_SETLKW, &l);
}

/* ---- System V ---- */

static void queue_begin(struct cell *c)
{
    c->extra[3] = -1;
    c->number = msgget(IPC_PRIVATE, 0600);
    must(c->number >= 0, "make a queue");
}

static void queue_send(struct cell *c)
{
    struct message m = {1, "abc"};
    must(msgsnd(c->number, &m, sizeof m.text, IPC_NOWAIT) == 0, "send");
}

static void queue_left(struct cell *c)
{
    struct msqid_ds ds;
    memset(&ds, 0, sizeof ds);
    msgctl(c->number, IPC_STAT, &ds);
    say(c, "; %d messages", (int)ds.msg_qnum);
    msgctl(c->number, IPC_RMID, NULL);
}

static void queue_remove(struct cell *c) { msgctl(c->number, IPC_RMID, NULL); }

enum { SYSV = REFUSED | BIT(CLOSE) | BIT(OVER) | BIT(SHUT) };
static const struct thing queue = {queue_begin, queue_send, queue_left, queue_remove, NULL, SYSV};
static long do_msgrcv(struct cell *c)
{
    struct message m;
    long r = msgrcv(c->number, &m, sizeof m.text, 0, 0);
    if (r > 0)
        memcpy(c->got, m.text, sizeof m.text);
    return r;
}
static long do_sys_msgrcv(struct cell *c) { struct message m; return syscall(SYS_msgrcv, c->number, &m, sizeof m.text, 0, 0); }

static void full_queue_begin(struct cell *c)
{
    struct msqid_ds ds;
    queue_begin(c);
    msgctl(c->number, IPC_STAT, &ds);
    ds.msg_qbytes = sizeof ((struct message *)0)->text;
    must(msgctl(c->number, IPC_SET, &ds) == 0, "limit a queue");
    queue_send(c);
}

static void queue_take(struct cell *c)
{
    struct message m;
    for (long end = now_ms() + GIVEN; msgrcv(c->number, &m, sizeof m.text, 0, IPC_NOWAIT) < 0 && errno == ENOMSG && now_ms() < end;)
        nap(1);
}

static const struct thing full_queue = {full_queue_begin, queue_take, queue_left, queue_remove, NULL, SYSV};
static long do_msgsnd(struct cell *c) { struct message m = {2, "new"}; return msgsnd(c->number, &m, sizeof m.text, 0); }

static void set_begin(struct cell *c)
{
    c->number = semget(IPC_PRIVATE, 1, 0600);
    must(c->number >= 0, "make a set");
}

static void set_up(struct cell *c)
{
    struct sembuf op = {0, 1, 0};
    must(semop(c->number, &op, 1) == 0, "give");
}

static void set_left(struct cell *c)
{
    say(c, "; value %d, %d wait", semctl(c->number, 0, GETVAL), semctl(c->number, 0, GETNCNT));
    semctl(c->number, 0, IPC_RMID);
}

static void set_remove(struct cell *c) { semctl(c->number, 0, IPC_RMID); }
static const struct thing set = {set_begin, set_up, set_left, set_remove, NULL, SYSV};
static long do_semop(struct cell *c) { struct sembuf op = {0, -1, 0}; return semop(c->number, &op, 1); }
static long do_semop_undo(struct cell *c) { struct sembuf op = {0, -1, SEM_UNDO}; return semop(c->number, &op, 1); }
static long do_semtimedop(struct cell *c) { struct sembuf op = {0, -1, 0}; struct timespec t = {100, 0}; return semtimedop(c->number, &op, 1, &t); }
static long do_sys_semop(struct cell *c) { struct sembuf op = {0, -1, 0}; return syscall(SYS_semop, c->number, &op, 1); }

/* ---- message queues of POSIX ---- */

static void mq_begin(struct cell *c)
{
    struct mq_attr attr;
    char name[60];
    memset(&attr, 0, sizeof attr);
    attr.mq_maxmsg = 2;
    attr.mq_msgsize = 4;
    snprintf(name, sizeof name, "/waits-%d-%d", (int)getpid(), c->number);
    c->fd[0] = mq_open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600, &attr);
    must(c->fd[0] >= 0, "make a queue");
    c->fd[1] = mq_open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    mq_unlink(name);
}

static void mq_give(struct cell *c) { must(mq_send(c->fd[1], "abc", 4, 0) == 0, "send"); }

static void mq_left(struct cell *c)
{
    struct mq_attr attr;
    must(mq_getattr(c->fd[1], &attr) == 0, "ask");
    say(c, "; %ld messages", attr.mq_curmsgs);
}

static const struct thing mq = {mq_begin, mq_give, mq_left, NULL, NULL, NO_PEER};
static long do_mq_receive(struct cell *c) { char m[4]; long r = mq_receive(c->fd[0], m, sizeof m, NULL); if (r > 0) memcpy(c->got, m, 4); return r; }
static long do_mq_timedreceive(struct cell *c) { char m[4]; struct timespec t = in_ms(CLOCK_REALTIME, 100000); long r = mq_timedreceive(c->fd[0], m, sizeof m, NULL, &t); if (r > 0) memcpy(c->got, m, 4); return r; }

static void full_mq_begin(struct cell *c)
{
    mq_begin(c);
    mq_give(c);
    mq_give(c);
}

static void mq_take(struct cell *c) { char m[4]; must(mq_receive(c->fd[1], m, sizeof m, NULL) == 4, "receive"); }
static const struct thing full_mq = {full_mq_begin, mq_take, mq_left, NULL, NULL, NO_PEER};
static long do_mq_send(struct cell *c) { return mq_send(c->fd[0], "new", 4, 0); }
static long do_mq_timedsend(struct cell *c) { struct timespec t = in_ms(CLOCK_REALTIME, 100000); return mq_timedsend(c->fd[0], "new", 4, 0, &t); }

/* ---- asynchronous I/O ---- */

static void aio_begin(struct cell *c)
{
    struct aiocb *cb = c->state = calloc(1, sizeof *cb);
    must(pipe2(c->extra, O_CLOEXEC) == 0, "make a pipe");
    cb->aio_fildes = c->extra[0];
    cb->aio_buf = c->other;
    cb->aio_nbytes = 3;
    must(aio_read(cb) == 0, "begin to read");
}

static void aio_give(struct cell *c)
{
    must(write(c->extra[1], "abc", 3) == 3, "write");
    for (long end = now_ms() + GIVEN; c->event == READY && aio_error(c->state) == EINPROGRESS && now_ms() < end;)
        nap(1);
}

static void aio_left(struct cell *c)
{
    int e = aio_error(c->state);
    if (e == EINPROGRESS)
        aio_give(c);
    for (long end = now_ms() + GIVEN; aio_error(c->state) == EINPROGRESS && now_ms() < end;)
        nap(1);
    say(c, "; %s, %ld", e == 0 ? "done" : strerrorname_np(e), (long)aio_return(c->state));
}

/* A child has none of it. */
static const struct thing aio = {aio_begin, aio_give, aio_left, NULL, NULL, NO_FD | BIT(TWICE)};
static long do_aio_suspend(struct cell *c)
{
    const struct aiocb *list[1];
    list[0] = c->state;
    return aio_suspend(list, 1, NULL);
}

static const struct row rows[] = {
    {"flock", do_flock, &flocked, 0, NO_POINT, 0},
    {"flock, shared", do_flock_shared, &flocked, 0, NO_POINT, 0},
    {"syscall(flock)", do_sys_flock, &flocked, 0, NO_POINT, 0},
    {"F_SETLKW", do_setlkw, &record, 0, 0, 0},
    {"F_SETLKW to read", do_setlkw_read, &record, 0, 0, 0},
    {"F_OFD_SETLKW", do_ofd, &record, 0, 0, 0},
    {"lockf", do_lockf, &record, 0, 0, 0},
    {"syscall(fcntl)", do_sys_fcntl, &record, 0, NO_POINT, 0},
    {"msgrcv", do_msgrcv, &queue, 0, 0, 0},
    {"syscall(msgrcv)", do_sys_msgrcv, &queue, 0, NO_POINT, 0},
    {"msgsnd", do_msgsnd, &full_queue, 0, 0, 0},
    {"semop", do_semop, &set, 0, NO_POINT, 0},
    {"semop, undo", do_semop_undo, &set, 0, NO_POINT, 0},
    {"semtimedop", do_semtimedop, &set, 0, NO_POINT, 0},
    {"syscall(semop)", do_sys_semop, &set, 0, NO_POINT, 0},
    {"mq_receive", do_mq_receive, &mq, 0, 0, 0},
    {"mq_timedreceive", do_mq_timedreceive, &mq, 0, 0, 0},
    {"mq_send", do_mq_send, &full_mq, 0, 0, 0},
    {"mq_timedsend", do_mq_timedsend, &full_mq, 0, 0, 0},
    {"aio_suspend", do_aio_suspend, &aio, 0, 0, 0},
};

int main(int argc, char **argv)
{
    return run_table(rows, sizeof rows / sizeof *rows, argc, argv);
}
