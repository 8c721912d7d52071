/* Threads that write to threads which wait in read at the other end: order, sizes, who else uses the ends. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int sockets; /* the ends are a socketpair */

static void check(int good, const char *what)
{
    if (good)
        return;
    printf("wrong: %s (%s)\n", what, strerror(errno));
    exit(1);
}

static void *nothing(void *arg)
{
    return arg;
}

static pthread_t start(void *(*run)(void *), void *arg)
{
    pthread_t t;
    check(pthread_create(&t, NULL, run, arg) == 0, "pthread_create");
    return t;
}

static void join(pthread_t t)
{
    check(pthread_join(t, NULL) == 0, "pthread_join");
}

/* After the first thread, as most programs do: [0] is read, [1] written. */
static void ends(int fds[2])
{
    join(start(nothing, NULL));
    if (sockets)
        check(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "socketpair");
    else
        check(pipe(fds) == 0, "pipe");
}

static unsigned byte_at(unsigned long n)
{
    return (unsigned)((n * 2654435761u) >> 13 & 0xff);
}

/* ---- one stream, all sizes ---- */

enum { STREAM = 3 << 20 };
static int line[2];

static void *stream_reader(void *arg)
{
    static char on_heap[8192];
    char on_stack[8192];
    unsigned long at = 0;
    (void)arg;
    for (size_t round = 0;; round++) {
        char *buf = round % 3 == 0 ? on_heap : on_stack;
        ssize_t r = round % 5 == 0 && sockets ? recv(line[0], buf, round * 37 % 8000 + 1, 0)
                                              : read(line[0], buf, round * 37 % 8000 + 1);
        check(r >= 0, "read");
        if (r == 0)
            break;
        for (ssize_t i = 0; i < r; i++)
            check((unsigned char)buf[i] == byte_at(at + (unsigned long)i), "another byte");
        at += (unsigned long)r;
    }
    check(at == STREAM, "length");
    return NULL;
}

static void stream(void)
{
    static char on_heap[6000];
    char on_stack[6000];
    ends(line);
    pthread_t t = start(stream_reader, NULL);
    unsigned long at = 0;
    for (size_t round = 0; at < STREAM; round++) {
        char *buf = round % 4 == 0 ? on_heap : on_stack;
        size_t n = round % 7 == 0 ? round % 5700 : round % 130; /* 0 too */
        if (n > STREAM - at)
            n = STREAM - at;
        for (size_t i = 0; i < n; i++)
            buf[i] = (char)byte_at(at + i);
        ssize_t r = round % 5 == 0 && sockets ? send(line[1], buf, n, MSG_NOSIGNAL) : write(line[1], buf, n);
        check(r == (ssize_t)n, "write");
        at += n;
        if (round % 3 != 0)
            sched_yield();
    }
    close(line[1]);
    join(t);
    printf("%lu bytes\n", at);
}

/* ---- exact and near sizes ---- */

struct exchange {
    char data[64];
    ssize_t got;
};

static void *one_read(void *arg)
{
    struct exchange *x = arg;
    char buf[64];
    memset(buf, '.', sizeof buf);
    x->got = read(line[0], buf, 16);
    memcpy(x->data, buf, sizeof buf);
    return NULL;
}

static void sizes(void)
{
    char message[64] = "abcdefghijklmnopqrstuvwxyz";
    ends(line);
    for (int round = 0; round < 200; round++) {
        size_t n = 14 + (size_t)round % 5; /* 14 to 18; the read wants 16 */
        struct exchange x;
        pthread_t t = start(one_read, &x);
        sched_yield();
        if (round % 10 == 9)
            check(write(line[1], message, 0) == 0, "nothing");
        check(write(line[1], message, n) == (ssize_t)n, "write");
        join(t);
        check(x.got == (ssize_t)(n < 16 ? n : 16) && memcmp(x.data, message, (size_t)x.got) == 0, "read");
        check(x.data[x.got] == '.' && x.data[16] == '.', "more was written than read");
        char rest[64];
        if (n > 16)
            check(read(line[0], rest, sizeof rest) == (ssize_t)n - 16 && rest[0] == 'q', "the rest");
    }
    puts("sizes");
}

/* ---- messages that must not be joined ---- */

enum { PACKETS = 600 };

static void *packet_reader(void *arg)
{
    char buf[100];
    (void)arg;
    for (int i = 0; i < PACKETS; i++)
        check(read(line[0], buf, sizeof buf) == 20 && buf[0] == 'a' + i % 26, "a packet");
    return NULL;
}

