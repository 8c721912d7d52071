/* lwt_sockets NAME DIR: what Lwt_unix calls NAME, as a C program calls it, in four threads at once. Prints what each
 * call gave, once if it gave all threads the same. DIR: for sockets with a name. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { THREADS = 4 };

static struct task {
    pthread_t thread;
    struct sockaddr_un name;
    char *text;
    size_t length;
    FILE *out;
} tasks[THREADS];

static void say(struct task *t, const char *call, long result)
{
    int e = errno;
    fprintf(t->out, "%s = %ld", call, result);
    if (result == -1)
        fprintf(t->out, " %s", strerrorname_np(e));
    fputc('\n', t->out);
}

#define SAY(call) say(t, #call, (long)(call))

static struct sockaddr_in loopback(void)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void *volatile nowhere = (void *)1;

static void bind_(struct task *t)
{
    struct sockaddr_in a = loopback();
    const struct sockaddr *name = (struct sockaddr *)&t->name, *in = (struct sockaddr *)&a;
    int s = socket(AF_UNIX, SOCK_STREAM, 0), other = socket(AF_UNIX, SOCK_STREAM, 0),
        inet = socket(AF_INET, SOCK_STREAM, 0);
    SAY(bind(s, name, sizeof t->name));
    SAY(bind(s, name, sizeof t->name));
    SAY(bind(other, name, sizeof t->name));
    SAY(bind(inet, in, sizeof a));
    SAY(bind(inet, in, sizeof a));
    SAY(bind(inet, in, 3));
    SAY(bind(inet, nowhere, sizeof a));
    SAY(bind(-1, in, sizeof a));
    SAY(bind(STDIN_FILENO, in, sizeof a));
    SAY(access(t->name.sun_path, F_OK));
    close(s);
    close(other);
    close(inet);
}

static void getsockname_(struct task *t)
{
    struct sockaddr_un un;
    struct sockaddr_in a = loopback(), got;
    socklen_t n = sizeof un;
    int s = socket(AF_UNIX, SOCK_STREAM, 0), inet = socket(AF_INET, SOCK_STREAM, 0);
    SAY(bind(s, (struct sockaddr *)&t->name, sizeof t->name));
    SAY(getsockname(s, (struct sockaddr *)&un, &n));
    SAY(strcmp(un.sun_path, t->name.sun_path));
    SAY(bind(inet, (struct sockaddr *)&a, sizeof a));
    n = sizeof got;
    SAY(getsockname(inet, (struct sockaddr *)&got, &n));
    SAY(n);
    SAY(ntohs(got.sin_port) > 0);
    n = 4;
    SAY(getsockname(inet, (struct sockaddr *)&got, &n));
    SAY(n);
    SAY(getsockname(inet, (struct sockaddr *)&got, nowhere));
    SAY(getsockname(-1, (struct sockaddr *)&got, &n));
    SAY(getsockname(STDIN_FILENO, (struct sockaddr *)&got, &n));
    close(s);
    close(inet);
}

static void getpeername_(struct task *t)
{
    struct sockaddr_in a = loopback(), got;
    socklen_t n = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0), s = socket(AF_INET, SOCK_STREAM, 0), peer;
    SAY(bind(listener, (struct sockaddr *)&a, sizeof a));
    SAY(listen(listener, 1));
    SAY(getsockname(listener, (struct sockaddr *)&a, &n));
    SAY(getpeername(s, (struct sockaddr *)&got, &n));
    SAY(connect(s, (struct sockaddr *)&a, sizeof a));
    SAY((peer = accept(listener, NULL, NULL)) >= 0);
    SAY(getpeername(s, (struct sockaddr *)&got, &n));
    SAY(got.sin_port == a.sin_port);
    SAY(getpeername(listener, (struct sockaddr *)&got, &n));
    SAY(getpeername(s, nowhere, &n));
    SAY(getpeername(-1, (struct sockaddr *)&got, &n));
    close(listener);
    close(s);
    close(peer);
}

static long option(int s, int level, int name)
{
    int value = 0;
    socklen_t n = sizeof value;
    return getsockopt(s, level, name, &value, &n) == 0 ? value : -1;
}

static void getsockopt_(struct task *t)
{
    int s = socket(AF_INET, SOCK_STREAM, 0), value;
    socklen_t n = 2;
    SAY(option(s, SOL_SOCKET, SO_REUSEADDR));
    SAY(option(s, SOL_SOCKET, SO_ACCEPTCONN));
    SAY(option(s, SOL_SOCKET, SO_KEEPALIVE));
    SAY(option(s, IPPROTO_TCP, TCP_NODELAY));
    SAY(option(s, SOL_SOCKET, 9999));
    SAY(option(-1, SOL_SOCKET, SO_TYPE));
    SAY(option(STDIN_FILENO, SOL_SOCKET, SO_TYPE));
    SAY(getsockopt(s, SOL_SOCKET, SO_TYPE, &value, &n));
    SAY(n);
    SAY(getsockopt(s, SOL_SOCKET, SO_TYPE, nowhere, &n));
    SAY(getsockopt(s, SOL_SOCKET, SO_TYPE, &value, nowhere));
    close(s);
}

static void setsockopt_(struct task *t)
{
    int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    SAY(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    SAY(option(s, SOL_SOCKET, SO_REUSEADDR));
    SAY(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    SAY(option(s, IPPROTO_TCP, TCP_NODELAY));
    SAY(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, 1));
    SAY(setsockopt(s, SOL_SOCKET, 9999, &on, sizeof on));
    SAY(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, nowhere, sizeof on));
    SAY(setsockopt(-1, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    SAY(setsockopt(STDIN_FILENO, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    close(s);
}

static void getsockopt_int(struct task *t)
{
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);
    SAY(option(s, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM);
    SAY(option(s, SOL_SOCKET, SO_SNDBUF) > 0);
    SAY(option(s, SOL_SOCKET, SO_RCVBUF) > 0);
    SAY(option(s, SOL_SOCKET, SO_RCVLOWAT));
    SAY(option(s, SOL_SOCKET, SO_SNDLOWAT));
    close(s);
}

static void setsockopt_int(struct task *t)
{
    int s = socket(AF_INET, SOCK_STREAM, 0), size = 10000, low = 5;
    SAY(setsockopt(s, SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
    SAY(option(s, SOL_SOCKET, SO_SNDBUF));
    SAY(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
    SAY(option(s, SOL_SOCKET, SO_RCVBUF));
    SAY(setsockopt(s, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low));
    SAY(option(s, SOL_SOCKET, SO_RCVLOWAT));
    SAY(setsockopt(s, SOL_SOCKET, SO_TYPE, &size, sizeof size));
    close(s);
}

static void optint(struct task *t)
{
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct linger l = {.l_onoff = 7, .l_linger = 7};
    socklen_t n = sizeof l;
    SAY(getsockopt(s, SOL_SOCKET, SO_LINGER, &l, &n));
    SAY(l.l_onoff);
    l = (struct linger){1, 12};
    SAY(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l));
    SAY(getsockopt(s, SOL_SOCKET, SO_LINGER, &l, &n));
    SAY(l.l_onoff);
    SAY(l.l_linger);
    SAY(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, 1));
    close(s);
}

/* They hold, too: the call that waits ends with EAGAIN after that time. */
static void timeouts(struct task *t)
{
    int s[2];
    char c;
    struct timeval tv = {.tv_usec = 40000}, got, bad = {.tv_usec = 2000000};
    socklen_t n = sizeof got;
    SAY(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    SAY(getsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &got, &n));
    SAY(got.tv_sec + got.tv_usec);
    SAY(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
    SAY(setsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv));
    SAY(getsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &got, &n));
    SAY(got.tv_usec);
    SAY(recv(s[0], &c, 1, 0));
    SAY(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &bad, sizeof bad));
    SAY(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, 1));
    close(s[0]);
    close(s[1]);
}

