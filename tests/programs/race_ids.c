/* A thread without privileges has been joined: a change of the ids of all threads, which libc makes in each of them and
   which must succeed in all or in none, does not meet it any more. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { ROUNDS = 300, WAYS = 4 };

extern int capset(void *, const void *), capget(void *, void *);

static void *drops(void *unused)
{
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2];
    CHECK(capget(&h, d) == 0);
    d[0].effective = d[1].effective = 0;
    CHECK(capset(&h, d) == 0);
    return unused;
}

static void *joins(void *changed)
{
    pthread_t t;
    if (changed)
        CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    CHECK(pthread_create(&t, NULL, drops, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    return NULL;
}

static void join(pthread_t t, int way)
{
    struct timespec later;
    clock_gettime(CLOCK_REALTIME, &later);
    later.tv_sec += 60;
    if (way == 0)
        CHECK(pthread_timedjoin_np(t, NULL, &later) == 0);
    else
        CHECK(pthread_join(t, NULL) == 0);
}

int main(void)
{
    pthread_t t;
    uid_t other = geteuid() == 0 ? 1 : geteuid();
    for (int i = 0; i < ROUNDS; i++) {
        int way = i % WAYS;
        CHECK(pthread_create(&t, NULL, way < 2 ? drops : joins, way == 3 ? &t : NULL) == 0);
        join(t, way);
        CHECK(seteuid(other) == 0);
        CHECK(seteuid(getuid()) == 0);
    }
    puts("done");
    return 0;
}
