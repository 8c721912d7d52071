/* Async methods: the default, a thread's own, inherited, nested, left by a jump; and what ends a thread that opens a
   FIFO. */
#define _GNU_SOURCE
#include <coax.h>
#include <setjmp.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int wrong;
static const char *fifo;

static void check(int good, const char *what)
{
    if (!good) {
        printf("wrong: %s (%s)\n", what, strerror(errno));
        wrong = 1;
    }
}

static void *its_method(void *arg)
{
    (void)arg;
    return (void *)(long)coax_async_method();
}

static int method_of_child(void)
{
    pthread_t t;
    void *m = NULL;
    pthread_create(&t, NULL, its_method, NULL);
    pthread_join(t, &m);
    return (int)(long)m;
}

static int innermost(void *arg)
{
    (void)arg;
    return 10 * coax_async_method() + method_of_child();
}

static int inner(void *arg)
{
    check(coax_async_method() == COAX_ASYNC_NONE, "none within");
    check(coax_with_async_switch(innermost, arg) == 11 * COAX_ASYNC_SWITCH, "switch within none");
    check(coax_async_method() == COAX_ASYNC_NONE, "none again");
    return 10 * coax_async_method() + method_of_child();
}

static jmp_buf env;

static int jumps(void *arg)
{
    (void)arg;
    longjmp(env, 1);
}

static void methods(void)
{
    check(coax_default_async_method() == COAX_ASYNC_DETACH && coax_async_method() == COAX_ASYNC_DETACH, "default");
    check(coax_set_default_async_method(COAX_ASYNC_SWITCH) == 0, "set");
    check(coax_async_method() == COAX_ASYNC_SWITCH && method_of_child() == COAX_ASYNC_SWITCH, "the new default");
    check(coax_set_default_async_method(3) == -1 && errno == EINVAL, "3 is none");
    check(coax_set_default_async_method(-1) == -1 && errno == EINVAL, "-1 is none");
    check(coax_set_default_async_method(COAX_ASYNC_DETACH) == 0, "and back");
    check(coax_with_async_none(inner, NULL) == 0, "with_none");
    check(coax_with_async_detach(innermost, NULL) == 11 * COAX_ASYNC_DETACH, "with_detach");
    check(coax_with_async_none(NULL, NULL) == -1 && errno == EINVAL, "no function");
    if (setjmp(env) == 0)
        coax_with_async_none(jumps, NULL);
    check(coax_async_method() == COAX_ASYNC_DETACH, "after a jump");
    printf("methods\n");
}

/* Without coax: no methods, and the functions run. */
static void bare(void)
{
    check(coax_default_async_method() == COAX_ASYNC_NONE && coax_async_method() == COAX_ASYNC_NONE, "none");
    check(coax_set_default_async_method(COAX_ASYNC_DETACH) == -1 && errno == ENOSYS, "ENOSYS");
    check(coax_with_async_switch(innermost, NULL) == 0 && coax_with_async_none(NULL, NULL) == -1 && errno == EINVAL, "with");
    printf("methods\n");
}

static void where(void *tid)
{
    *(int *)tid = (int)syscall(SYS_gettid);
}

static int own_method(void *arg)
{
    int tid = 0;
    check(coax_execute_job(-1, where, &tid, NULL, NULL) == 0, "a job by the thread's own method");
    return (tid == (int)syscall(SYS_gettid)) == *(int *)arg;
}

static void jobs(void)
{
    int here = 1, elsewhere = 0;
    check(coax_with_async_none(own_method, &here) == 1, "none: here");
    check(coax_with_async_switch(own_method, &here) == 1, "switch: here");
    check(coax_with_async_detach(own_method, &elsewhere) == 1, "detach: elsewhere");
    printf("jobs\n");
}

/* ---- a FIFO is opened ---- */

static int opens(void *arg)
{
    (void)arg;
    int fd = open(fifo, O_RDONLY);
    return fd < 0 ? -errno : fd;
}

static void *opener(void *arg)
{
    return (void *)(long)opens(arg);
}

static int under_deadline(void *arg)
{
    return coax_with_timeout(0.05, opens, arg);
}

static void *opener_under_deadline(void *arg)
{
    return (void *)(long)under_deadline(arg);
}

static int nobody_reads(void)
{
    int fd = open(fifo, O_WRONLY | O_NONBLOCK);
    return fd == -1 && errno == ENXIO;
}

static void deadlines(void)
{
    pthread_t t[10];
    void *r;
    int i;
    check(under_deadline(NULL) == -ETIMEDOUT, "a deadline, alone");
    check(coax_with_async_switch(under_deadline, NULL) == -ETIMEDOUT, "a deadline, alone, by switch");
    for (i = 0; i < 10; i++)
        pthread_create(&t[i], NULL, opener_under_deadline, NULL);
    for (i = 0; i < 10; i++)
        check(pthread_join(t[i], &r) == 0 && (long)r == -ETIMEDOUT, "a deadline");
    check(nobody_reads(), "nobody reads");
    check(coax_with_timeout(0, opens, NULL) == -ETIMEDOUT, "it has passed already");
    printf("deadlines\n");
}

static void cancelled(void)
{
    pthread_t t;
    void *r;
    int i;
    for (i = 0; i < 30; i++) {
        pthread_create(&t, NULL, opener, NULL);
        coax_sleep(i % 3 == 0 ? 0 : i * 0.0003);
        check(coax_cancel(t) == 0, "coax_cancel");
        check(pthread_join(t, &r) == 0 && (long)r == -ECANCELED, "ECANCELED");
    }
    check(nobody_reads(), "nobody reads");
    printf("cancelled\n");
}

