/* What the shim knows of each descriptor: its kind (how one attempt without blocking is made), its state, who waits on
 * it. Entries are found without a lock and never move; lists belong to the baton. A kind that turns out wrong (the
 * number was reused behind our back) is found out again. */
#ifndef COAX_FDTAB_H
#define COAX_FDTAB_H

#include "core/list.h"
#include "core/lock.h"

#include <stdbool.h>
#include <stdint.h>

enum fd_kind {
    FD_UNKNOWN,
    FD_STREAM, /* stream or seqpacket socket */
    FD_DGRAM,  /* any other socket */
    FD_PIPE,   /* anonymous pipe */
    FD_FIFO,   /* named: RWF_NOWAIT does not work */
    FD_TTY,
    FD_NOWAIT, /* timerfd, signalfd, eventfd: a read can be tried with RWF_NOWAIT */
    FD_POLLED, /* other pollable ones: poll, then call */
    FD_FILE,   /* regular files and directories */
    FD_MEMORY, /* null, zero, urandom...: never blocks */
};

enum fd_state { FD_OPENED, FD_CLOSED, FD_ABORTED };

/* As coax_fd_adopt and coax_fd_set_blocking have said it. */
enum fd_mode { FD_MODE_BY_KIND, FD_MODE_NONBLOCKING, FD_MODE_BLOCKING };

enum { DIR_IN, DIR_OUT, DIRS };

struct fd_entry {
    uint8_t kind;
    bool fresh;  /* open gave it, and nothing has been read: see file.h */
    bool direct; /* reads or writes wait for the disk: O_DIRECT, O_SYNC, O_DSYNC */
    bool plain;  /* reads cannot be tried: its file system does not know RWF_NOWAIT */
    bool waits;  /* O_NONBLOCK was not set, and nobody here has changed that */
    bool connecting;
    uint8_t expired; /* bit per direction: a wait for it in poll has run out, the next call says so */
    uint8_t since;   /* bit per direction: a poll waits for it without progress since fd_extra.since */
    union {
        struct {
            uint8_t state;
            uint8_t mode;    /* enum fd_mode */
            bool set_flag;   /* O_NONBLOCK was set by us: the program's calls wait all the same */
            bool own;        /* one of the shim's */
            bool registered; /* in the epoll set */
            bool made_here;  /* its only number, and no other process shares it: see fork_count */
            bool listening : 1;
            bool low : 1;     /* SO_RCVLOWAT may be set: the first read asks */
            bool has_members; /* it is an epoll set of the program, named in some epoll_set */
        };
        uint64_t special; /* 0: it is open, and none of these */
    };
    uint8_t checked, luck, vain; /* see handover.c */
    uint8_t place;               /* in its chunk */
    uint32_t timeo[DIRS];        /* SO_RCVTIMEO, SO_SNDTIMEO in ms, known if timeo_seen is rt.fdtab.timeo_generation */
    uint32_t timeo_seen;
    uint32_t generation, seq;
    uint32_t fork_count;
    uint32_t empty_at;    /* a read of the pipe has emptied it: ready_writes() then; 0: not so, or not known */
    uint32_t arrivals;    /* events that something is there to be read */
    uint32_t empty_since; /* as many as there were before the kernel found nothing to read */
    uint64_t key[DIRS];   /* names the stream that comes in, or goes out, if its other end may be in this process */
    struct list waiters[DIRS];
};

/* What few descriptors need: behind the entries of the chunk, in pages that stay untouched else. */
struct fd_extra {
    uint64_t since[DIRS], connect_since; /* ns */
    int abort_errno;                     /* see descriptor.h */
    uint32_t checked_at, same_at;        /* see handover.c */
    uint32_t members_seen; /* rt.fdtab.members_turn when no member of this epoll set was aborted; 0: not known */
    int epoll_set;         /* the program's set that it is in, + 1 (the last one it was put into); 0: none */
    uint32_t epoll_events;
    uint64_t epoll_data;
};

enum { FD_CHUNK = 256, FD_CHUNKS = 4096, OWN_MOST = 64, EARLY_MOST = 32 };