/* Of a pipe only half are so: then it is changed. */
static void packets(void)
{
    char message[20] = "";
    ends(line);
    if (sockets)
        check(close(line[0]) == 0 && close(line[1]) == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, line) == 0,
              "SOCK_SEQPACKET");
    pthread_t t = start(packet_reader, NULL);
    for (int i = 0; i < PACKETS; i++) {
        if (i == PACKETS / 2 && !sockets)
            check(fcntl(line[1], F_SETFL, O_DIRECT) == 0, "O_DIRECT");
        message[0] = (char)('a' + i % 26);
        check(write(line[1], message, sizeof message) == sizeof message, "write");
        if (i % 3 == 2 || i < PACKETS / 2)
            for (int k = 0; k < 3; k++)
                sched_yield();
        if (i < PACKETS / 2) /* else two may be read as one */
            while (poll(&(struct pollfd){line[0], POLLIN, 0}, 1, 0) > 0)
                sched_yield();
    }
    join(t);
    puts("packets");
}

/* ---- records of many writers for many readers ---- */

enum { WRITERS = 7, READERS = 5, RECORDS = 3000 };

struct record {
    uint32_t writer, number, check, pad[5];
};

static uint8_t seen[WRITERS + 1][RECORDS];

static struct record make(uint32_t writer, uint32_t number)
{
    struct record r = {.writer = writer, .number = number};
    for (int i = 0; i < 5; i++)
        r.pad[i] = writer * 31 + number + (uint32_t)i;
    r.check = writer ^ number << 5;
    return r;
}

static void write_records(uint32_t writer)
{
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct record r = make(writer, i);
        check(write(line[1], &r, sizeof r) == sizeof r, "record");
        if (i % 97 == writer)
            sched_yield();
    }
}

static void *record_writer(void *arg)
{
    write_records((uint32_t)(uintptr_t)arg);
    return NULL;
}

static void *record_reader(void *arg)
{
    uint32_t last[WRITERS + 1] = {0};
    (void)arg;
    for (;;) {
        struct record r;
        ssize_t got = read(line[0], &r, sizeof r);
        if (got == 0)
            return NULL;
        check(got == sizeof r && r.writer <= WRITERS && r.number < RECORDS, "a torn record");
        struct record good = make(r.writer, r.number);
        check(memcmp(&r, &good, sizeof r) == 0, "another record");
        check(__atomic_add_fetch(&seen[r.writer][r.number], 1, __ATOMIC_RELAXED) == 1, "a record twice");
        check(r.number >= last[r.writer], "order");
        last[r.writer] = r.number;
    }
}

static volatile int enough;

static void *compute(void *arg)
{
    (void)arg;
    while (!enough)
        ;
    return NULL;
}

/* kind: 1 a process writes, too; 2 other threads compute meanwhile. */
static void records(int kind)
{
    pthread_t w[WRITERS], r[READERS], c[2];
    int other = kind == 1;
    ends(line);
    pid_t child = other ? fork() : 0;
    if (other && child == 0) {
        write_records(WRITERS);
        _exit(0);
    }
    for (uintptr_t i = 0; i < READERS; i++)
        r[i] = start(record_reader, NULL);
    for (int i = 0; kind == 2 && i < 2; i++)
        c[i] = start(compute, NULL);
    for (uintptr_t i = 0; i < WRITERS; i++)
        w[i] = start(record_writer, (void *)i);
    for (int i = 0; i < WRITERS; i++)
        join(w[i]);
    if (other)
        check(waitpid(child, NULL, 0) == child, "waitpid");
    close(line[1]);
    for (int i = 0; i < READERS; i++)
        join(r[i]);
    enough = 1;
    for (int i = 0; kind == 2 && i < 2; i++)
        join(c[i]);
    for (int i = 0; i < WRITERS + (other != 0); i++)
        for (int k = 0; k < RECORDS; k++)
            check(seen[i][k] == 1, "a record is missing");
    puts("records");
}

/* ---- what another process has written before comes before ---- */

enum { TURNS = 4000 };

static void *turn_reader(void *arg)
{
    char expected = 'x';
    (void)arg;
    for (int i = 0; i < TURNS;) {
        char buf[40];
        ssize_t got = read(line[0], buf, sizeof buf);
        check(got > 0, "read");
        for (ssize_t k = 0; k < got; k++) {
            if (buf[k] == 'w') /* only to keep the two ends in step */
                continue;
            check(buf[k] == expected, "the order of two processes");
            expected = buf[k] == 'x' ? 'y' : 'x';
            i += buf[k] == 'y';
        }
    }
    return NULL;
}

