/*
 * Names and addresses by getaddrinfo and getnameinfo: prints what comes back for localhost, numbers, services, names
 * that do not exist and arguments that make no sense. With threads all ask at once and must get what one alone gets.
 * usage: dns_names THREADS [exact] (exact: tell a name that nobody knows from a server that does not answer)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static int exact;

static const char *why(int error)
{
    return gai_strerror(error == EAI_AGAIN && !exact ? EAI_NONAME : error);
}

struct text {
    char *at;
    size_t n;
};

static void say(FILE *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(f, format, args);
    va_end(args);
}

static void look_up(FILE *f, const char *node, const char *service, int family, int type, int flags)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = type, .ai_flags = flags}, *list = NULL;
    errno = 0;
    int error = getaddrinfo(node, service, &hints, &list);
    say(f, "%s %s %d %d %#x:", node ? node : "NULL", service ? service : "NULL", family, type, flags);
    if (error) {
        say(f, " %s\n", why(error));
        return;
    }
    for (struct addrinfo *a = list; a; a = a->ai_next) {
        char host[64] = "?", port[16] = "?";
        CHECK(getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof host, port, sizeof port,
                          NI_NUMERICHOST | NI_NUMERICSERV) == 0);
        say(f, " %d/%d/%d/%s/%s%s%s", a->ai_family, a->ai_socktype, a->ai_protocol, host, port,
            a->ai_canonname ? "/" : "", a->ai_canonname ? a->ai_canonname : "");
    }
    say(f, "\n");
    freeaddrinfo(list);
}

static void name_of(FILE *f, int family, const char *address, int port, int flags, size_t room)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } a = {.any.sa_family = family};
    socklen_t len = sizeof a.in;
    char host[256] = "", service[64] = "";
    if (family == AF_INET) {
        CHECK(inet_pton(AF_INET, address, &a.in.sin_addr) == 1);
        a.in.sin_port = htons(port);
    } else if (family == AF_INET6) {
        CHECK(inet_pton(AF_INET6, address, &a.in6.sin6_addr) == 1);
        a.in6.sin6_port = htons(port);
        len = sizeof a.in6;
    }
    int error = getnameinfo(&a.any, len, host, room, service, sizeof service, flags);
    say(f, "%s:%d %#x: %s %s %s\n", address, port, flags, error ? why(error) : "ok", error ? "" : host,
        error ? "" : service);
}

static void everything(FILE *f)
{
    look_up(f, "localhost", NULL, AF_UNSPEC, SOCK_STREAM, 0);
    look_up(f, "localhost", NULL, AF_INET, 0, 0);
    look_up(f, "localhost", "http", AF_INET, SOCK_STREAM, AI_CANONNAME);
    look_up(f, "localhost", "80", AF_INET6, SOCK_STREAM, 0);
    look_up(f, "localhost", NULL, AF_INET, SOCK_STREAM, AI_NUMERICHOST);
    look_up(f, "127.0.0.1", "1234", AF_UNSPEC, SOCK_STREAM, 0);
    look_up(f, "127.0.0.1", "1234", AF_INET6, SOCK_STREAM, 0);
    look_up(f, "127.0.0.1", "1234", AF_INET6, SOCK_STREAM, AI_V4MAPPED);
    look_up(f, "::1", "53", AF_UNSPEC, SOCK_DGRAM, AI_NUMERICHOST);
    look_up(f, "::1%lo", NULL, AF_INET6, SOCK_DGRAM, 0);
    look_up(f, "192.0.2.7", NULL, AF_INET, SOCK_RAW, AI_NUMERICHOST);
    look_up(f, "10.1", NULL, AF_INET, SOCK_STREAM, 0);
    look_up(f, "256.1.1.1", NULL, AF_INET, SOCK_STREAM, AI_NUMERICHOST);
    look_up(f, NULL, "80", AF_INET, SOCK_STREAM, AI_PASSIVE);
    look_up(f, NULL, "80", AF_INET, SOCK_STREAM, 0);
    look_up(f, NULL, "smtp", AF_UNSPEC, SOCK_STREAM, AI_PASSIVE | AI_ADDRCONFIG);
    look_up(f, NULL, NULL, AF_UNSPEC, 0, 0);
    look_up(f, "localhost", "no-such-service", AF_INET, SOCK_STREAM, 0);
    look_up(f, "localhost", "http", AF_INET, SOCK_STREAM, AI_NUMERICSERV);
    look_up(f, "localhost", "http", AF_INET, SOCK_RAW, 0);
    look_up(f, "localhost", NULL, 1234, SOCK_STREAM, 0);
    look_up(f, "localhost", NULL, AF_INET, 1234, 0);
    look_up(f, "localhost", NULL, AF_INET, SOCK_STREAM, 0x400000);
    look_up(f, NULL, "80", AF_INET, SOCK_STREAM, AI_CANONNAME);
    look_up(f, "nonexistent.invalid", NULL, AF_UNSPEC, SOCK_STREAM, 0);
    look_up(f, "nonexistent.invalid", "80", AF_INET, SOCK_STREAM, 0);
    look_up(f, "", NULL, AF_INET, SOCK_STREAM, 0);
    look_up(f, "a name with spaces", NULL, AF_INET, SOCK_STREAM, AI_NUMERICHOST);
    name_of(f, AF_INET, "127.0.0.1", 80, 0, 256);
    name_of(f, AF_INET, "127.0.0.1", 53, NI_DGRAM, 256);
    name_of(f, AF_INET, "127.0.0.1", 80, NI_NUMERICHOST | NI_NUMERICSERV, 256);
    name_of(f, AF_INET6, "::1", 443, NI_NUMERICHOST, 256);
    name_of(f, AF_INET, "192.0.2.7", 9, NI_NUMERICHOST, 256);
    name_of(f, AF_INET, "127.0.0.1", 80, NI_NUMERICHOST, 3);
    name_of(f, AF_INET, "127.0.0.1", 80, 0x8000, 256);
    name_of(f, 1234, "nothing", 0, 0, 256);
    CHECK(getnameinfo((struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET}, 3, NULL, 0, NULL, 0, 0) ==
          EAI_FAMILY);
}

static void *scenario(void *arg)
{
    struct text *t = arg;
    FILE *f = open_memstream(&t->at, &t->n);
    CHECK(f != NULL);
    everything(f);
    CHECK(fclose(f) == 0);
    return NULL;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 0;
    exact = argc > 2;
    pthread_t t[n + 1];
    struct text text[n + 1];
    if (!n)
        scenario(&text[0]);
    for (int i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, scenario, &text[i]) == 0);
    for (int i = 0; i < n; i++) {
        CHECK(pthread_join(t[i], NULL) == 0);
        CHECK(text[i].n == text[0].n && !memcmp(text[i].at, text[0].at, text[0].n));
    }
    fputs(text[0].at, stdout);
    return 0;
}
