/* What the user asked for, read once from the environment (the launcher's options arrive there too). */
#ifndef COAX_CONFIG_H
#define COAX_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The operations that can have a time limit of their own. */
enum op { OP_CONNECT, OP_READ, OP_WRITE, OP_ACCEPT, OP_DNS, OP_WAIT, OP_POLL, OP_COUNT };

/* Optional system calls and flags: each can be switched off with COAX_DISABLE=name,... (all: every one). */
enum feature {
    FEATURE_RWF_NOWAIT,
    FEATURE_GUARD_INSTALL,
    FEATURE_CLOSE_RANGE,
    FEATURE_PIDFD,
    FEATURE_EPOLL_PWAIT2,
    FEATURE_WRFSBASE,
    FEATURE_HANDOVER, /* no system call, but optional all the same */
    FEATURE_COUNT
};

enum { POOL_MOST = 10000 }; /* most helpers that may be asked for */

struct config {
    uint64_t timeout[OP_COUNT]; /* ns, 0: none */
    bool any_timeout;
    bool kernel_threads; /* --threads=kernel */
    bool strict;
    bool keep_stacks;
    bool follow;
    size_t stack_size; /* 0: as bare */
    unsigned pool_size;
    int method; /* enum method */
    int log_level;
    const char *log_file;
    const char *stats;
    int verify_fd; /* -1: none */
    bool disabled[FEATURE_COUNT];
};

void config_init(struct config *config, char **environ);

/* The kernel has refused the feature: rt.h, feature_on. Any thread. */
void feature_off(enum feature f);

/* `250ms`, `3`, `1.5s`, `2m`, `1h`, `1d` in ns; false if it is none, negative or over 10,000 days. */
bool config_duration(const char *text, uint64_t *ns);
/* Bytes with an optional k, m or g. */
bool config_size(const char *text, size_t *bytes);

#endif
