/*
 * Bad pointers in the calls of read and write, with data there and with a wait before it comes.
 * usage: rw_badptr 0|1 (1: in a second thread)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

extern ssize_t __read(int, void *, size_t);
extern ssize_t __write(int, const void *, size_t);
extern ssize_t __read_chk(int, void *, size_t, size_t);
extern ssize_t __pread_chk(int, void *, size_t, off_t, size_t);

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

/* Pointers no call may follow: low, unmapped, without access, and (to be written to) read-only. */
static char *nobody, *readonly;
#define LOW ((void *)8)

static void make_bad(void)
{
    CHECK((nobody = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
    CHECK((readonly = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
}

#define SHOW(call)                                                                                                     \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        long result_ = (long)(call);                                                                                   \
        printf("%s: %ld %s\n", #call, result_, result_ == -1 ? strerrorname_np(errno) : "");                           \
    } while (0)

/* The other end of a conversation: a thread in a threaded run, a child process in a single-threaded one. */
static int threaded;

struct peer {
    void (*run)(void *);
    void *arg;
    pthread_t thread;
    pid_t pid;
};

static void *peer_thread(void *p)
{
    ((struct peer *)p)->run(((struct peer *)p)->arg);
    return NULL;
}

static void peer_start(struct peer *p, void (*run)(void *), void *arg)
{
    p->run = run;
    p->arg = arg;
    if (threaded) {
        CHECK(pthread_create(&p->thread, NULL, peer_thread, p) == 0);
        return;
    }
    fflush(stdout);
    CHECK((p->pid = fork()) >= 0);
    if (p->pid == 0) {
        run(arg);
        _exit(0);
    }
}

static void peer_join(struct peer *p)
{
    int status = 0;
    if (threaded)
        CHECK(pthread_join(p->thread, NULL) == 0);
    else
        CHECK(waitpid(p->pid, &status, 0) == p->pid);
    CHECK(status == 0);
}

/* The scenario in n threads at once; with n = 0 once, in the only thread there is. */
static void crowd(int n, void *(*scenario)(void *))
{
    pthread_t t[n + 1];
    threaded = n > 0;
    if (!threaded)
        scenario(NULL);
    for (long i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, scenario, (void *)i) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
}

static int left(int fd)
{
    int n = -1;
    CHECK(ioctl(fd, FIONREAD, &n) == 0);
    return n;
}

static void reads(int in, int out)
{
    struct iovec low = {LOW, 4}, second[2] = {{NULL, 4}, {LOW, 4}};
    char good[8];
    second[0].iov_base = good;
    CHECK(write(out, "0123456789", 10) == 10);
    SHOW(read(in, LOW, 4));
    SHOW(read(in, nobody, 4));
    SHOW(read(in, readonly, 4));
    SHOW(read(in, NULL, 4));
    SHOW(read(in, (void *)-4096, 4));
    SHOW(__read(in, LOW, 4));
    SHOW(__read_chk(in, LOW, 4, 4));
    SHOW(readv(in, &low, 1));
    SHOW(readv(in, LOW, 1));
    SHOW(readv(in, (void *)nobody, 3));
    SHOW(preadv2(in, &low, 1, -1, 0));
    SHOW(preadv2(in, LOW, 1, -1, 0));
    SHOW(left(in));
    SHOW(readv(in, second, 2));
    SHOW(read(in, good, 8));
}

static void writes(int in, int out)
{
    struct iovec low = {LOW, 4}, second[2] = {{"good", 4}, {LOW, 4}};
    char good[8];
    SHOW(write(out, LOW, 4));
    SHOW(write(out, nobody, 4));
    SHOW(write(out, NULL, 4));
    SHOW(__write(out, LOW, 4));
    SHOW(writev(out, &low, 1));
    SHOW(writev(out, LOW, 1));
    SHOW(pwritev2(out, &low, 1, -1, 0));
    SHOW(pwritev2(out, LOW, 1, -1, 0));
    SHOW(left(in));
    SHOW(writev(out, second, 2));
    CHECK(fcntl(in, F_SETFL, O_NONBLOCK) == 0);
    SHOW(read(in, good, 8));
    CHECK(fcntl(in, F_SETFL, 0) == 0);
}

static void give(void *arg)
{
    usleep(20000);
    CHECK(write(*(int *)arg, "12345678", 8) == 8);
}

static void waits(int in, int out)
{
    struct peer peer;
    struct iovec low = {LOW, 8};
    char c[8];
    peer_start(&peer, give, &out);
    SHOW(read(in, LOW, 8));
    peer_join(&peer);
    SHOW(left(in));
    SHOW(read(in, c, 8));
    peer_start(&peer, give, &out);
    SHOW(readv(in, &low, 1));
    peer_join(&peer);
    SHOW(read(in, c, 8));
    peer_start(&peer, give, &out);
    SHOW(read(in, readonly, 8));
    peer_join(&peer);
    SHOW(read(in, c, 8));
}

static void take(void *arg)
{
    char *c = malloc(65536);
    usleep(20000);
    for (int n = 0; n < 65536;) {
        int got = read(*(int *)arg, c, 65536);
        CHECK(got > 0);
        n += got;
    }
    free(c);
}

static void full_pipe(void)
{
    struct peer peer;
    int fd[2];
    char *c = calloc(1, 65536);
    CHECK(pipe(fd) == 0 && fcntl(fd[1], F_SETPIPE_SZ, 65536) == 65536);
    CHECK(write(fd[1], c, 65536) == 65536);
    peer_start(&peer, take, &fd[0]);
    SHOW(write(fd[1], LOW, 65536));
    peer_join(&peer);
    SHOW(left(fd[0]));
    close(fd[0]);
    close(fd[1]);
    free(c);
}

static void files(void)
{
    char path[256];
    struct iovec low = {LOW, 4};
    int fd;
    snprintf(path, sizeof path, "%s/badXXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    CHECK((fd = mkstemp(path)) >= 0 && unlink(path) == 0);
    CHECK(write(fd, "0123456789", 10) == 10 && lseek(fd, 0, SEEK_SET) == 0);
    SHOW(read(fd, LOW, 4));
    SHOW(pread(fd, LOW, 4, 0));
    SHOW(pread64(fd, nobody, 4, 0));
    SHOW(__pread_chk(fd, LOW, 4, 0, 4));
    SHOW(pwrite(fd, LOW, 4, 0));
    SHOW(pwrite64(fd, nobody, 4, 0));
    SHOW(preadv(fd, &low, 1, 0));
    SHOW(preadv64(fd, LOW, 1, 0));
    SHOW(pwritev(fd, &low, 1, 0));
    SHOW(pwritev64(fd, LOW, 1, 0));
    SHOW(preadv64v2(fd, LOW, 1, 0, 0));
    SHOW(pwritev64v2(fd, LOW, 1, 0, 0));
    SHOW(lseek(fd, 0, SEEK_CUR));
    close(fd);
    CHECK((fd = open("/dev/zero", O_RDWR)) >= 0);
    SHOW(read(fd, LOW, 4));
    SHOW(write(fd, LOW, 4));
    close(fd);
}

static void *scenario(void *unused)
{
    int fd[2];
    puts("pipe");
    CHECK(pipe(fd) == 0);
    reads(fd[0], fd[1]);
    writes(fd[0], fd[1]);
    waits(fd[0], fd[1]);
    full_pipe();
    puts("stream");
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    reads(fd[0], fd[1]);
    writes(fd[0], fd[1]);
    waits(fd[0], fd[1]);
    puts("eventfd");
    CHECK((fd[0] = eventfd(1, 0)) >= 0);
    SHOW(read(fd[0], LOW, 8));
    SHOW(write(fd[0], LOW, 8));
    CHECK(eventfd_write(fd[0], 1) == 0); /* the value went with the failed read */
    SHOW(eventfd_read(fd[0], LOW));
    puts("file");
    files();
    puts("bad descriptor and bad pointer");
    SHOW(read(-1, LOW, 8));
    SHOW(readv(-1, LOW, 1));
    SHOW(write(999999, LOW, 8));
    return NULL;
}

int main(int argc, char **argv)
{
    closefrom(3); /* whatever was inherited */
    make_bad();
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    return 0;
}
