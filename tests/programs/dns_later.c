/*
 * getaddrinfo_a: many names at once, waited for together and one by one; in a name service of our own (tests/modules),
 * where "slow" takes 200 ms.
 * usage: dns_later THREADS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

extern int __nss_configure_lookup(const char *database, const char *services);

static const char *const names[] = {"slow", "fast", "none", "slow2"};
static struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};

static void fill(struct gaicb *requests, struct gaicb **list)
{
    for (int i = 0; i < 4; i++) {
        requests[i] = (struct gaicb){.ar_name = names[i], .ar_request = &hints};
        list[i] = &requests[i];
    }
}

static void check(struct gaicb *requests)
{
    for (int i = 0; i < 4; i++) {
        int r = gai_error(&requests[i]);
        CHECK(r == (i == 2 ? EAI_NONAME : 0));
        if (r == 0) {
            struct sockaddr_in *a = (void *)requests[i].ar_result->ai_addr;
            CHECK(a->sin_addr.s_addr == htonl(0x0a010203));
            freeaddrinfo(requests[i].ar_result);
        }
    }
}

static void *scenario(void *unused)
{
    struct gaicb requests[4], *list[4], one = {.ar_name = "slow", .ar_request = &hints}, *first[1] = {&one};
    fill(requests, list);
    CHECK(getaddrinfo_a(GAI_WAIT, list, 4, NULL) == 0);
    check(requests);
    fill(requests, list);
    CHECK(getaddrinfo_a(GAI_NOWAIT, list, 4, NULL) == 0);
    for (int i = 0; i < 4; i++) { /* for several at once libc's own gai_suspend crashes now and then */
        const struct gaicb *const wanted[] = {&requests[i]};
        int r;
        while ((r = gai_suspend(wanted, 1, NULL)) == EAI_INTR)
            ;
        CHECK(r == 0 || r == EAI_ALLDONE);
    }
    check(requests);
    CHECK(getaddrinfo_a(77, first, 1, NULL) == EAI_SYSTEM && errno == EINVAL);
    return NULL;
}

static atomic_int stop;
static long ticks;

static void *ticker(void *unused)
{
    while (!stop) {
        usleep(1000);
        ticks++;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int n = atoi(argv[1]);
    pthread_t t[n + 1], tick;
    CHECK(__nss_configure_lookup("hosts", "standin") == 0);
    if (!n)
        scenario(NULL);
    else
        CHECK(pthread_create(&tick, NULL, ticker, NULL) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, scenario, NULL) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    stop = 1;
    if (n) {
        CHECK(pthread_join(tick, NULL) == 0);
        CHECK(ticks >= 100);
    }
    puts("good");
    return 0;
}
