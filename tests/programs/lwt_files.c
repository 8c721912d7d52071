/* lwt_files NAME DIR: what Lwt_unix calls NAME, as a C program calls it, in four threads at once, each in a directory
 * of its own. Prints what each call gave, once if it gave all threads the same. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4 };

static struct task {
    pthread_t thread;
    char dir[200], a[256], b[256]; /* two names in it */
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

/* A name that no process has mapped. */
static const char *volatile nowhere = (const char *)1;

static int made(const char *path, const char *text)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0640);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        abort();
    return fd;
}

static void make(const char *path)
{
    close(made(path, "twelve bytes"));
}

static long size_of(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 ? (long)s.st_size : -1;
}

static long mode_of(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 ? (long)s.st_mode : -1;
}

static void openfile(struct task *t)
{
    int fd;
    SAY(open(t->a, O_RDONLY));
    SAY((fd = open(t->a, O_RDWR | O_CREAT | O_EXCL, 0600)) >= 0);
    SAY(open(t->a, O_RDWR | O_CREAT | O_EXCL, 0600));
    SAY(open(t->a, O_DIRECTORY));
    SAY(open(t->dir, O_WRONLY));
    SAY(open(nowhere, O_RDONLY));
    SAY(mode_of(t->a));
    SAY(write(fd, "abc", 3));
    SAY(close(fd));
    SAY((fd = open64(t->a, O_RDONLY | O_CLOEXEC)) >= 0);
    SAY(fcntl(fd, F_GETFD));
    SAY(write(fd, "abc", 3));
    SAY(close(fd));
    SAY((fd = openat(AT_FDCWD, t->a, O_WRONLY | O_APPEND)) >= 0);
    SAY(write(fd, "def", 3));
    SAY(close(fd));
    SAY(openat(fd, "relative", O_RDONLY));
    SAY((fd = creat(t->b, 0640)) >= 0);
    SAY(close(fd));
    SAY(size_of(t->a));
}

