/*
 * conns [options] HOST PORT: opens many TCP connections to HOST:PORT (numeric IPv4), makes one request and response on
 * each, prints "up N errors E", then keeps some of them busy with round trips for a while and prints
 * "connected N active A requests R seconds S rps X errors E". "connected" counts those that were answered; the exit
 * status is 1 if any error happened. One thread, one epoll set; pin it with taskset.
 *
 *   --via direct    HOST:PORT is the server itself (default)
 *   --via socks5    HOST:PORT is a SOCKS5 proxy: a handshake to --target comes first
 *   --via connect   HOST:PORT is an HTTP proxy: a CONNECT to --target comes first
 *   --target HOST:PORT   where the proxy shall connect to
 *   --connections N, --active A, --seconds S, --limit SECONDS (for the opening), --opening N (at most at one time)
 *   --echo          round trips of 64 bytes with an echo server instead of HTTP
 *   --hold          keep all open until standard input ends
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

enum via { DIRECT, SOCKS5, CONNECT, VIAS };
enum step { UNUSED, OPENING, GREETED, ASKED, TUNNELLED, BUSY, IDLE, FAILED };
enum { MAX_EVENTS = 256, ECHO_LENGTH = 64, HEAD = 1024 };

struct conn {
    enum step step;
    int fd;
    int answered;
    size_t got;        /* bytes of the reply under way; a body that does not fit into head is only counted */
    size_t wanted;     /* length of the whole reply, 0 while not known */
    char head[HEAD];
};

static struct options {
    enum via via;
    long connections, active, seconds, limit, opening;
    int echo, hold;
    struct sockaddr_in server, target;
} options = {.connections = 100, .active = 10, .seconds = 5, .limit = 60, .opening = 128};

static struct conn *conns;
static int set;
static long opened, in_progress, answered, errors, requests;
static int driving;
static char request[256], tunnel[256];
static size_t request_length, tunnel_length;

static void fail(struct conn *c, const char *what, int error)
{
    if (errors++ < 3)
        fprintf(stderr, "conns: connection %ld: %s: %s\n", (long)(c - conns), what,
                error ? strerror(error) : "unexpected answer or end");
    if (!c->answered)
        in_progress--;
    close(c->fd);
    c->step = FAILED;
}

static void put(struct conn *c, const void *data, size_t length, enum step next)
{
    c->got = c->wanted = 0;
    c->step = next;
    if (send(c->fd, data, length, MSG_NOSIGNAL) != (ssize_t)length)
        fail(c, "send", errno);
}

static void ask(struct conn *c)
{
    put(c, request, request_length, BUSY);
}

static void open_one(struct conn *c)
{
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};

    opened++;
    in_progress++;
    c->step = OPENING;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        fail(c, "socket", errno);
        return;
    }
    /* A reset at the end instead of TIME_WAIT: thousands of connections a run must not use up the ports. */
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(c->fd, (struct sockaddr *)&options.server, sizeof options.server) < 0 && errno != EINPROGRESS)
        fail(c, "connect", errno);
    else if (epoll_ctl(set, EPOLL_CTL_ADD, c->fd, &event) < 0)
        fail(c, "epoll_ctl", errno);
}

static void open_more(void)
{
    while (opened < options.connections && in_progress < options.opening)
        open_one(&conns[opened]);
}

/* The connection stands: the first message by the kind of the proxy. */
static void greet(struct conn *c)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    int error = 0;
    socklen_t length = sizeof error;

    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error || epoll_ctl(set, EPOLL_CTL_MOD, c->fd, &event) < 0)
        fail(c, "connect", error ? error : errno);
    else if (options.via == SOCKS5)
        put(c, "\5\1\0", 3, GREETED);
    else if (options.via == CONNECT)
        put(c, tunnel, tunnel_length, TUNNELLED);
    else
        ask(c);
}

/* How long the reply is, 0 while that cannot be told, -1 if it is not what was asked for. */
static ssize_t reply_length(struct conn *c)
{
    char *end, *body;

    switch (c->step) {
    case GREETED:
        return c->got >= 2 && memcmp(c->head, "\5\0", 2) ? -1 : 2;
    case ASKED:
        return c->got >= 2 && memcmp(c->head, "\5\0", 2) ? -1 : 10;
    case BUSY:
        if (options.echo)
            return ECHO_LENGTH;
        break;
    default:
        break;
    }
    c->head[c->got < HEAD ? c->got : HEAD - 1] = '\0';
    end = strstr(c->head, "\r\n\r\n");
    if (!end)
        return c->got < HEAD - 1 ? 0 : -1;
    if (strncmp(c->head, "HTTP/1.", 7) || strncmp(c->head + 8, " 200 ", 5))
        return -1;
    body = strcasestr(c->head, "\r\nContent-Length:");
    return end + 4 - c->head + (body && body < end ? atol(body + 17) : 0);
}

/* A reply is there as a whole: what comes next on this connection. */
static void proceed(struct conn *c)
{
    char ask_socks[10] = "\5\1\0\1";

    switch (c->step) {
    case GREETED:
        memcpy(ask_socks + 4, &options.target.sin_addr, 4);
        memcpy(ask_socks + 8, &options.target.sin_port, 2);
        put(c, ask_socks, sizeof ask_socks, ASKED);
        break;
    case BUSY:
        if (!c->answered) {
            c->answered = 1;
            answered++;
            in_progress--;
            c->step = IDLE;
        } else {
            requests++;
            if (driving)
                ask(c);
            else
                c->step = IDLE;
        }
        break;
    default:
        ask(c);
        break;
    }
}