/* A request that comes when nothing waits stays for the first call that does: no file's open. */
static void *late(void *arg)
{
    int fd;
    (void)arg;
    coax_cancel(pthread_self());
    fd = open("/dev/null", O_RDONLY);
    check(fd >= 0 && close(fd) == 0, "an open that need not wait");
    return (void *)(long)opens(NULL);
}

/* Cancelled while the other end is opened: one of the two, and no descriptor stays open. */
static void race(void)
{
    pthread_t t;
    void *r;
    int i, opened = 0;
    for (i = 0; i < 300; i++) {
        pthread_create(&t, NULL, opener, NULL);
        coax_sleep((rand() % 400) * 1e-6);
        if (i % 2)
            coax_cancel(t);
        int fd = open(fifo, O_WRONLY | O_NONBLOCK);
        check(fd >= 0 || errno == ENXIO, "the other end");
        coax_cancel(t);
        check(pthread_join(t, &r) == 0 && ((long)r >= 0 || (long)r == -ECANCELED), "one of the two");
        if ((long)r >= 0) {
            opened++;
            check((long)r < 20, "none stays open");
            close((int)(long)r);
        }
        if (fd >= 0)
            close(fd);
    }
    check(nobody_reads(), "nobody reads");
    if (getenv("HOW_OFTEN") != NULL)
        fprintf(stderr, "%d of %d opened\n", opened, i);
    printf("race\n");
}

/* The child has the thread that forked alone, and none of the limits of the others. */
static int opens_for_long(void *arg)
{
    return coax_with_timeout(100, opens, arg);
}

static void *opener_for_long(void *arg)
{
    return (void *)(long)opens_for_long(arg);
}

static void forks(void)
{
    pthread_t t;
    int i, status = 0;
    void *r;
    pthread_create(&t, NULL, opener_for_long, NULL);
    coax_sleep(0.02);
    for (i = 0; i < 5; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            _exit(under_deadline(NULL) == -ETIMEDOUT && under_deadline(NULL) == -ETIMEDOUT ? 7 : 8);
        }
        check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7, "a child");
    }
    coax_cancel(t);
    check(pthread_join(t, &r) == 0 && (long)r == -ECANCELED, "cancelled after forks");
    printf("forks\n");
}

/* ---- other calls on files ---- */

static int empty[2], full[2];

static int splices(void *arg)
{
    (void)arg;
    return splice(empty[0], NULL, full[1], NULL, 10, 0) < 0 ? -errno : 0;
}

static int sends(void *arg)
{
    (void)arg;
    return sendfile(full[1], open("/dev/zero", O_RDONLY | O_CLOEXEC), NULL, 1) < 0 ? -errno : 0;
}

static void *splicer(void *arg)
{
    return (void *)(long)splices(arg);
}

static void transfers(void)
{
    static char much[1 << 17];
    pthread_t t;
    void *r;
    char c;
    check(pipe(empty) == 0 && pipe2(full, O_NONBLOCK) == 0 && write(full[1], much, sizeof much) > 0, "pipes");
    check(fcntl(full[1], F_SETFL, 0) == 0, "blocking");
    check(coax_with_timeout(0.05, splices, NULL) == -ETIMEDOUT, "splice, a deadline");
    check(coax_with_timeout(0.05, sends, NULL) == -ETIMEDOUT, "sendfile, a deadline");
    pthread_create(&t, NULL, splicer, NULL);
    coax_sleep(0.02);
    coax_cancel(t);
    check(pthread_join(t, &r) == 0 && (long)r == -ECANCELED, "splice, cancelled");
    check(write(empty[1], "x", 1) == 1 && read(empty[0], &c, 1) == 1 && c == 'x', "no byte was taken");
    printf("transfers\n");
}

#define ABORTED(e) check((e) == -1 && errno == EUCLEAN, #e)

static void aborted(void)
{
    struct stat st;
    char buf[10];
    int fd = open(".", O_RDONLY), other = open("/dev/null", O_RDWR);
    check(fd >= 0 && other >= 0 && coax_fd_abort(fd, EUCLEAN) == 0, "abort");
    ABORTED(fstat(fd, &st));
    ABORTED(lseek(fd, 0, SEEK_SET));
    ABORTED(read(fd, buf, 1));
    ABORTED(write(fd, buf, 1));
    ABORTED(pread(fd, buf, 1, 0));
    ABORTED(pwrite(fd, buf, 1, 0));
    ABORTED(ftruncate(fd, 0));
    ABORTED(fsync(fd));
    ABORTED(fdatasync(fd));
    ABORTED(fchmod(fd, 0700));
    ABORTED(fchdir(fd));
    ABORTED(sendfile(other, fd, NULL, 1));
    ABORTED(splice(fd, NULL, other, NULL, 1, 0));
    check(posix_fallocate(fd, 0, 1) == EUCLEAN, "posix_fallocate");
    check(fdopendir(fd) == NULL && errno == EUCLEAN, "fdopendir");
    check(close(fd) == 0 && open(".", O_RDONLY) == fd && fstat(fd, &st) == 0, "the number's next owner");
    close(fd);
    close(other);
    printf("aborted\n");
}

int main(int argc, char **argv)
{
    pthread_t t;
    void *r;
    (void)argc;
    if (!coax_active()) {
        bare();
        return wrong;
    }
    fifo = argv[1];
    if (mkfifo(fifo, 0600) != 0)
        return 1;
    methods();
    jobs();
    deadlines();
    cancelled();
    pthread_create(&t, NULL, late, NULL);
    check(pthread_join(t, &r) == 0 && (long)r == -ECANCELED, "a request that was kept");
    race();
    forks();
    transfers();
    aborted();
    return wrong;
}
