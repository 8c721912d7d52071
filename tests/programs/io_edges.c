/* Answers that libc's calls give at once where a first look says "wait": each in a thread, a second thread there. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

static const char *dir;
static char big[70000];

static void say(const char *what, long r)
{
    printf("%s: %ld%s%s\n", what, r, r < 0 ? " " : "", r < 0 ? strerrorname_np(errno) : "");
}

static void pair(int type, int fd[2])
{
    if (socketpair(AF_UNIX, type, 0, fd) != 0)
        abort();
}

/* A socket that does not listen refuses an accept, it does not wait for a client. */
static void accepts(void)
{
    int s[2], tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    pair(SOCK_STREAM, s);
    say("accept of a socketpair's end", accept(s[0], NULL, NULL));
    say("accept of a new socket", accept(tcp, NULL, NULL));
    bind(tcp, (struct sockaddr *)&any, sizeof any);
    say("accept4 of a bound socket", accept4(tcp, NULL, NULL, SOCK_CLOEXEC));
    say("accept of a datagram socket", accept(udp, NULL, NULL));
    listen(tcp, 1);
    shutdown(tcp, SHUT_RDWR);
    say("accept of a socket that listens no more", accept(tcp, NULL, NULL));
}

static void *shut_later(void *fd)
{
    usleep(20000);
    shutdown(*(int *)fd, SHUT_RD);
    return NULL;
}

/* Shut down for reading, a datagram socket is at its end, before the call and within it. */
static void datagrams(void)
{
    int s[2];
    char text[8];
    struct iovec v = {text, sizeof text};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    struct mmsghdr many = {.msg_hdr = m};
    pthread_t thread;
    pair(SOCK_DGRAM, s);
    pthread_create(&thread, NULL, shut_later, &s[0]);
    say("read while it is shut down", read(s[0], text, sizeof text));
    pthread_join(thread, NULL);
    say("read", read(s[0], text, sizeof text));
    say("recv", recv(s[0], text, sizeof text, 0));
    say("recv at once", recv(s[0], text, sizeof text, MSG_DONTWAIT));
    say("recvmsg", recvmsg(s[0], &m, 0));
    say("recvmmsg", recvmmsg(s[0], &many, 1, 0, NULL));
    say("O_NONBLOCK", fcntl(s[0], F_SETFL, O_NONBLOCK));
    say("read", read(s[0], text, sizeof text));
}

/* MSG_WAITALL does not join messages that have an end. */
static void messages(void)
{
    int s[2];
    char text[8];
    struct iovec v = {text, sizeof text};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    pair(SOCK_SEQPACKET, s);
    for (int i = 0; i < 4; i++)
        say("send", send(s[1], "abc", i + 1, 0));
    say("recv", recv(s[0], text, sizeof text, MSG_WAITALL));
    say("recvmsg", recvmsg(s[0], &m, MSG_WAITALL));
    say("readv", readv(s[0], &v, 1));

    /* On a stream it meets the error that comes behind the data, with O_NONBLOCK, too, and takes it along. */
    pair(SOCK_STREAM | SOCK_NONBLOCK, s);
    say("send", send(s[0], "abc", 3, 0));
    say("send", send(s[1], "abc", 3, 0));
    close(s[1]);
    say("recv", recv(s[0], text, sizeof text, MSG_WAITALL));
    say("read", read(s[0], text, sizeof text));
}

/* Without O_NONBLOCK in the way a FIFO takes all that it can hold. */
static void fifos(void)
{
    char path[300];
    snprintf(path, sizeof path, "%s/fifo", dir);
    mkfifo(path, 0600);
    int in = open(path, O_RDWR | O_NONBLOCK), out = open(path, O_WRONLY);
    say("write to a blocking end", write(out, big, 3));
    say("65,000 more bytes", write(out, big, 65000));
    say("read", read(in, big, sizeof big));
    say("write to an end that does not block", write(in, big, 44216));
    say("and to the full one", write(in, big, 44216));
    say("read", read(in, big, sizeof big));
    say("sixteen pages", write(in, big, 65536 - 100));
    say("a few bytes in the last one", write(in, big, 50));
    say("and no more", write(in, big, 51));
}

/* A write of no bytes is not a vector of nothing. */
static void nothing(void)
{
    int lone = socket(AF_UNIX, SOCK_STREAM, 0), pty = posix_openpt(O_RDWR | O_NOCTTY), s[2];
    struct iovec v[2] = {{big, 0}, {big, 0}};
    char name[64], text[8];
    grantpt(pty);
    unlockpt(pty);
    ptsname_r(pty, name, sizeof name);
    int tty = open(name, O_RDWR | O_NOCTTY);
    say("write to a terminal", write(tty, big, 0));
    close(pty);
    say("write to a terminal that is gone", write(tty, big, 0));
    say("writev to a terminal that is gone", writev(tty, v, 2));
    say("write to a socket without a peer", write(lone, big, 0));
    say("writev to a socket without a peer", writev(lone, v, 2));
    pair(SOCK_DGRAM, s);
    say("write of an empty message", write(s[1], big, 0));
    say("writev of nothing is none", writev(s[1], v, 1));
    say("read", read(s[0], text, sizeof text));
    say("recv", recv(s[0], text, sizeof text, MSG_DONTWAIT));
}

static void *all(void *unused)
{
    accepts();
    datagrams();
    messages();
    fifos();
    nothing();
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    dir = argc > 1 ? argv[1] : ".";
    if (pthread_create(&thread, NULL, all, NULL) != 0)
        return 1;
    pthread_join(thread, NULL);
    return 0;
}
