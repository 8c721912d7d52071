/* Look-ups that answer with a number or a text: groups of a user, the login name, host addresses, netgroups. Each as
 * the function of libc of that name; a look-up that was not performed fails with errno. */
#ifndef COAX_PLAIN_H
#define COAX_PLAIN_H

#include "core/fiber.h"

#include <netinet/ether.h>

int plain_group_list(struct fiber *self, const char *user, gid_t group, gid_t *groups, int *n);
/* The groups first, which may take long, then the change, which all threads share. */
int plain_init_groups(struct fiber *self, const char *user, gid_t group);
/* 0 or an error number. */
int plain_login(struct fiber *self, char *name, size_t size);
/* Into memory that the thread keeps, as record_get_static. */
char *plain_login_static(struct fiber *self);
int plain_password_line(struct fiber *self, uid_t uid, char *line);
int plain_in_netgroup(struct fiber *self, const char *netgroup, const char *host, const char *user, const char *domain);
int plain_ether_to_host(struct fiber *self, char *host, const struct ether_addr *addr);
int plain_host_to_ether(struct fiber *self, const char *host, struct ether_addr *addr);
long plain_host_id(struct fiber *self);

#endif