static void receive(struct conn *c)
{
    char rest[16384];
    int in_head = c->got < HEAD - 1;
    ssize_t n = in_head ? recv(c->fd, c->head + c->got, HEAD - 1 - c->got, 0) : recv(c->fd, rest, sizeof rest, 0);
    ssize_t length;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || c->step == IDLE) {
        fail(c, "receive", n < 0 ? errno : 0);
        return;
    }
    c->got += (size_t)n;
    if (!c->wanted) {
        length = reply_length(c);
        if (length < 0) {
            fail(c, "reply", 0);
            return;
        }
        c->wanted = (size_t)length;
    }
    if (c->wanted && c->got > c->wanted)
        fail(c, "reply is too long", 0);
    else if (c->wanted && c->got == c->wanted)
        proceed(c);
}

/* Handles events until the time has come, or as soon as *count has reached goal. */
static void run(double until, const long *count, long goal)
{
    struct epoll_event events[MAX_EVENTS];
    double left;

    while ((left = until - now()) > 0 && (!count || *count + errors < goal)) {
        int n = epoll_wait(set, events, MAX_EVENTS, left > 0.1 ? 100 : 1 + (int)(left * 1e3));

        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;

            if (c->step == OPENING)
                greet(c);
            else
                receive(c);
        }
        if (count)
            open_more();
    }
}

static struct sockaddr_in address(const char *host, const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number("port", port, 1, 65535))};

    if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
        die("conns: '%s' is not an IPv4 address", host);
    return a;
}

static void make_requests(void)
{
    char host[INET_ADDRSTRLEN], at[INET_ADDRSTRLEN + 8];

    if (!options.target.sin_port)
        options.target = options.server;
    inet_ntop(AF_INET, &options.target.sin_addr, host, sizeof host);
    snprintf(at, sizeof at, "%s:%d", host, ntohs(options.target.sin_port));
    tunnel_length = (size_t)sprintf(tunnel, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", at, at);
    if (options.echo) {
        memset(request, 'e', request_length = ECHO_LENGTH);
        return;
    }
    request_length = (size_t)sprintf(request, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", at);
}

static void parse(int argc, char **argv)
{
    static const struct option known[] = {
        {"via", 1, 0, 'v'},   {"target", 1, 0, 't'}, {"connections", 1, 0, 'n'}, {"active", 1, 0, 'a'},
        {"limit", 1, 0, 'l'}, {"echo", 0, 0, 'e'},   {"seconds", 1, 0, 's'},     {"hold", 0, 0, 'h'},
        {"opening", 1, 0, 'o'}, {0, 0, 0, 0}};
    static const char *const vias[] = {"direct", "socks5", "connect"};
    char *colon;
    int o;

    while ((o = getopt_long(argc, argv, "", known, NULL)) != -1)
        switch (o) {
        case 'v':
            for (options.via = DIRECT; options.via < VIAS && strcmp(optarg, vias[options.via]); options.via++)
                ;
            if (options.via == VIAS)
                die("conns: --via is direct, socks5 or connect");
            break;
        case 't':
            if (!(colon = strchr(optarg, ':')))
                die("conns: --target is HOST:PORT");
            *colon = '\0';
            options.target = address(optarg, colon + 1);
            break;
        case 'n': options.connections = number("--connections", optarg, 1, 1 << 20); break;
        case 'a': options.active = number("--active", optarg, 0, 1 << 20); break;
        case 's': options.seconds = number("--seconds", optarg, 0, 86400); break;
        case 'l': options.limit = number("--limit", optarg, 1, 86400); break;
        case 'o': options.opening = number("--opening", optarg, 1, 1 << 20); break;
        case 'e': options.echo = 1; break;
        case 'h': options.hold = 1; break;
        default: exit(1);
        }
    if (argc - optind != 2)
        die("usage: conns [options] HOST PORT (the options stand at the top of conns.c)");
    options.server = address(argv[optind], argv[optind + 1]);
    if (options.active > options.connections)
        options.active = options.connections;
}

/* Nothing more can come: whoever has not been answered has failed. */
static void give_up_unanswered(void)
{
    for (long i = 0; i < options.connections; i++)
        if (conns[i].step == UNUSED)
            errors++;
        else if (!conns[i].answered && conns[i].step != FAILED)
            fail(&conns[i], "not answered in time", ETIMEDOUT);
}

static double drive(void)
{
    double start = now();

    driving = 1;
    for (long i = 0; i < options.active; i++)
        if (conns[i].step == IDLE)
            ask(&conns[i]);
    run(start + (double)options.seconds, NULL, 0);
    driving = 0;
    return now() - start;
}

int main(int argc, char **argv)
{
    double seconds;
    char c;

    parse(argc, argv);
    if (raise_descriptor_limit() < (unsigned long)options.connections + 16)
        die("conns: the descriptor limit is too low for %ld connections", options.connections);
    make_requests();
    conns = calloc((size_t)options.connections, sizeof *conns);
    set = epoll_create1(EPOLL_CLOEXEC);
    if (!conns || set < 0)
        die("conns: %s", strerror(errno));
    open_more();
    run(now() + (double)options.limit, &answered, options.connections);
    give_up_unanswered();
    printf("up %ld errors %ld\n", answered, errors);
    fflush(stdout);
    seconds = options.seconds ? drive() : 0;
    printf("connected %ld active %ld requests %ld seconds %.2f rps %.0f errors %ld\n", answered, options.active,
           requests, seconds, seconds > 0 ? (double)requests / seconds : 0.0, errors);
    fflush(stdout);
    while (options.hold && read(0, &c, 1) > 0)
        ;
    return errors > 0;
}
