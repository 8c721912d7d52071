/* A descriptor is closed, or aborted, while two threads wait with it for a lock on its file, or for a message: both calls
 * fail, and the number's next owner is left alone. Argument: a directory. */
#define _GNU_SOURCE
#include <coax.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { FLOCK, LOCKF, OFD, MQ, KINDS };

static char path[300], other_path[300];
static int kind, fd, began;

static void *waits(void *arg)
{
    struct flock l;
    char m[8];
    int r;
    memset(&l, 0, sizeof l);
    l.l_type = F_WRLCK;
    (void)arg;
    __atomic_fetch_add(&began, 1, __ATOMIC_SEQ_CST);
    r = kind == FLOCK   ? flock(fd, LOCK_EX)
        : kind == LOCKF ? lockf(fd, F_LOCK, 0)
        : kind == OFD   ? fcntl(fd, F_OFD_SETLKW, &l)
                        : (int)mq_receive(fd, m, sizeof m, NULL);
    CHECK(r == -1);
    return (void *)(long)errno;
}

static int open_it(void)
{
    struct mq_attr attr;
    char name[60];
    int made;
    memset(&attr, 0, sizeof attr);
    attr.mq_maxmsg = 1;
    attr.mq_msgsize = 8;
    if (kind != MQ)
        return open(path, O_RDWR);
    snprintf(name, sizeof name, "/close-%d", (int)getpid());
    made = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
    mq_unlink(name);
    return made;
}

static void one(int abort_it)
{
    pthread_t t[2];
    void *e;
    int i, next;
    fd = open_it();
    began = 0;
    CHECK(fd >= 0);
    for (i = 0; i < 2; i++) {
        CHECK(pthread_create(&t[i], NULL, waits, NULL) == 0);
        while (__atomic_load_n(&began, __ATOMIC_SEQ_CST) <= i)
            usleep(500);
        usleep(3000);
    }
    if (abort_it) {
        CHECK(coax_fd_abort(fd, EPROTO) == 0);
    } else {
        CHECK((kind == MQ ? mq_close(fd) : close(fd)) == 0);
        next = open(other_path, O_RDWR);
        CHECK(next == fd);
    }
    for (i = 0; i < 2; i++) {
        CHECK(pthread_join(t[i], &e) == 0);
        if ((long)e != (abort_it ? EPROTO : EBADF)) {
            printf("kind %d: %s\n", kind, strerror((int)(long)e));
            exit(1);
        }
    }
    if (!abort_it) { /* nobody has locked it */
        int again = open(other_path, O_RDWR);
        CHECK(flock(again, LOCK_EX | LOCK_NB) == 0 && close(again) == 0);
    }
    CHECK(close(fd) == 0);
}

int main(int argc, char **argv)
{
    int ready[2], status, i;
    pid_t child;
    char c = 'x';
    (void)argc;
    alarm(50);
    setbuf(stdout, NULL);
    snprintf(path, sizeof path, "%s/close", argv[1]);
    snprintf(other_path, sizeof other_path, "%s/other", argv[1]);
    CHECK(pipe(ready) == 0 && close(open(other_path, O_RDWR | O_CREAT, 0600)) == 0);
    child = fork();
    if (child == 0) {
        fd = open(path, O_RDWR | O_CREAT, 0600);
        CHECK(lockf(fd, F_LOCK, 0) == 0 && flock(fd, LOCK_EX) == 0 && write(ready[1], &c, 1) == 1);
        alarm(60);
        pause();
    }
    CHECK(read(ready[0], &c, 1) == 1);
    for (kind = 0; kind < KINDS; kind++)
        for (i = 0; i < 60; i++)
            one(i % 2);
    kill(child, SIGKILL);
    CHECK(waitpid(child, &status, 0) == child);
    puts("closed and aborted");
    return 0;
}
