/*
 * The older lookups, gethostby*, with and without a buffer of one's own, their h_errno, a buffer that is too small;
 * each thread has its own h_errno.
 * usage: dns_hosts THREADS [exact] (exact: tell a name that nobody knows from a server that does not answer)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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
    return hstrerror((error == TRY_AGAIN || error == NO_DATA) && !exact ? HOST_NOT_FOUND : error);
}

struct text {
    char *at;
    size_t n;
};

/* The calls without _r share one buffer: one thread at a time from the call to the last look. */
static pthread_mutex_t shared = PTHREAD_MUTEX_INITIALIZER;

static void show(FILE *f, const char *what, const struct hostent *h)
{
    char address[64];
    fprintf(f, "%s:", what);
    if (!h) {
        fprintf(f, " %s\n", why(h_errno));
        return;
    }
    fprintf(f, " %s %d", h->h_name, h->h_addrtype);
    for (char **a = h->h_addr_list; *a; a++)
        fprintf(f, " %s", inet_ntop(h->h_addrtype, *a, address, sizeof address));
    for (char **a = h->h_aliases; *a; a++)
        fprintf(f, " alias %s", *a);
    fprintf(f, "\n");
}

static void show_r(FILE *f, const char *what, int result, const struct hostent *h, int error)
{
    fprintf(f, "%s -> %s ", what, result && (exact || result != EAGAIN) ? strerrorname_np(result) : "0");
    if (h)
        show(f, "found", h);
    else
        fprintf(f, "%s\n", result == ERANGE ? "" : why(error));
}

static void with_buffer(FILE *f)
{
    static const char *names[] = {"localhost", "127.0.0.1", "::1", "nonexistent.invalid", "192.0.2.7", "bad name"};
    struct hostent h, *found;
    char buf[2048];
    int error;
    for (int i = 0; i < 6; i++) {
        char what[64];
        int result = gethostbyname_r(names[i], &h, buf, sizeof buf, &found, &error);
        snprintf(what, sizeof what, "gethostbyname_r %s", names[i]);
        show_r(f, what, result, found, error);
        result = gethostbyname2_r(names[i], AF_INET6, &h, buf, sizeof buf, &found, &error);
        snprintf(what, sizeof what, "gethostbyname2_r %s", names[i]);
        show_r(f, what, result, found, error);
    }
    struct in_addr lo = {htonl(INADDR_LOOPBACK)}, none = {htonl(0xc0000207)};
    int result = gethostbyaddr_r(&lo, sizeof lo, AF_INET, &h, buf, sizeof buf, &found, &error);
    show_r(f, "gethostbyaddr_r 127.0.0.1", result, found, error);
    result = gethostbyaddr_r(&none, sizeof none, AF_INET, &h, buf, sizeof buf, &found, &error);
    show_r(f, "gethostbyaddr_r 192.0.2.7", result, found, error);
    result = gethostbyname_r("localhost", &h, buf, 10, &found, &error);
    CHECK(result == ERANGE && found == NULL);
    result = gethostbyname2_r("localhost", AF_INET, &h, buf, 3, &found, &error);
    CHECK(result == ERANGE && found == NULL);
    result = gethostbyaddr_r(&lo, sizeof lo, AF_INET, &h, buf, 5, &found, &error);
    CHECK(result == ERANGE && found == NULL);
    result = gethostbyname2_r("localhost", 1234, &h, buf, sizeof buf, &found, &error);
    show_r(f, "gethostbyname2_r family 1234", result, found, error);
}

static void without(FILE *f)
{
    struct in_addr lo = {htonl(INADDR_LOOPBACK)}, none = {htonl(0xc0000207)};
    CHECK(pthread_mutex_lock(&shared) == 0);
    show(f, "gethostbyname localhost", gethostbyname("localhost"));
    show(f, "gethostbyname 10.9.8.7", gethostbyname("10.9.8.7"));
    show(f, "gethostbyname nonexistent.invalid", gethostbyname("nonexistent.invalid"));
    show(f, "gethostbyname2 ::1", gethostbyname2("::1", AF_INET6));
    show(f, "gethostbyname2 localhost", gethostbyname2("localhost", AF_INET));
    show(f, "gethostbyaddr 127.0.0.1", gethostbyaddr(&lo, sizeof lo, AF_INET));
    show(f, "gethostbyaddr 192.0.2.7", gethostbyaddr(&none, sizeof none, AF_INET));
    CHECK(pthread_mutex_unlock(&shared) == 0);
}

static void *scenario(void *arg)
{
    struct text *t = arg;
    FILE *f = open_memstream(&t->at, &t->n);
    CHECK(f != NULL);
    h_errno = 4321;
    with_buffer(f);
    CHECK(h_errno == 4321 || h_errno <= NO_ADDRESS);
    without(f);
    CHECK(fclose(f) == 0);
    /* Another thread's failure is not ours. */
    h_errno = 4321;
    usleep(1000);
    CHECK(h_errno == 4321);
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
