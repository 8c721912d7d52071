/* coax_pick_op: read from fd1, or exclusively from fd2, or give up after a while; exactly one of the three happens, and
 * what arrives later is there for the next reader. usage: header_pick ROUNDS, or header_pick example [1|2] */
#define _GNU_SOURCE
#include <coax.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int wrong;

static void check(int good, const char *what)
{
    if (!good) {
        printf("wrong: %s (%s)\n", what, strerror(errno));
        wrong = 1;
    }
}

static struct coax_op op(int kind, int fd, void *buf, size_t size)
{
    struct coax_op o;
    memset(&o, 0, sizeof o);
    o.kind = kind;
    o.fd = fd;
    o.buf = buf;
    o.size = size;
    o.result = -77;
    return o;
}

static struct coax_op sleep_op(double seconds)
{
    struct coax_op o = op(COAX_OP_SLEEP, -1, NULL, 0);
    o.seconds = seconds;
    return o;
}

/* ---- many rounds ---- */

static unsigned rounds;
static int pipes[2][2];
static unsigned written[2];
static int ended;

/* Counts up on each of the two, at random times. */
static void *writer(void *arg)
{
    unsigned seed = 5, which;
    (void)arg;
    while (!ended) {
        which = (unsigned)rand_r(&seed) % 3;
        if (which < 2) {
            check(write(pipes[which][1], &written[which], sizeof written[which]) == sizeof written[which], "write");
            written[which]++;
        }
        if (rand_r(&seed) % 3 != 0)
            usleep((useconds_t)rand_r(&seed) % 200);
    }
    return NULL;
}

static unsigned seen[2];

static void take(int which, unsigned value)
{
    if (value != seen[which])
        check(0, "out of order, lost, or read twice");
    seen[which] = value + 1;
}

static void many(int sockets)
{
    pthread_t t;
    unsigned i, seed = 9, got[3] = {0, 0, 0}, value;
    for (i = 0; i < 2; i++)
        check((sockets ? socketpair(AF_UNIX, SOCK_STREAM, 0, pipes[i]) : pipe(pipes[i])) == 0, "pipe");
    memset(written, 0, sizeof written);
    memset(seen, 0, sizeof seen);
    ended = 0;
    pthread_create(&t, NULL, writer, NULL);
    for (i = 0; i < rounds; i++) {
        unsigned values[2] = {~0u, ~0u};
        struct coax_op ops[3];
        ssize_t r;
        ops[0] = op(COAX_OP_READ, pipes[0][0], &values[0], sizeof values[0]);
        ops[1] = op(COAX_OP_READ, pipes[1][0], &values[1], sizeof values[1]);
        ops[2] = sleep_op((rand_r(&seed) % 300) * 1e-6);
        r = coax_pick_op(ops, 3);
        if (r < 0 || r > 2) {
            check(0, "coax_pick_op");
            break;
        }
        got[r]++;
        check(ops[r].error == 0 && ops[r].result == (r < 2 ? (ssize_t)sizeof value : 0), "the result");
        check((r == 0) == (values[0] != ~0u) && (r == 1) == (values[1] != ~0u), "only one buffer is written");
        if (r < 2)
            take((int)r, values[r]);
    }
    ended = 1;
    pthread_join(t, NULL);
    for (i = 0; i < 2; i++) {
        close(pipes[i][1]);
        while (read(pipes[i][0], &value, sizeof value) == sizeof value)
            take((int)i, value);
        check(seen[i] == written[i], "all that was written has been read once");
        close(pipes[i][0]);
    }
    check(got[0] > 0 && got[1] > 0 && got[2] > 0, "each of the three has happened");
}

/* ---- two fibers pick from the same descriptor: none is forgotten ---- */

static int shared[2];

static void *picks_shared(void *arg)
{
    unsigned *count = arg;
    char c;
    struct coax_op ops[2];
    for (;;) {
        ops[0] = op(COAX_OP_READ, shared[0], &c, 1);
        ops[1] = sleep_op(60);
        if (coax_pick_op(ops, 2) != 0 || ops[0].result < 0) {
            check(0, "a shared read");
            return NULL;
        }
        if (ops[0].result == 0)
            return NULL;
        ++*count;
    }
}

