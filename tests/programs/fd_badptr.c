/*
 * Bad pointers in the calls that make and change descriptors.
 * usage: fd_badptr 0|1 (1: in a second thread)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

extern int __pipe(int[2]);
extern int __fcntl(int, int, ...);
extern int fcntl64(int, int, ...);

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

static void *scenario(void *unused)
{
    int before = dup(0);
    SHOW(pipe(LOW));
    SHOW(pipe((int *)nobody));
    SHOW(pipe((int *)readonly));
    SHOW(__pipe(LOW));
    SHOW(pipe2(LOW, O_CLOEXEC));
    SHOW(pipe2(NULL, 0));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)readonly));
    SHOW(fcntl(before, F_GETLK, LOW));
    SHOW(__fcntl(before, F_SETLK, nobody));
    SHOW(fcntl64(before, F_OFD_SETLKW, LOW));
    SHOW(fcntl(before, F_GETOWN_EX, LOW));
    SHOW(fcntl(before, F_SETOWN_EX, LOW));
    int after = dup(0);
    printf("%d descriptors between\n", after - before);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t;
    closefrom(3); /* whatever was inherited */
    make_bad();
    if (argc > 1 && atoi(argv[1]))
        CHECK(pthread_create(&t, NULL, scenario, NULL) == 0 && pthread_join(t, NULL) == 0);
    else
        scenario(NULL);
    return 0;
}