/* The child says when it has written: over a socket, or in memory that both share. */
static void causes(void)
{
    int ask[2];
    char c;
    volatile int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ends(line);
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, ask) == 0 && shared != MAP_FAILED, "socketpair");
    pid_t child = fork();
    if (child == 0) {
        close(ask[0]);
        for (int i = 1; read(ask[1], &c, 1) == 1; i++) {
            check(write(line[1], "x", 1) == 1, "the child's");
            *shared = i;
            check(write(ask[1], &c, 1) == 1, "the child's answer");
        }
        _exit(0);
    }
    close(ask[1]);
    pthread_t t = start(turn_reader, NULL);
    for (int i = 1; i <= TURNS; i++) {
        for (int k = 0; k < i % 4; k++) {
            sched_yield();
            check(write(line[1], "wwwwwwwwww", 10) == 10, "write");
        }
        check(write(ask[0], "?", 1) == 1, "ask");
        if (i % 2 != 0)
            while (*shared < i)
                sched_yield();
        else
            check(read(ask[0], &c, 1) == 1, "answer");
        check(write(line[1], "ywwwwwwwww", 10) == 10, "write");
        if (i % 2 != 0)
            check(read(ask[0], &c, 1) == 1, "answer");
    }
    join(t);
    close(ask[0]);
    check(waitpid(child, NULL, 0) == child, "waitpid");
    puts("causes");
}

/* ---- stdio writes behind the hooks ---- */

enum { LINES = 5000 };

static void *line_reader(void *arg)
{
    char text[16], want[16];
    (void)arg;
    for (int i = 0; i < LINES; i++) {
        snprintf(want, sizeof want, "%c%07d", i % 10 == 7 ? 'p' : 'w', i);
        for (size_t have = 0; have < 8;) {
            ssize_t got = read(line[0], text + have, 8 - have);
            check(got > 0, "read");
            have += (size_t)got;
        }
        check(memcmp(text, want, 8) == 0, "a line in another place");
    }
    return NULL;
}

static void mixed(void)
{
    ends(line);
    pthread_t t = start(line_reader, NULL);
    FILE *f = fdopen(line[1], "w");
    for (int i = 0; i < LINES; i++) {
        char text[16];
        if (i % 10 == 7) {
            fprintf(f, "p%07d", i);
            check(fflush(f) == 0, "fflush");
        } else {
            snprintf(text, sizeof text, "w%07d", i);
            check(write(line[1], text, 8) == 8, "write");
        }
        if (i % 10 != 7)
            sched_yield();
    }
    join(t);
    puts("mixed");
}

/* ---- the number changes ---- */

static volatile int stop_echo;
static unsigned long echoed;

static void *swallow(void *arg)
{
    char buf[64];
    ssize_t got;
    (void)arg;
    while ((got = read(line[0], buf, sizeof buf)) > 0) {
        check(memchr(buf, '!', (size_t)got) == NULL, "bytes for somebody else");
        echoed += (unsigned long)got;
    }
    return NULL;
}

static void warm(void)
{
    for (int i = 0; i < 50; i++) {
        sched_yield();
        check(write(line[1], "0123456789abcdef", 16) == 16, "write");
    }
    sched_yield();
}

static long raw(long number, long a, long b)
{
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"(number), "D"(a), "S"(b), "d"(0) : "rcx", "r11", "memory");
    return r;
}

/* how: how the number goes, with a copy of it left, but for the last; then it is a file's. */
static void number(int how)
{
    char name[] = "/tmp/rw_handover.XXXXXX", back[64];
    ends(line);
    int copy = how == 5 ? -1 : dup(line[1]);
    int other = mkstemp(name), w = line[1];
    check((copy >= 0 || how == 5) && other >= 0, "copy");
    pthread_t t = start(swallow, NULL);
    warm();
    FILE *f = how == 0 ? fdopen(w, "w") : NULL;
    if (how == 0)
        check(fclose(f) == 0, "fclose");
    else if (how == 1)
        check(close(w) == 0, "close");
    else if (how == 2)
        check(dup2(other, w) == w, "dup2");
    else if (how == 3)
        check(syscall(SYS_close, w) == 0, "syscall");
    else
        check(raw(SYS_close, w, 0) == 0, "raw close");
    if (how != 2 && how < 4)
        check(open(name, O_RDWR) == w, "the number is used anew");
    if (how >= 4)
        check(raw(SYS_open, (long)name, O_RDWR) == w, "the number is used anew");
    for (int i = 0; i < 3; i++) {
        sched_yield();
        check(write(w, "file!file!file!!", 16) == 16, "write to the file");
    }
    check(pread(other, back, sizeof back, 0) == 48 && memcmp(back, "file!file!file!!", 16) == 0, "the file");
    line[1] = copy;
    if (copy >= 0)
        warm();
    close(copy);
    join(t);
    unlink(name);
    printf("%lu bytes\n", echoed);
}