static void crowd(void)
{
    pthread_t t[8];
    unsigned counts[8], i, sum = 0;
    memset(counts, 0, sizeof counts);
    check(pipe(shared) == 0, "pipe");
    for (i = 0; i < 8; i++)
        pthread_create(&t[i], NULL, picks_shared, &counts[i]);
    for (i = 0; i < 2000; i++) {
        check(write(shared[1], "xyz", 3) == 3, "write");
        if (i % 5 == 0)
            sched_yield();
    }
    close(shared[1]);
    for (i = 0; i < 8; i++) {
        pthread_join(t[i], NULL);
        sum += counts[i];
    }
    check(sum == 6000, "every byte once");
    close(shared[0]);
}

/* ---- each kind of operation ---- */

static int listening(int backlog, struct sockaddr_in *at)
{
    socklen_t size = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(at, 0, sizeof *at);
    at->sin_family = AF_INET;
    at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(bind(fd, (struct sockaddr *)at, sizeof *at) == 0 && listen(fd, backlog) == 0, "listen");
    getsockname(fd, (struct sockaddr *)at, &size);
    return fd;
}

static void kinds(void)
{
    struct sockaddr_in at, busy, peer;
    int server = listening(5, &at), full = listening(0, &busy), i, client, fds[2];
    char c = 'c', block[1 << 16];
    struct coax_op ops[3];
    memset(block, 0, sizeof block);
    for (i = 0; i < 2; i++)
        connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (struct sockaddr *)&busy, sizeof busy);
    check(pipe(fds) == 0, "pipe");

    client = socket(AF_INET, SOCK_STREAM, 0);
    ops[0] = op(COAX_OP_CONNECT, client, NULL, 0);
    ops[0].addr = (struct sockaddr *)&busy;
    ops[0].addrlen = sizeof busy;
    ops[1] = sleep_op(0.02);
    check(coax_pick_op(ops, 2) == 1 && ops[1].result == 0, "a connect that is not answered");
    check(fcntl(client, F_GETFL) == O_RDWR, "the flags of the socket");
    ops[0].addr = (struct sockaddr *)&at;
    check(coax_pick_op(ops, 2) == 0 && ops[0].result == 0, "the same socket, elsewhere");
    ops[0] = op(COAX_OP_ACCEPT, server, NULL, 0);
    ops[0].addr = (struct sockaddr *)&peer;
    ops[0].addrlen = sizeof peer;
    check(coax_pick_op(ops, 2) == 0 && ops[0].result >= 0 && ops[0].addrlen == sizeof peer, "accept");
    i = (int)ops[0].result;
    check(peer.sin_family == AF_INET, "the peer's address");
    check(write(i, "q", 1) == 1 && read(client, &c, 1) == 1 && c == 'q', "they are connected");
    ops[0].addr = NULL;
    check(coax_pick_op(ops, 2) == 1, "nobody else");
    close(client);
    client = socket(AF_INET, SOCK_STREAM, 0);
    close(full);
    busy.sin_port = 1;
    ops[0] = op(COAX_OP_CONNECT, client, NULL, 0);
    ops[0].addr = (struct sockaddr *)&busy;
    ops[0].addrlen = sizeof busy;
    check(coax_pick_op(ops, 2) == 0 && ops[0].result == -1 && ops[0].error == ECONNREFUSED, "a connect that is refused");
    close(client);
    close(i);

    ops[0] = op(COAX_OP_WRITE, fds[1], block, 4096);
    for (i = 0; i < 1000 && coax_pick_op(ops, 2) == 0; i++)
        check(ops[0].result == 4096, "a write");
    check(i > 1 && i < 1000, "until it is full");
    ops[0].kind = COAX_OP_WAIT_WRITE;
    check(coax_pick_op(ops, 2) == 1, "not writable");
    ops[2] = op(COAX_OP_WAIT_READ, fds[0], NULL, 0);
    check(coax_pick_op(ops, 3) == 2 && ops[2].result == 0, "but readable");
    ops[0] = op(COAX_OP_READ, fds[0], block, 0);
    check(coax_pick_op(ops, 2) == 0 && ops[0].result == 0, "a read of nothing");
    ops[0] = op(COAX_OP_READ, fds[0], NULL, 100);
    check(coax_pick_op(ops, 2) == 0 && ops[0].result == -1 && ops[0].error == EFAULT, "a read to nowhere");
    ops[1] = sleep_op(0);
    check(coax_pick_op(ops + 1, 1) == 0, "only a sleep");
    close(fds[0]);
    ops[0] = op(COAX_OP_READ, fds[0], &c, 1);
    check(coax_pick_op(ops, 2) == 0 && ops[0].result == -1 && ops[0].error == EBADF, "a closed descriptor");
    ops[0].fd = -5;
    check(coax_pick_op(ops, 2) == 0 && ops[0].error == EBADF, "none at all");
    close(fds[1]);
    close(server);
}

