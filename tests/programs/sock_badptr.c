/*
 * Bad pointers in the socket calls, with and without a wait before they would be looked at.
 * usage: sock_badptr 0|1 (1: in a second thread)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern ssize_t __send(int, const void *, size_t, int);
extern ssize_t __recv_chk(int, void *, size_t, size_t, int);
extern ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);
extern int __connect(int, const struct sockaddr *, socklen_t);

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

static void give(void *arg)
{
    usleep(20000);
    CHECK(send(*(int *)arg, "12345678", 8, 0) == 8);
}

static void stream(void)
{
    int fd[2];
    char c[16];
    struct peer peer;
    struct iovec good = {c, 8}, low = {LOW, 8};
    struct msghdr bad_vector = {.msg_iov = LOW, .msg_iovlen = 1}, bad_base = {.msg_iov = &low, .msg_iovlen = 1},
                  bad_control = {.msg_iov = &good, .msg_iovlen = 1, .msg_control = LOW, .msg_controllen = 64},
                  many = {.msg_iov = &good, .msg_iovlen = 1025};
    struct mmsghdr two[2] = {{.msg_hdr = {.msg_iov = &good, .msg_iovlen = 1}},
                             {.msg_hdr = {.msg_iov = LOW, .msg_iovlen = 1}}};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    puts("send");
    SHOW(send(fd[1], LOW, 8, 0));
    SHOW(__send(fd[1], nobody, 8, 0));
    SHOW(sendto(fd[1], LOW, 8, 0, NULL, 0));
    SHOW(sendto(fd[1], c, 8, 0, LOW, 16));
    SHOW(sendmsg(fd[1], LOW, 0));
    SHOW(sendmsg(fd[1], (void *)nobody, 0));
    SHOW(sendmsg(fd[1], &bad_vector, 0));
    SHOW(sendmsg(fd[1], &bad_base, 0));
    SHOW(sendmsg(fd[1], &bad_control, 0));
    SHOW(sendmsg(fd[1], &many, 0));
    SHOW(sendmmsg(fd[1], LOW, 1, 0));
    SHOW(left(fd[0]));
    SHOW(sendmmsg(fd[1], two, 2, 0));
    SHOW(left(fd[0]));
    SHOW(recv(fd[0], c, 16, MSG_DONTWAIT));
    puts("recv, data there");
    CHECK(write(fd[1], "0123456789", 10) == 10);
    SHOW(recv(fd[0], LOW, 8, 0));
    SHOW(recv(fd[0], readonly, 8, 0));
    SHOW(__recv_chk(fd[0], LOW, 8, 8, 0));
    SHOW(recvfrom(fd[0], nobody, 8, 0, NULL, NULL));
    SHOW(__recvfrom_chk(fd[0], LOW, 8, 8, 0, NULL, NULL));
    SHOW(recvmsg(fd[0], LOW, 0));
    SHOW(recvmsg(fd[0], &bad_vector, 0));
    SHOW(recvmsg(fd[0], &bad_base, 0));
    SHOW(recvmsg(fd[0], &many, 0));
    SHOW(recvmmsg(fd[0], LOW, 1, 0, NULL));
    SHOW(left(fd[0]));
    SHOW(recvmmsg(fd[0], two, 2, 0, NULL));
    SHOW(left(fd[0]));
    SHOW(recv(fd[0], c, 16, MSG_DONTWAIT));
    puts("recv, data later");
    peer_start(&peer, give, &fd[1]);
    SHOW(recv(fd[0], LOW, 8, 0));
    peer_join(&peer);
    SHOW(recv(fd[0], c, 8, 0));
    peer_start(&peer, give, &fd[1]);
    SHOW(recvmsg(fd[0], &bad_base, 0));
    peer_join(&peer);
    SHOW(recv(fd[0], c, 8, 0));
    /* Looked at before any wait. */
    SHOW(recvmsg(fd[0], LOW, 0));
    SHOW(recvmsg(fd[0], &bad_vector, 0));
    SHOW(recvmmsg(fd[0], LOW, 1, 0, NULL));
    SHOW(recvmmsg(fd[0], two, 1, 0, LOW));
    close(fd[0]);
    close(fd[1]);
}

static void dgram(void)
{
    int fd[2];
    struct peer peer;
    char c[16];
    socklen_t len = 16;
    puts("dgram");
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) == 0);
    CHECK(send(fd[1], "12345678", 8, 0) == 8);
    SHOW(recv(fd[0], LOW, 8, 0));
    SHOW(recv(fd[0], c, 8, MSG_DONTWAIT));
    CHECK(send(fd[1], "12345678", 8, 0) == 8);
    SHOW(recvfrom(fd[0], c, 8, 0, LOW, LOW));
    SHOW(recv(fd[0], c, 8, MSG_DONTWAIT));
    CHECK(send(fd[1], "12345678", 8, 0) == 8);
    SHOW(recvfrom(fd[0], c, 8, 0, LOW, &len));
    SHOW(recv(fd[0], c, 8, MSG_DONTWAIT));
    peer_start(&peer, give, &fd[1]);
    SHOW(recv(fd[0], LOW, 8, 0));
    peer_join(&peer);
    SHOW(recv(fd[0], c, 8, MSG_DONTWAIT));
    close(fd[0]);
    close(fd[1]);
}

static struct sockaddr_in where;

static void come(void *unused)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    usleep(20000);
    CHECK(connect(fd, (void *)&where, sizeof where) == 0);
    close(fd);
}

static void connections(void)
{
    socklen_t n = sizeof where;
    struct peer peer;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    puts("connections");
    SHOW(connect(fd, LOW, 16));
    SHOW(__connect(fd, (void *)nobody, 16));
    SHOW(connect(fd, NULL, 16));
    SHOW(connect(fd, NULL, 0));
    SHOW(bind(fd, LOW, 16));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, LOW));
    where = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(bind(listener, (void *)&where, n) == 0 && listen(listener, 5) == 0);
    SHOW(getsockname(listener, LOW, &n));
    SHOW(getsockname(listener, (void *)&where, LOW));
    n = sizeof where;
    CHECK(getsockname(listener, (void *)&where, &n) == 0);
    SHOW(getsockopt(listener, SOL_SOCKET, SO_TYPE, LOW, &n));
    SHOW(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, LOW, 16));
    n = sizeof where;
    peer_start(&peer, come, NULL);
    SHOW(accept(listener, LOW, &n));
    peer_join(&peer);
    peer_start(&peer, come, NULL);
    SHOW(accept(listener, (void *)&where, LOW));
    peer_join(&peer);
    n = sizeof where;
    CHECK(getsockname(listener, (void *)&where, &n) == 0);
    peer_start(&peer, come, NULL);
    SHOW(accept4(listener, (void *)readonly, &n, SOCK_CLOEXEC));
    peer_join(&peer);
    CHECK((fd = dup(fd)) >= 0); /* the failed ones left no descriptor behind */
    printf("%d more descriptors\n", fd - listener);
}

static void *scenario(void *unused)
{
    stream();
    dgram();
    connections();
    return NULL;
}

int main(int argc, char **argv)
{
    closefrom(3); /* whatever was inherited */
    make_bad();
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    return 0;
}
