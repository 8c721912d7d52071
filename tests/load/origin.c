/*
 * origin [--echo | --silent] [--size BYTES]: a small HTTP/1.1 server on a free port of the loopback, which it prints. It answers
 * every request with BYTES bytes and keeps the connection open, whatever the request asks for; with --echo it sends
 * back what it gets, with --silent it reads and never says a word. One thread, one epoll set. It ends on SIGTERM.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

enum { MAX_FDS = 1 << 20, MAX_EVENTS = 256, MAX_SIZE = 1 << 16 };

static const char END[] = "\r\n\r\n";

static char *response;
static size_t response_length;
static int echo, silent;
/* By descriptor: how many bytes of END the request has matched so far. */
static unsigned char matched[MAX_FDS];

static void make_response(size_t size)
{
    int head;

    response = malloc(size + 128);
    if (!response)
        die("out of memory");
    head = sprintf(response, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n", size);
    memset(response + head, 'o', size);
    response_length = (size_t)head + size;
}

static int listen_anywhere(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &length) < 0)
        die("origin: cannot listen on the loopback: %s", strerror(errno));
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static void accept_all(int set, int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

        if (fd < 0)
            return;
        if (fd >= MAX_FDS || epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        matched[fd] = 0;
    }
}

/* Answers are small and each is asked for before the next: one that does not fit the socket ends the connection. */
static int send_whole(int fd, const char *data, size_t length)
{
    return send(fd, data, length, MSG_NOSIGNAL) == (ssize_t)length ? 0 : -1;
}

static int answer(int fd, const char *data, ssize_t length)
{
    if (silent)
        return 0;
    if (echo)
        return send_whole(fd, data, (size_t)length);
    for (ssize_t i = 0; i < length; i++) {
        if (data[i] == END[matched[fd]])
            matched[fd]++;
        else
            matched[fd] = data[i] == END[0];
        if (matched[fd] == sizeof END - 1) {
            matched[fd] = 0;
            if (send_whole(fd, response, response_length) < 0)
                return -1;
        }
    }
    return 0;
}

static void serve(int fd)
{
    char data[16384];
    ssize_t n = recv(fd, data, sizeof data, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || answer(fd, data, n) < 0)
        close(fd);
}

int main(int argc, char **argv)
{
    struct epoll_event events[MAX_EVENTS];
    size_t size = 100;
    int set, listener;

    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--echo"))
            echo = 1;
        else if (!strcmp(argv[i], "--silent"))
            silent = 1;
        else if (!strcmp(argv[i], "--size") && i + 1 < argc)
            size = (size_t)number("--size", argv[++i], 0, MAX_SIZE);
        else
            die("usage: origin [--echo | --silent] [--size BYTES]");
    raise_descriptor_limit();
    make_response(size);
    set = epoll_create1(EPOLL_CLOEXEC);
    listener = listen_anywhere();
    if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, listener, &(struct epoll_event){EPOLLIN, {.fd = listener}}) < 0)
        die("origin: epoll: %s", strerror(errno));
    for (;;) {
        int n = epoll_wait(set, events, MAX_EVENTS, -1);

        for (int i = 0; i < n; i++)
            if (events[i].data.fd == listener)
                accept_all(set, listener);
            else
                serve(events[i].data.fd);
    }
}
