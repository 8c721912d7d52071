/* POSIX message queues: their descriptors can be polled, so their waits are those of descriptors, unless somebody asks
 * to be told of messages that nobody waits for. */
#ifndef COAX_MQ_H
#define COAX_MQ_H

#include <stddef.h>
#include <time.h>

struct fiber;

/* A length, 0, or -errno. until: of CLOCK_REALTIME, NULL: none. */
long mq_take(struct fiber *self, int fd, char *message, size_t size, unsigned *priority, const struct timespec *until);
long mq_give(struct fiber *self, int fd, const char *message, size_t size, unsigned priority,
             const struct timespec *until);
/* Before mq_notify. */
void mq_tell(struct fiber *self);

#endif
