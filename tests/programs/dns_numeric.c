/* Numbers in place of names: what getaddrinfo makes of them, in threads. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *node, *service;
    int family, type, flags;
} asked[] = {
    {"127.0.0.1", "80", AF_UNSPEC, SOCK_STREAM, 0},
    {"127.0.0.1", NULL, AF_UNSPEC, SOCK_STREAM, AI_CANONNAME},
    {"::1", "65535", AF_UNSPEC, SOCK_DGRAM, AI_NUMERICSERV},
    {"127.1", "1", AF_INET, SOCK_STREAM, 0},
    {"10.0.0.1", "1", AF_INET6, SOCK_STREAM, AI_V4MAPPED},
    {NULL, "8080", AF_UNSPEC, SOCK_STREAM, AI_PASSIVE},
    {NULL, "8080", AF_UNSPEC, 0, 0},
};

static const struct {
    const char *node, *service;
    int family, type, flags;
} refused[] = {
    {NULL, NULL, AF_UNSPEC, 0, 0},
    {"127.0.0.1", "80", AF_INET6, SOCK_STREAM, 0},
    {"::1", "80", AF_INET, SOCK_STREAM, 0},
    {"127.0.0.1", "80", 77, SOCK_STREAM, 0},
    {"127.0.0.1", "80", AF_UNSPEC, 77, 0},
    {"127.0.0.1", "80", AF_UNSPEC, SOCK_STREAM, 1 << 30},
    {"127.0.0.1", "no-such-service", AF_UNSPEC, SOCK_STREAM, 0},
    {"127.0.0.1", "no-such-service", AF_UNSPEC, SOCK_STREAM, AI_NUMERICSERV},
    {"no.such.name.invalid", "80", AF_UNSPEC, SOCK_STREAM, AI_NUMERICHOST},
};

static void show(const char *node, const char *service, int family, int type, int flags, int hinted)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = type, .ai_flags = flags}, *list = NULL;
    errno = 5;
    int r = getaddrinfo(node, service, hinted ? &hints : NULL, &list);
    printf("%s %s %d %d %#x%s: %s\n", node ? node : "-", service ? service : "-", family, type, flags,
           hinted ? "" : " no hints", r == 0 ? "ok" : gai_strerror(r));
    for (struct addrinfo *a = list; r == 0 && a; a = a->ai_next) {
        char host[100], port[20];
        getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
        printf("  %d %d %d %#x %s %s %s\n", a->ai_family, a->ai_socktype, a->ai_protocol, a->ai_flags, host, port,
               a->ai_canonname ? a->ai_canonname : "-");
    }
    if (r == 0)
        freeaddrinfo(list);
}

static void *numbers(void *unused)
{
    for (unsigned i = 0; i < sizeof asked / sizeof *asked; i++) {
        show(asked[i].node, asked[i].service, asked[i].family, asked[i].type, asked[i].flags, 1);
        show(asked[i].node, asked[i].service, 0, 0, 0, 0);
    }
    return NULL;
}

static void *errors(void *unused)
{
    for (unsigned i = 0; i < sizeof refused / sizeof *refused; i++)
        show(refused[i].node, refused[i].service, refused[i].family, refused[i].type, refused[i].flags, 1);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t;
    for (int i = 0; i < 3; i++) {
        pthread_create(&t, NULL, argc > 1 ? errors : numbers, NULL);
        pthread_join(t, NULL);
    }
    return 0;
}