/* ---- ended from outside ---- */

static int empty[2];

static int pick_empty(void *arg)
{
    char c;
    struct coax_op ops[2];
    ops[0] = op(COAX_OP_READ, empty[0], &c, 1);
    ops[1] = sleep_op(1e9);
    return (int)coax_pick_op(ops, arg == NULL ? 2 : 1);
}

struct result {
    int r, error;
};

static void *picks_empty(void *arg)
{
    struct result *s = arg;
    s->r = pick_empty(NULL);
    s->error = errno;
    return NULL;
}

static void outside(void)
{
    pthread_t t;
    struct result s;
    double nan = 0;
    struct coax_op o;
    check(pipe(empty) == 0, "pipe");
    check(coax_with_timeout(0.02, pick_empty, NULL) == -1 && errno == ETIMEDOUT, "a deadline");
    pthread_create(&t, NULL, picks_empty, &s);
    usleep(5000);
    check(coax_cancel(t) == 0 && coax_join(t, NULL) == -1 && errno == ECANCELED && s.r == -1 && s.error == ECANCELED, "cancel");
    pthread_create(&t, NULL, picks_empty, &s);
    usleep(5000);
    check(coax_fd_abort(empty[0], EIO) == 0 && coax_join(t, NULL) == 0 && s.r == 0, "abort");
    close(empty[0]);
    check(pipe(empty) == 0, "pipe");
    pthread_create(&t, NULL, picks_empty, &s);
    usleep(5000);
    close(empty[0]);
    check(coax_join(t, NULL) == 0 && s.r == -1 && s.error == EBADF, "close");
    nan = nan / nan;
    o = sleep_op(nan);
    check(coax_pick_op(&o, 1) == -1 && errno == EINVAL, "nan");
    o = sleep_op(-1);
    check(coax_pick_op(&o, 1) == -1 && errno == EINVAL, "-1");
    o = op(99, 0, NULL, 0);
    check(coax_pick_op(&o, 1) == -1 && errno == EINVAL, "no such operation");
    o.kind = -1;
    check(coax_pick_op(&o, 1) == -1 && errno == EINVAL, "no such operation");
    check(coax_pick_op(&o, 0) == -1 && errno == EINVAL && coax_pick_op(NULL, 1) == -1 && errno == EINVAL, "nothing");
    check(coax_pick_op(&o, (size_t)-1) == -1 && errno == EINVAL, "too much");
}

static int example(int writes)
{
    int fd1[2], fd2[2];
    char buf1[16], buf2[16];
    struct coax_op ops[3];
    ssize_t first;
    if (pipe(fd1) != 0 || pipe(fd2) != 0)
        return 1;
    if (writes != 0 && write(writes == 1 ? fd1[1] : fd2[1], "hello", 5) != 5)
        return 1;
    ops[0] = op(COAX_OP_READ, fd1[0], buf1, sizeof buf1);
    ops[1] = op(COAX_OP_READ, fd2[0], buf2, sizeof buf2);
    ops[2] = sleep_op(1.0);
    first = coax_pick_op(ops, 3);
    if (first < 0)
        printf("%s\n", strerror(errno));
    else if (first == 2)
        printf("timeout\n");
    else
        printf("read %d bytes from fd%d\n", (int)ops[first].result, (int)first + 1);
    return 0;
}

int main(int argc, char **argv)
{
    alarm(100);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && strcmp(argv[1], "example") == 0)
        return example(argc > 2 ? atoi(argv[2]) : 0);
    rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 10000;
    kinds();
    outside();
    crowd();
    many(0);
    many(1);
    printf("done\n");
    return wrong;
}
