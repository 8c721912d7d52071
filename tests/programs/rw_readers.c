/*
 * Several readers of one descriptor: every byte goes to exactly one of them; with "ordered" to who came first.
 * usage: rw_readers any|ordered pipe|stream|eventfd READERS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

enum { MOST = 64 };
static int fd[2];
static int event;
static int got[MOST];
static int order[MOST], next;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *reader(void *arg)
{
    long me = (long)arg;
    unsigned char c = 0;
    uint64_t one;
    if (event)
        CHECK(read(fd[0], &one, sizeof one) == sizeof one && one == 1);
    else
        CHECK(read(fd[0], &c, 1) == 1);
    pthread_mutex_lock(&lock);
    got[c]++;
    order[next++] = me;
    pthread_mutex_unlock(&lock);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t[MOST];
    CHECK(argc == 4);
    int ordered = !strcmp(argv[1], "ordered"), n = atoi(argv[3]);
    CHECK(n <= MOST);
    event = !strcmp(argv[2], "eventfd");
    if (event)
        CHECK((fd[0] = fd[1] = eventfd(0, EFD_SEMAPHORE)) >= 0);
    else if (!strcmp(argv[2], "pipe"))
        CHECK(pipe(fd) == 0);
    else
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    for (long i = 0; i < n; i++) {
        CHECK(pthread_create(&t[i], NULL, reader, (void *)i) == 0);
        if (ordered)
            usleep(5000);
    }
    for (int i = 0; i < n; i++) {
        unsigned char c = i;
        uint64_t one = 1;
        CHECK(event ? write(fd[1], &one, 8) == 8 : write(fd[1], &c, 1) == 1);
        if (ordered)
            usleep(2000);
    }
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    for (int i = 0; i < n; i++) {
        CHECK(event ? got[0] == n : got[i] == 1);
        if (ordered)
            CHECK(order[i] == i);
    }
    printf("%d readers of one %s: %s\n", n, argv[2], ordered ? "in order" : "each byte once");
    return 0;
}
