/*
 * Questions to a name server of our own (a child, on a port that the state of the resolver is pointed to): res_query and
 * kin, on the thread's state and on states of one's own, and gethostbyname with the thread's state. Names that begin
 * with "no" are not known, "hang" is not answered; all others are 10.1.2.3.
 * usage: dns_questions THREADS [limit MS]
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <nss.h>
#include <pthread.h>
#include <resolv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d, h %d)\n", __FILE__, __LINE__, #x, errno, h_errno);                              \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

extern int __nss_configure_lookup(const char *database, const char *services);

static struct sockaddr_in server_addr;
static int limit;

static void serve(int s)
{
    unsigned char m[1000];
    struct sockaddr_in from;
    for (;;) {
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(s, m, sizeof m - 32, 0, (struct sockaddr *)&from, &len);
        if (n < 17 || !memcmp(m + 13, "hang", 4))
            continue;
        HEADER *h = (HEADER *)m;
        int end = 12;
        while (end < n && m[end])
            end += m[end] + 1;
        end += 5; /* type and class, too */
        h->qr = h->ra = 1;
        h->arcount = 0;
        if (!memcmp(m + 13, "no", 2)) {
            h->rcode = 3;
        } else {
            static const unsigned char answer[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 1, 2, 3};
            h->ancount = htons(1);
            memcpy(m + end, answer, sizeof answer);
            end += sizeof answer;
        }
        sendto(s, m, end, 0, (struct sockaddr *)&from, len);
    }
}

/* The state asks our server, once. */
static void point(res_state state)
{
    state->nscount = 1;
    state->nsaddr_list[0] = server_addr;
    state->retrans = limit ? 20 : 10;
    state->retry = 1;
    state->options &= ~(RES_DNSRCH | RES_DEFNAMES);
}

static void show(FILE *f, const char *what, int n, const unsigned char *answer)
{
    fprintf(f, "%s: ", what);
    if (n < 0)
        fprintf(f, "%s, rcode %d\n", hstrerror(h_errno), ((HEADER *)answer)->rcode);
    else
        fprintf(f, "%d bytes, %d answers, %u.%u.%u.%u\n", n, ntohs(((HEADER *)answer)->ancount), answer[n - 4],
                answer[n - 3], answer[n - 2], answer[n - 1]);
}

static void host(FILE *f, const char *name)
{
    struct hostent e, *found;
    char buf[1000], address[INET_ADDRSTRLEN];
    int h = 0, r = gethostbyname_r(name, &e, buf, sizeof buf, &found, &h);
    fprintf(f, "gethostbyname_r %s: %d %s\n", name, r,
            found ? inet_ntop(AF_INET, found->h_addr, address, sizeof address) : hstrerror(h));
}

/* As old programs call it. */
static int old_query(const char *name, unsigned char *answer, int size)
{
    __typeof__(res_query) *query = dlvsym(RTLD_DEFAULT, "__res_query", "GLIBC_2.2.5");
    CHECK(query != NULL);
    return query(name, C_IN, T_A, answer, size);
}

struct text {
    char *at;
    size_t n;
};

static void *scenario(void *arg)
{
    struct text *t = arg;
    FILE *f = open_memstream(&t->at, &t->n);
    unsigned char answer[600], message[600];
    struct __res_state state;
    CHECK(f != NULL);
    CHECK(res_init() == 0);
    point(&_res);
    CHECK(_res.nsaddr_list[0].sin_port == server_addr.sin_port);
    h_errno = 0;
    memset(answer, 0, sizeof answer);
    show(f, "res_query", res_query("here.test", C_IN, T_A, answer, sizeof answer), answer);
    show(f, "res_query no", res_query("nobody.test", C_IN, T_A, answer, sizeof answer), answer);
    fprintf(f, "res_h_errno %d\n", _res.res_h_errno);
    show(f, "res_search", res_search("there.test", C_IN, T_A, answer, sizeof answer), answer);
    show(f, "res_querydomain", res_querydomain("who", "test", C_IN, T_A, answer, sizeof answer), answer);
    int n = res_mkquery(QUERY, "made.test", C_IN, T_A, NULL, 0, NULL, message, sizeof message);
    CHECK(n > 0);
    show(f, "res_send", res_send(message, n, answer, sizeof answer), answer);
    show(f, "__res_query", old_query("old.test", answer, sizeof answer), answer);
    fprintf(f, "res_query in little: %d\n", res_query("here.test", C_IN, T_A, answer, 20));
    host(f, "host.test");
    host(f, "nohost.test");

    /* A state of one's own, while the thread's asks nobody. */
    memset(&_res.nsaddr_list[0], 0, sizeof _res.nsaddr_list[0]);
    memset(&state, 0, sizeof state);
    CHECK(res_ninit(&state) == 0);
    point(&state);
    show(f, "res_nquery", res_nquery(&state, "here.test", C_IN, T_A, answer, sizeof answer), answer);
    show(f, "res_nquery no", res_nquery(&state, "nobody.test", C_IN, T_A, answer, sizeof answer), answer);
    fprintf(f, "res_h_errno %d\n", state.res_h_errno);
    show(f, "res_nsearch", res_nsearch(&state, "there.test", C_IN, T_A, answer, sizeof answer), answer);
    show(f, "res_nquerydomain", res_nquerydomain(&state, "who", "test", C_IN, T_A, answer, sizeof answer), answer);
    n = res_nmkquery(&state, QUERY, "made.test", C_IN, T_A, NULL, 0, NULL, message, sizeof message);
    CHECK(n > 0);
    show(f, "res_nsend", res_nsend(&state, message, n, answer, sizeof answer), answer);
    res_nclose(&state);
    CHECK(fclose(f) == 0);
    return NULL;
}

static void *late(void *unused)
{
    unsigned char answer[600];
    struct timespec start, end;
    CHECK(res_init() == 0);
    point(&_res);
    clock_gettime(CLOCK_MONOTONIC, &start);
    CHECK(res_query("hang.test", C_IN, T_A, answer, sizeof answer) == -1 && h_errno == TRY_AGAIN);
    CHECK(gethostbyname("hang.test") == NULL && h_errno == TRY_AGAIN);
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK((end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000 >= 2 * limit - 1);
    for (int tries = 0; res_query("here.test", C_IN, T_A, answer, sizeof answer) <= 0; tries++) /* a loaded machine */
        CHECK(tries < 50);
    return NULL;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 0, s = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t len = sizeof server_addr;
    limit = argc > 3 ? atoi(argv[3]) : 0;
    server_addr.sin_family = AF_INET;
    server_addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(s >= 0 && bind(s, (struct sockaddr *)&server_addr, sizeof server_addr) == 0);
    CHECK(getsockname(s, (struct sockaddr *)&server_addr, &len) == 0);
    pid_t parent = getpid(), child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            serve(s);
        _exit(0);
    }
    CHECK(__nss_configure_lookup("hosts", "dns") == 0);
    pthread_t t[n + 1];
    struct text text[n + 1];
    void *(*run)(void *) = limit ? late : scenario;
    if (!n)
        run(&text[0]);
    for (int i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, run, &text[i]) == 0);
    for (int i = 0; i < n; i++) {
        CHECK(pthread_join(t[i], NULL) == 0);
        if (!limit)
            CHECK(text[i].n == text[0].n && !memcmp(text[i].at, text[0].at, text[0].n));
    }
    fputs(limit ? "late\n" : text[0].at, stdout);
    kill(child, SIGKILL);
    return 0;
}