static void getsockopt_error(struct task *t)
{
    struct sockaddr_in a = loopback();
    int taken = socket(AF_INET, SOCK_STREAM, 0), s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    socklen_t n = sizeof a;
    bind(taken, (struct sockaddr *)&a, sizeof a); /* and nobody listens */
    getsockname(taken, (struct sockaddr *)&a, &n);
    SAY(option(s, SOL_SOCKET, SO_ERROR));
    if (connect(s, (struct sockaddr *)&a, sizeof a) != 0 && errno == EINPROGRESS) {
        SAY(option(s, SOL_SOCKET, SO_ERROR) == ECONNREFUSED);
        SAY(option(s, SOL_SOCKET, SO_ERROR));
    }
    close(s);
    close(taken);
}

static const struct {
    const char *name;
    void (*run)(struct task *);
} calls[] = {
    {"bind", bind_},
    {"getsockname", getsockname_},
    {"getpeername", getpeername_},
    {"getsockopt", getsockopt_},
    {"setsockopt", setsockopt_},
    {"getsockopt_int", getsockopt_int},
    {"setsockopt_int", setsockopt_int},
    {"optint", optint},
    {"timeouts", timeouts},
    {"getsockopt_error", getsockopt_error},
};

static void (*run)(struct task *);

static void *perform(void *task)
{
    run(task);
    return NULL;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 3 && i < sizeof calls / sizeof *calls; i++)
        if (strcmp(calls[i].name, argv[1]) == 0)
            run = calls[i].run;
    if (run == NULL || chdir(argv[2]) != 0)
        return 2;
    for (int i = 0; i < THREADS; i++) {
        struct task *t = &tasks[i];
        t->name.sun_family = AF_UNIX;
        snprintf(t->name.sun_path, sizeof t->name.sun_path, "%d", i);
        unlink(t->name.sun_path);
        t->out = open_memstream(&t->text, &t->length);
        if (pthread_create(&t->thread, NULL, perform, t) != 0)
            return 3;
    }
    bool equal = true;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(tasks[i].thread, NULL);
        fclose(tasks[i].out);
        equal = equal && strcmp(tasks[i].text, tasks[0].text) == 0;
    }
    for (int i = 0; i < (equal ? 1 : THREADS); i++)
        fputs(tasks[i].text, stdout);
    puts(equal ? "the same in all threads" : "not the same in all threads");
    return equal ? 0 : 1;
}
