/*
 * Calls that ask a descriptor or set it up and never wait: what they say of good, bad and wrong descriptors, and of
 * bad pointers; alone, or in many threads at once.
 * usage: fd_asks THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

int isfdtype(int fd, int type);

static void *const bad = (void *)-4096;

struct text {
    char line[8192];
    size_t n;
};

static void say(struct text *t, const char *what, long r)
{
    t->n += (size_t)snprintf(t->line + t->n, sizeof t->line - t->n, "%s %ld %d\n", what, r, r < 0 ? errno : 0);
}

static void sockets(struct text *t, int fd)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int value = 1;

    say(t, "bind", bind(fd, (struct sockaddr *)&at, sizeof at));
    say(t, "bind", bind(fd, (struct sockaddr *)&at, 1));
    say(t, "bind", bind(fd, bad, sizeof at));
    say(t, "getsockname", getsockname(fd, (struct sockaddr *)&at, &size));
    say(t, "getsockname", getsockname(fd, bad, &size));
    say(t, "getsockname", getsockname(fd, (struct sockaddr *)&at, bad));
    say(t, "getpeername", getpeername(fd, (struct sockaddr *)&at, &size));
    say(t, "listen", listen(fd, 3));
    say(t, "getsockopt", getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size));
    say(t, "getsockopt", getsockopt(fd, SOL_SOCKET, SO_TYPE, bad, &size));
    say(t, "setsockopt", setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value));
    say(t, "setsockopt", setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, bad, sizeof value));
    say(t, "setsockopt", setsockopt(fd, 12345, 1, &value, sizeof value));
    say(t, "sockatmark", sockatmark(fd));
    say(t, "isfdtype", isfdtype(fd, S_IFSOCK));
    say(t, "shutdown", shutdown(fd, SHUT_RDWR));
    say(t, "shutdown", shutdown(fd, 77));
}

static void any(struct text *t, int fd)
{
    struct winsize size;
    char name[64];
    int value = 0;

    say(t, "isatty", isatty(fd));
    say(t, "ttyname", ttyname(fd) != NULL ? 1 : -1);
    say(t, "ttyname_r", ttyname_r(fd, name, sizeof name));
    say(t, "ttyname_r", ttyname_r(fd, name, 2));
    say(t, "FIONREAD", ioctl(fd, FIONREAD, &value));
    say(t, "FIONREAD", ioctl(fd, FIONREAD, bad));
    say(t, "TIOCGWINSZ", ioctl(fd, TIOCGWINSZ, &size));
    say(t, "FIOCLEX", ioctl(fd, FIOCLEX));
    say(t, "F_GETFD", fcntl(fd, F_GETFD));
    say(t, "no such", ioctl(fd, 0xdead, 5));
}

static struct text first;

static void *asks(void *arg)
{
    struct text t = {"", 0};
    int pair[2], ends[2], on = 1;
    int terminal = posix_openpt(O_RDWR | O_NOCTTY), tcp = socket(AF_INET, SOCK_STREAM, 0);
    char c;

    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pipe(ends);
    int all[] = {tcp, pair[0], ends[0], terminal, -1, 1 << 20};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        sockets(&t, all[i]);
        any(&t, all[i]);
    }
    say(&t, "FIONBIO", ioctl(ends[0], FIONBIO, &on));
    say(&t, "read", read(ends[0], &c, 1));
    for (int i = 0; i < 2; i++) {
        close(pair[i]);
        close(ends[i]);
    }
    close(tcp);
    close(terminal);
    if (arg == &first)
        first = t;
    else if (t.n != first.n || memcmp(t.line, first.line, t.n) != 0)
        printf("another thread says:\n%s", t.line);
    return NULL;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 0;
    pthread_t t[n + 1];

    asks(&first);
    for (int i = 0; i < n; i++)
        pthread_create(&t[i], NULL, asks, NULL);
    for (int i = 0; i < n; i++)
        pthread_join(t[i], NULL);
    printf("%s", first.line);
    return 0;
}