/* ---- bad memory ---- */

static char *bad_page, *edge;
static ssize_t bad_got;
static int bad_errno;

static void *bad_reader(void *arg)
{
    bad_got = read(line[0], arg, 100);
    bad_errno = errno;
    return NULL;
}

static void pointers(void)
{
    char message[100], buf[100];
    memset(message, 'm', sizeof message);
    bad_page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(bad_page != MAP_FAILED, "mmap");
    mprotect(bad_page + 4096, 4096, PROT_NONE);
    mprotect(bad_page + 2 * 4096, 4096, PROT_READ);
    ends(line);
    pthread_t t = start(swallow, NULL);
    warm();
    const char *sources[] = {bad_page + 4096, bad_page + 4090, NULL, (char *)-4096, (char *)8};
    for (int i = 0; i < 5; i++) {
        sched_yield();
        check(write(line[1], sources[i], 100) == -1 && errno == EFAULT, "a bad source");
        check(i == 1 || (write(line[1], sources[i], 3) == -1 && errno == EFAULT), "a small bad source");
    }
    warm();
    echoed = 0;
    sched_yield();
    check(write(line[1], bad_page, 60) == 60, "a good source");
    check(pthread_cancel(t) == 0, "cancel");
    join(t);
    char *targets[] = {bad_page + 4096, bad_page + 2 * 4096 + 7, NULL, (char *)-4096, (char *)8};
    for (int i = 0; i < 5; i++) {
        t = start(bad_reader, targets[i]);
        for (int k = 0; k < 3; k++)
            sched_yield();
        check(write(line[1], message, 100) == 100, "write");
        join(t);
        printf("%zd %s\n", bad_got, bad_got < 0 ? strerror(bad_errno) : "");
        check(read(line[0], buf, 100) == 100, "still there");
    }
}

/* ---- flags, ends ---- */

static void ended(void)
{
    char buf[16];
    ends(line);
    pthread_t t = start(swallow, NULL);
    warm();
    if (sockets)
        check(shutdown(line[1], SHUT_WR) == 0, "shutdown");
    else
        close(line[1]);
    join(t); /* it saw the end */
    if (sockets)
        check(send(line[1], "a", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "EPIPE");
    close(line[0]);
    close(line[1]);
    ends(line);
    t = start(swallow, NULL);
    warm();
    check(pthread_cancel(t) == 0, "cancel");
    join(t);
    close(line[0]);
    signal(SIGPIPE, SIG_IGN);
    check(write(line[1], "0123456789abcdef", 16) == -1 && errno == EPIPE, "EPIPE of a write");
    close(line[1]);
    for (int how = 0; how < 2; how++) {
        int on = 1;
        ends(line);
        t = start(swallow, NULL);
        warm();
        check(pthread_cancel(t) == 0, "cancel");
        join(t);
        check(how == 0 ? fcntl(line[0], F_SETFL, O_NONBLOCK) == 0 : ioctl(line[0], FIONBIO, &on) == 0, "O_NONBLOCK");
        while (read(line[0], buf, sizeof buf) > 0)
            ;
        check(errno == EAGAIN, "EAGAIN");
        if (!sockets)
            check(write(line[0], buf, 16) == -1 && errno == EBADF, "the wrong end");
    }
    puts("ended");
}

/* ---- the end of a wait and a message at the same time ---- */

enum { RACES = 3000 };
static volatile int race_got, race_woken;
static unsigned seed = 12345;

static unsigned chance(unsigned n)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % n;
}

static void on_signal(int n)
{
    (void)n;
}

