/*
 * One number, many files: threads open and close descriptors of every kind in turn, so that each number is soon
 * something else, also behind libc's back (raw system calls, stdio); what is read is always from the file it is now.
 * usage: fd_churn THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
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

static void send_late(void *arg)
{
    usleep(1000);
    CHECK(write(*(int *)arg, "12345678", 8) == 8);
}

static void use(int in, int out)
{
    char c[8];
    struct peer peer;
    CHECK(write(out, "abcdefgh", 8) == 8 && read(in, c, 8) == 8);
    peer_start(&peer, send_late, &out);
    CHECK(read(in, c, 8) == 8);
    peer_join(&peer);
}

static void shut(int how, int fd)
{
    FILE *f;
    switch (how % 4) {
    case 0:
        CHECK(close(fd) == 0);
        break;
    case 1:
        CHECK(syscall(SYS_close, fd) == 0);
        break;
    case 2:
        CHECK((f = fdopen(fd, "r+")) != NULL || (f = fdopen(fd, "r")) != NULL || (f = fdopen(fd, "w")) != NULL);
        CHECK(fclose(f) == 0);
        break;
    default:
        CHECK(close_range(fd, fd, 0) == 0);
    }
}

static void *scenario(void *arg)
{
    int fd[2];
    char c[16];
    for (int i = 0; i < 40; i++) {
        int kind = (i + (long)arg) % 6;
        switch (kind) {
        case 0:
            CHECK(pipe(fd) == 0);
            use(fd[0], fd[1]);
            break;
        case 1:
            CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
            use(fd[0], fd[1]);
            break;
        case 2:
            CHECK((fd[0] = eventfd(0, 0)) >= 0 && (fd[1] = dup(fd[0])) >= 0);
            use(fd[0], fd[1]);
            break;
        case 3:
            CHECK((fd[0] = memfd_create("m", 0)) >= 0 && (fd[1] = open("/dev/zero", O_RDONLY)) >= 0);
            CHECK(write(fd[0], "0123456789", 10) == 10 && pread(fd[0], c, 16, 5) == 5 && read(fd[1], c, 16) == 16);
            break;
        case 4:
            CHECK(syscall(SYS_pipe2, fd, 0) == 0);
            use(fd[0], fd[1]);
            break;
        default:
            CHECK(syscall(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET, 0, fd) == 0);
            use(fd[0], fd[1]);
        }
        shut(i / 6, fd[0]);
        shut(i / 6, fd[1]);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("every number was what it was");
    return 0;
}