static void lseek_(struct task *t)
{
    int fd = made(t->a, "0123456789"), pipe_fds[2];
    char c = 0;
    if (pipe(pipe_fds) != 0)
        abort();
    SAY(lseek(fd, 4, SEEK_SET));
    SAY(read(fd, &c, 1));
    SAY(c);
    SAY(lseek(fd, 2, SEEK_CUR));
    SAY(lseek(fd, -1, SEEK_END));
    SAY(read(fd, &c, 1));
    SAY(c);
    SAY(lseek(fd, 0, SEEK_HOLE));
    SAY(lseek(fd, 1000000, SEEK_SET));
    SAY(lseek(fd, -1, SEEK_SET));
    SAY(lseek(fd, 0, 77));
    SAY(lseek(pipe_fds[0], 0, SEEK_CUR));
    SAY(lseek(-1, 0, SEEK_SET));
    close(fd);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void truncate_(struct task *t)
{
    make(t->a);
    SAY(truncate(t->a, 5));
    SAY(size_of(t->a));
    SAY(truncate(t->a, 5000));
    SAY(size_of(t->a));
    SAY(truncate(t->a, -1));
    SAY(truncate(t->b, 0));
    SAY(truncate(t->dir, 0));
    SAY(truncate(nowhere, 0));
}

static void ftruncate_(struct task *t)
{
    int fd = made(t->a, "twelve bytes");
    SAY(ftruncate(fd, 5));
    SAY(size_of(t->a));
    SAY(ftruncate(fd, 5000));
    SAY(size_of(t->a));
    SAY(ftruncate(fd, -1));
    close(fd);
    fd = open(t->a, O_RDONLY);
    SAY(ftruncate(fd, 1));
    close(fd);
    SAY(ftruncate(-1, 1));
}

static void sync_both(struct task *t, int (*sync_it)(int))
{
    int fd = made(t->a, "twelve bytes"), pipe_fds[2];
    if (pipe(pipe_fds) != 0)
        abort();
    SAY(sync_it(fd));
    SAY(sync_it(pipe_fds[0]));
    close(fd);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    SAY(sync_it(-1));
}

static void fsync_(struct task *t)
{
    sync_both(t, fsync);
}

static void fdatasync_(struct task *t)
{
    sync_both(t, fdatasync);
}

static void stat_(struct task *t)
{
    struct stat s;
    make(t->a);
    if (symlink(t->a, t->b) != 0)
        abort();
    SAY(stat(t->a, &s));
    SAY(s.st_mode);
    SAY(s.st_size);
    SAY(stat(t->b, &s));
    SAY(S_ISREG(s.st_mode));
    SAY(stat(t->dir, &s));
    SAY(S_ISDIR(s.st_mode));
    unlink(t->a);
    SAY(stat(t->a, &s));
    SAY(stat(t->b, &s));
    SAY(stat(nowhere, &s));
    SAY(stat(t->dir, (struct stat *)nowhere));
}

static void lstat_(struct task *t)
{
    struct stat s;
    make(t->a);
    if (symlink(t->a, t->b) != 0)
        abort();
    SAY(lstat(t->a, &s));
    SAY(S_ISREG(s.st_mode));
    SAY(lstat(t->b, &s));
    SAY(S_ISLNK(s.st_mode));
    unlink(t->a);
    SAY(lstat(t->a, &s));
    SAY(lstat(t->b, &s));
    SAY(lstat(nowhere, &s));
}

static void fstat_(struct task *t)
{
    struct stat s;
    int fd = made(t->a, "twelve bytes"), pipe_fds[2];
    if (pipe(pipe_fds) != 0)
        abort();
    SAY(fstat(fd, &s));
    SAY(s.st_size);
    unlink(t->a);
    SAY(fstat(fd, &s));
    SAY(s.st_nlink);
    SAY(fstat(pipe_fds[0], &s));
    SAY(S_ISFIFO(s.st_mode));
    SAY(fstat(-1, &s));
    SAY(fstat(fd, (struct stat *)nowhere));
    close(fd);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void isatty_(struct task *t)
{
    int fd = made(t->a, ""), pty = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    SAY(isatty(fd));
    SAY(isatty(pty));
    SAY(isatty(-1));
    close(fd);
    close(pty);
}

static void LargeFile(struct task *t)
{
    struct stat64 s;
    int fd = made(t->a, "x");
    SAY(lseek64(fd, 5L << 30, SEEK_SET));
    SAY(write(fd, "x", 1));
    SAY(fstat64(fd, &s));
    SAY(s.st_size);
    SAY(ftruncate64(fd, 6L << 30));
    SAY(stat64(t->a, &s));
    SAY(s.st_size);
    SAY(truncate64(t->a, 7L << 30));
    SAY(lstat64(t->a, &s));
    SAY(s.st_size);
    SAY(truncate64(t->a, -1));
    SAY(lseek64(fd, -1, SEEK_SET));
    close(fd);
}

static void unlink_(struct task *t)
{
    make(t->a);
    SAY(unlink(t->a));
    SAY(unlink(t->a));
    SAY(unlink(t->dir) == -1);
    SAY(unlink(nowhere));
    make(t->a);
    SAY(unlinkat(AT_FDCWD, t->a, 0));
    SAY(mode_of(t->a));
}

static void rename_(struct task *t)
{
    make(t->a);
    SAY(rename(t->a, t->b));
    SAY(size_of(t->b));
    SAY(rename(t->a, t->b));
    SAY(rename(t->b, t->dir));
    SAY(rename(t->dir, t->b));
    SAY(rename(nowhere, t->b));
}

static void link_(struct task *t)
{
    struct stat s;
    make(t->a);
    SAY(link(t->a, t->b));
    SAY(stat(t->b, &s));
    SAY(s.st_nlink);
    SAY(link(t->a, t->b));
    unlink(t->a);
    SAY(link(t->a, t->b));
    SAY(link(nowhere, t->b));
}

static void chmod_(struct task *t)
{
    make(t->a);
    SAY(chmod(t->a, 0604));
    SAY(mode_of(t->a));
    SAY(chmod(t->b, 0600));
    SAY(chmod(nowhere, 0600));
}

static void fchmod_(struct task *t)
{
    int fd = made(t->a, "");
    SAY(fchmod(fd, 0604));
    SAY(mode_of(t->a));
    close(fd);
    SAY(fchmod(-1, 0600));
}

static void chown_(struct task *t)
{
    make(t->a);
    SAY(chown(t->a, getuid(), getgid()));
    SAY(chown(t->a, (uid_t)-1, (gid_t)-1));
    SAY(chown(t->b, getuid(), getgid()));
}

static void fchown_(struct task *t)
{
    int fd = made(t->a, "");
    SAY(fchown(fd, getuid(), getgid()));
    SAY(fchown(fd, (uid_t)-1, (gid_t)-1));
    close(fd);
    SAY(fchown(-1, getuid(), getgid()));
}

static void access_(struct task *t)
{
    make(t->a);
    SAY(access(t->a, F_OK));
    SAY(access(t->a, R_OK | W_OK));
    SAY(access(t->a, X_OK));
    SAY(access(t->b, F_OK));
    SAY(access(t->a, 77));
    SAY(access(nowhere, F_OK));
}

static void mkdir_(struct task *t)
{
    SAY(mkdir(t->a, 0750));
    SAY(mode_of(t->a));
    SAY(mkdir(t->a, 0750));
    SAY(mkdir("/proc/no/such", 0750));
    SAY(mkdir(nowhere, 0750));
}

static void rmdir_(struct task *t)
{
    mkdir(t->a, 0700);
    SAY(rmdir(t->a));
    SAY(rmdir(t->a));
    make(t->b);
    SAY(rmdir(t->b));
    SAY(rmdir(t->dir));
    SAY(rmdir(nowhere));
}

/* The process has one: all threads go to the same place. */
static void chdir_(struct task *t)
{
    char where[256];
    SAY(chdir("/proc/no/such"));
    SAY(chdir("/proc/self/maps"));
    SAY(chdir(nowhere));
    SAY(chdir("/usr"));
    SAY(getcwd(where, sizeof where) != NULL);
    SAY(strcmp(where, "/usr"));
    SAY(access("bin", F_OK));
}

static void chroot_(struct task *t)
{
    int status = -1;
    mkdir(t->a, 0700);
    pid_t child = fork();
    if (child == 0)
        _exit(chroot(t->a) == 0 ? (access("/usr", F_OK) == 0 ? 1 : 2) : errno);
    SAY(waitpid(child, &status, 0) == child);
    SAY(WEXITSTATUS(status));
    SAY(chroot(t->b) == -1);
    SAY(access("/usr", F_OK));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static unsigned names_of(DIR *d, char names[][16], unsigned most)
{
    unsigned n = 0;
    for (struct dirent *e; n < most && (e = readdir(d)) != NULL; n++)
        snprintf(names[n], 16, "%s", e->d_name);
    qsort(names, n, 16, by_name);
    return n;
}

static void opendir_(struct task *t)
{
    DIR *d = NULL;
    make(t->a);
    SAY((d = opendir(t->dir)) != NULL);
    SAY(dirfd(d) >= 0);
    SAY(closedir(d));
    SAY((d = opendir(t->a)) == NULL ? -1 : 0);
    SAY((d = opendir(t->b)) == NULL ? -1 : 0);
    SAY((d = fdopendir(-1)) == NULL ? -1 : 0);
}

static void readdir_(struct task *t)
{
    enum { FILES = 300 };
    char names[FILES + 2][16], path[300];
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%d", t->dir, i);
        make(path);
    }
    DIR *d = opendir(t->dir);
    unsigned n = names_of(d, names, FILES + 2);
    SAY(n);
    SAY(strcmp(names[0], ".") == 0 && strcmp(names[1], "..") == 0);
    for (unsigned i = 2; i < n; i += 50)
        fprintf(t->out, "%s\n", names[i]);
    SAY(readdir(d) == NULL);
    closedir(d);
}

static void rewinddir_(struct task *t)
{
    char names[8][16];
    make(t->a);
    DIR *d = opendir(t->dir);
    SAY(names_of(d, names, 8));
    make(t->b);
    SAY(names_of(d, names, 8));
    rewinddir(d);
    SAY(names_of(d, names, 8));
    SAY(closedir(d));
}

static void mkfifo_(struct task *t)
{
    SAY(mkfifo(t->a, 0640));
    SAY(mode_of(t->a));
    SAY(mkfifo(t->a, 0640));
    SAY(mkfifo(nowhere, 0640));
    SAY(open(t->a, O_WRONLY | O_NONBLOCK));
}

static void symlink_(struct task *t)
{
    SAY(symlink("target", t->a));
    SAY(symlink("target", t->a));
    SAY(symlink("", t->b));
    SAY(symlink(nowhere, t->b));
}

static void readlink_(struct task *t)
{
    char text[16] = "";
    SAY(symlink("target", t->a));
    SAY(readlink(t->a, text, sizeof text));
    SAY(strcmp(text, "target"));
    SAY(readlink(t->a, text, 3));
    SAY(readlink(t->dir, text, sizeof text));
    SAY(readlink(t->b, text, sizeof text));
    SAY(readlink(t->a, (char *)nowhere, sizeof text));
}

static void lockf_(struct task *t)
{
    int fd = made(t->a, "twelve bytes"), status = -1;
    lseek(fd, 0, SEEK_SET);
    SAY(lockf(fd, F_LOCK, 4));
    SAY(lockf(fd, F_TEST, 4)); /* the process's own */
    pid_t child = fork();
    if (child == 0)
        _exit(lockf(fd, F_TLOCK, 4) == 0 ? 1 : lockf(fd, F_TEST, 4) == 0 ? 2 : 3);
    SAY(waitpid(child, &status, 0) == child);
    SAY(WEXITSTATUS(status));
    SAY(lockf(fd, F_ULOCK, 4));
    SAY(lockf(fd, 77, 4));
    close(fd);
    SAY(lockf(-1, F_LOCK, 4));
}

static void system_(struct task *t)
{
    char command[300];
    SAY(system(NULL) != 0);
    SAY(WEXITSTATUS(system("exit 3")));
    SAY(WTERMSIG(system("kill -9 $$")));
    SAY(WEXITSTATUS(system("/no/such/program 2>&-")));
    snprintf(command, sizeof command, "printf hello >%s", t->a);
    SAY(system(command));
    SAY(size_of(t->a));
}

static const struct {
    const char *name;
    void (*run)(struct task *);
} calls[] = {
    {"openfile", openfile},  {"lseek", lseek_},         {"truncate", truncate_},  {"ftruncate", ftruncate_},
    {"fsync", fsync_},       {"fdatasync", fdatasync_}, {"stat", stat_},          {"lstat", lstat_},
    {"fstat", fstat_},       {"isatty", isatty_},       {"LargeFile", LargeFile}, {"unlink", unlink_},
    {"rename", rename_},     {"link", link_},           {"chmod", chmod_},        {"fchmod", fchmod_},
    {"chown", chown_},       {"fchown", fchown_},       {"access", access_},      {"mkdir", mkdir_},
    {"rmdir", rmdir_},       {"chdir", chdir_},         {"chroot", chroot_},      {"opendir", opendir_},
    {"readdir", readdir_},   {"rewinddir", rewinddir_}, {"mkfifo", mkfifo_},      {"symlink", symlink_},
    {"readlink", readlink_}, {"lockf", lockf_},         {"system", system_},
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
    if (run == NULL)
        return 2;
    umask(022);
    for (int i = 0; i < THREADS; i++) {
        struct task *t = &tasks[i];
        snprintf(t->dir, sizeof t->dir, "%s/%d", argv[2], i);
        snprintf(t->a, sizeof t->a, "%s/a", t->dir);
        snprintf(t->b, sizeof t->b, "%s/b", t->dir);
        mkdir(t->dir, 0755);
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