static void *race_reader(void *arg)
{
    char buf[32];
    ssize_t got = read(line[0], buf, sizeof buf);
    if (got > 0)
        race_got += (int)got;
    else
        check(arg != NULL || (got == -1 && (errno == EINTR || errno == EAGAIN || errno == ETIMEDOUT)), "read");
    __atomic_store_n(&race_woken, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void pause_a_while(void)
{
    struct timespec t = {0, chance(3) * 40000};
    for (unsigned i = chance(5); i > 0; i--)
        sched_yield();
    if (chance(4) == 0)
        nanosleep(&t, NULL);
}

/* kind: 0 cancellation, 1 a handler, 2 SO_RCVTIMEO. A byte is read or still there: nothing else. (Of cancellation this
 * is not so in libc, which may cancel a read that has got its bytes.) */
static void race(int kind)
{
    struct sigaction sa = {.sa_handler = on_signal};
    int lost = 0, read_twice = 0;
    sigaction(SIGUSR1, &sa, NULL);
    ends(line);
    for (int i = 0; i < RACES; i++) {
        struct timeval tv = {0, (int)chance(300) + 1};
        char buf[32];
        race_got = race_woken = 0;
        if (kind == 2)
            check(setsockopt(line[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == 0, "SO_RCVTIMEO");
        pthread_t t = start(race_reader, kind == 0 ? (void *)1 : NULL);
        pause_a_while();
        int first = (int)chance(2);
        for (int step = 0; step < 2; step++) {
            if (step == first)
                check(write(line[1], "ten bytes.", 10) == 10, "write");
            else if (kind == 0)
                pthread_cancel(t);
            else if (kind == 1)
                pthread_kill(t, SIGUSR1);
            if (chance(2))
                pause_a_while();
        }
        join(t);
        struct pollfd p = {line[0], POLLIN, 0};
        int left = poll(&p, 1, 0) == 1 ? (int)read(line[0], buf, sizeof buf) : 0;
        lost += race_got + left < 10;
        read_twice += race_got + left > 10;
    }
    printf("%d twice\n", read_twice);
    if (kind != 0 || getenv("COUNT_LOST") != NULL)
        printf("%d lost\n", lost);
}

/* ---- a handler on top of the read, which jumps away ---- */

enum { JUMPS = 500 };
static sigjmp_buf away;
static volatile int in_handler, written, reads;

static void jump(int n)
{
    (void)n;
    in_handler = 1;
    while (!written)
        sched_yield();
    siglongjmp(away, 1);
}

static void *jumper(void *arg)
{
    char buf[16];
    (void)arg;
    for (int i = 0; i < 4 * JUMPS; i++) {
        (void)sigsetjmp(away, 1);
        check(read(line[0], buf, sizeof buf) == sizeof buf && buf[0] == '0', "read");
        reads++;
    }
    return NULL;
}

static void jumps(void)
{
    struct sigaction sa = {.sa_handler = jump};
    sigaction(SIGUSR1, &sa, NULL);
    ends(line);
    pthread_t t = start(jumper, NULL);
    for (int i = 0; i < 4 * JUMPS; i++) {
        while (reads < i)
            sched_yield();
        for (int k = 0; k < 5; k++)
            sched_yield();
        in_handler = written = 0;
        if (i % 4 == 3)
            check(pthread_kill(t, SIGUSR1) == 0, "pthread_kill");
        while (i % 4 == 3 && !in_handler)
            sched_yield();
        check(write(line[1], "0123456789abcdef", 16) == 16, "write");
        written = 1;
    }
    join(t);
    puts("jumps");
}

/* ---- a child has copies of all ---- */

static void forks(void)
{
    ends(line);
    pthread_t t = start(swallow, NULL);
    for (int i = 0; i < 20; i++) {
        warm();
        pid_t child = fork();
        if (child == 0) {
            _exit(write(line[1], "0123456789abcdef", 16) != 16);
        }
        int status;
        check(waitpid(child, &status, 0) == child && status == 0, "the child");
    }
    close(line[1]);
    join(t);
    printf("%lu bytes\n", echoed);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    sockets = argc > 2 && strcmp(argv[2], "socket") == 0;
    int n = argc > 3 ? atoi(argv[3]) : 0;
    if (strcmp(what, "stream") == 0)
        stream();
    else if (strcmp(what, "sizes") == 0)
        sizes();
    else if (strcmp(what, "packets") == 0)
        packets();
    else if (strcmp(what, "records") == 0)
        records(n);
    else if (strcmp(what, "causes") == 0)
        causes();
    else if (strcmp(what, "mixed") == 0)
        mixed();
    else if (strcmp(what, "number") == 0)
        number(n);
    else if (strcmp(what, "pointers") == 0)
        pointers();
    else if (strcmp(what, "ended") == 0)
        ended();
    else if (strcmp(what, "race") == 0)
        race(n);
    else if (strcmp(what, "jumps") == 0)
        jumps();
    else if (strcmp(what, "forks") == 0)
        forks();
    else
        return 2;
    return 0;
}