/* A pipe's end from before the first fiber, when numbers were not followed. */
struct fd_early {
    int fd;
    uint32_t fork_count;
};

struct fdtab {
    struct fd_entry *chunks[FD_CHUNKS]; /* FD_CHUNK entries, then as many of fd_extra */
    int epoll;                          /* every descriptor that somebody waits on, once, edge-triggered */
    uint32_t timeo_generation;
    bool any_low;               /* some SO_RCVLOWAT was set, which what is accepted there has, too */
    uint32_t option_generation; /* counts changes of options that matter to handover.c */
    uint32_t fork_count;        /* of occasions on which another process may have got what is open */
    unsigned aborted;           /* how many are: while none is, nobody looks */
    uint32_t members_turn;      /* counts aborts, and changes of the program's epoll sets while something is aborted */
    struct fd_early early[EARLY_MOST]; /* the last ones */
    unsigned nearly;                   /* ever put there */
    uint64_t turns;                    /* places in line given out */
    int own[OWN_MOST];                 /* our descriptors, -1: free */
    unsigned nown;
};

/* The entry, made if need be; NULL: not a possible descriptor, or no memory. Any thread. */
struct fd_entry *fdtab_get(int fd);
/* The entry if there is one; file_peek is the same, inlined. */
struct fd_entry *fdtab_peek(int fd);
static inline struct fd_extra *fdtab_extra(const struct fd_entry *e)
{
    return (struct fd_extra *)(e - e->place + FD_CHUNK) + e->place;
}
/* Bytes went in this direction: its clock in poll starts anew. */
static inline void fdtab_moved(struct fd_entry *e, int dir)
{
    if (__builtin_expect(e->since != 0, 0))
        e->since &= (uint8_t) ~(1u << dir);
}
/* Its kind, asked from the kernel the first time. -EBADF and such: not open. */
int fdtab_kind(int fd, struct fd_entry *e);
/* Its state; rt.fdtab.aborted counts along. Returns the one it had. */
enum fd_state fdtab_set_state(struct fd_entry *e, enum fd_state state);
/* Names what the descriptor stands for; of a pipe, both ends. */
struct stat;
uint64_t fdtab_name(const struct stat *st);
/* The number has a new owner. kind may be FD_UNKNOWN. */
void fdtab_opened(int fd, enum fd_kind kind);
/* The two ends of socketpair() or pipe(). */
void fdtab_paired(const int fds[2], enum fd_kind kind);
/* A pipe, made while nobody follows who gives back a number. */
void fdtab_piped_early(const int fds[2]);
/* Before a close: waiters wake with EBADF, the registration goes. */
void fdtab_closing(int fd);
void fdtab_closing_range(unsigned first, unsigned last);
void fdtab_copied(int from, int to);

/* The program has put it into an epoll set of its own, to wait for events; or taken it out. */
void fdtab_joined(int fd, int set, uint32_t events, uint64_t data);
void fdtab_left(int fd);
/* Descriptors of the program's epoll set, up to n, as poll would name them; returns how many there are. */
struct pollfd;
unsigned fdtab_members(int set, struct pollfd *fds, unsigned n);
/* O_NONBLOCK as set by the program. */
bool fdtab_nonblocking(int fd);
/* SO_RCVTIMEO or SO_SNDTIMEO of a socket in ns, 0: none. */
uint64_t fdtab_timeo(int fd, struct fd_entry *e, int dir);
/* Flags or options have been changed. */
void fdtab_changed(struct fd_entry *e);
/* What is open now may be known to another process from here on. */
void fdtab_shared(void);
/* True if the number is the only one for what it stands for, and no other process has one. */
bool fdtab_private(const struct fd_entry *e);

bool fdtab_is_own(int fd);
/* The lowest of ours in [first, last], ~0u if there is none. */
unsigned fdtab_next_own(unsigned first, unsigned last);
int fdtab_take_high(int fd);
void fdtab_forget_own(int fd);
void fdtab_forked(void);

#endif
