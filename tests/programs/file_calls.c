/* Every call on files, names and directories, done right and done wrong, by N threads at once, each in a directory of its
   own: what each returned, what errno was, what is on the disk afterwards. All threads must see the same. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/quota.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

int __xstat(int, const char *, struct stat *), __lxstat(int, const char *, struct stat *);
int __xstat64(int, const char *, struct stat64 *), __lxstat64(int, const char *, struct stat64 *);
int __fxstat(int, int, struct stat *), __fxstat64(int, int, struct stat64 *);
int __fxstatat(int, int, const char *, struct stat *, int), __fxstatat64(int, int, const char *, struct stat64 *, int);
int __xmknod(int, const char *, mode_t, dev_t *), __xmknodat(int, int, const char *, mode_t, dev_t *);
int __open(const char *, int, ...), __open64(const char *, int, ...), __open_2(const char *, int), __open64_2(const char *, int);
int __openat_2(int, const char *, int), __openat64_2(int, const char *, int), __statfs(const char *, struct statfs *);
FILE *_IO_fopen(const char *, const char *);
off_t __lseek(int, off_t, int), old_llseek(int, off_t, int);
ssize_t __readlink_chk(const char *, char *, size_t, size_t), __readlinkat_chk(int, const char *, char *, size_t, size_t);
char *__realpath_chk(const char *, char *, size_t), *__getcwd_chk(char *, size_t, size_t), *__getwd_chk(char *, size_t);
int old_nftw(const char *, __nftw_func_t, int, int), old_nftw64(const char *, __nftw64_func_t, int, int);
int old_glob(const char *, int, int (*)(const char *, int), glob_t *), old_glob64(const char *, int, int (*)(const char *, int), glob64_t *);
char *old_realpath(const char *, char *);
__asm__(".symver old_nftw, nftw@GLIBC_2.2.5\n.symver old_nftw64, nftw64@GLIBC_2.2.5\n.symver old_glob, glob@GLIBC_2.2.5\n"
        ".symver old_glob64, glob64@GLIBC_2.2.5\n.symver old_realpath, realpath@GLIBC_2.2.5\n.symver old_llseek, llseek@GLIBC_2.2.5");

struct log {
    char *text;
    size_t n, room;
    char dir[PATH_MAX];
};
static __thread struct log *mine;
static char *const bad = (char *)8;

static void put(const char *format, ...)
{
    va_list args;
    if (mine->room - mine->n < 512)
        mine->text = realloc(mine->text, mine->room += 65536);
    va_start(args, format);
    mine->n += (size_t)vsnprintf(mine->text + mine->n, 512, format, args);
    va_end(args);
}

/* A call, and errno: as it was if all went well. */
#define R(e)                                                                                                           \
    ({                                                                                                                 \
        errno = 12345;                                                                                                 \
        long r_ = (long)(e);                                                                                           \
        put("%s = %ld %s\n", #e, r_, errno == 12345 ? "-" : strerrorname_np(errno));                                   \
        r_;                                                                                                            \
    })
/* A call that gives a descriptor. */
#define FD(e)                                                                                                          \
    ({                                                                                                                 \
        errno = 12345;                                                                                                 \
        int r_ = (e);                                                                                                  \
        put("%s %s %s\n", #e, r_ >= 0 ? "good" : "bad", errno == 12345 ? "-" : strerrorname_np(errno));                \
        r_;                                                                                                            \
    })
#define P(e) R((e) != NULL)

static const char *at(const char *name)
{
    static __thread char path[4][PATH_MAX];
    static __thread unsigned next;
    char *p = path[next++ % 4];
    snprintf(p, PATH_MAX, "%s/%s", mine->dir, name);
    return p;
}

static void opening(void)
{
    int d = FD(open(mine->dir, O_RDONLY | O_DIRECTORY)), f[16], n = 0;
    f[n++] = FD(open(at("a"), O_RDWR | O_CREAT | O_EXCL, 0640));
    FD(open(at("a"), O_RDWR | O_CREAT | O_EXCL, 0640));
    f[n++] = FD(open64(at("a"), O_RDONLY));
    f[n++] = FD(__open(at("a"), O_RDONLY));
    f[n++] = FD(__open64(at("a"), O_RDONLY));
    f[n++] = FD(__open_2(at("a"), O_RDONLY));
    f[n++] = FD(__open64_2(at("a"), O_RDONLY));
    f[n++] = FD(openat(d, "a", O_WRONLY | O_APPEND));
    f[n++] = FD(openat64(d, "a", O_RDONLY));
    f[n++] = FD(__openat_2(d, "a", O_RDONLY));
    f[n++] = FD(__openat64_2(d, "a", O_RDONLY));
    f[n++] = FD(creat(at("b"), 0600));
    f[n++] = FD(creat64(at("c"), 0600));
    FD(open(at("none"), O_RDONLY));
    FD(open(at("a/b"), O_RDONLY));
    FD(open(mine->dir, O_RDWR));
    FD(open(bad, O_RDONLY));
    FD(open(NULL, O_RDONLY));
    FD(open("", O_RDONLY));
    FD(openat(-1, "a", O_RDONLY));
    FD(creat(at("none/x"), 0600));
    f[n++] = FD(open(mine->dir, O_TMPFILE | O_RDWR, 0600));
    f[n++] = FD(open(at("a"), O_PATH));
    while (n > 0)
        close(f[--n]);
    close(d);
}

static void reading(void)
{
    char buf[20000], big[20000];
    struct iovec v[3] = {{buf, 5}, {buf + 5, 0}, {buf + 5, 9000}};
    for (int i = 0; i < (int)sizeof big; i++)
        big[i] = (char)(i * 7 + i / 256);
    int f = FD(open(at("data"), O_RDWR | O_CREAT | O_TRUNC, 0600));
    R(write(f, big, 10000));
    R(write(f, "", 0));
    R(write(f, bad, 10));
    R(lseek(f, 0, SEEK_SET));
    R(read(f, buf, 4096));
    R(memcmp(buf, big, 4096));
    R(read(f, buf, 100));
    R(read(f, buf, sizeof buf));
    R(memcmp(buf, big + 4196, 10000 - 4196));
    R(read(f, buf, 1));
    R(lseek64(f, -3, SEEK_END));
    R(__lseek(f, 1, SEEK_CUR));
    R(old_llseek(f, 0, SEEK_CUR));
    R(read(f, buf, 10));
    R(lseek(f, -1, SEEK_SET));
    R(lseek(f, 0, 77));
    R(lseek(-1, 0, SEEK_SET));
    R(lseek(f, 0, SEEK_SET));
    R(readv(f, v, 3));
    R(memcmp(buf, big, 9005));
    R(readv(f, v, 3));
    R(pread(f, buf, 6000, 3000));
    R(memcmp(buf, big + 3000, 6000));
    R(pread64(f, buf, 6000, 9990));
    R(pread(f, buf, 10, 10000));
    R(pread(f, buf, 10, -1));
    R(pread(f, bad, 10, 0));
    R(pread(-1, buf, 10, 0));
    R(preadv(f, v, 3, 1000));
    R(memcmp(buf, big + 1000, 9000));
    R(preadv64(f, v, 3, 1000));
    R(preadv2(f, v, 3, 1000, 0));
    R(preadv2(f, v, 3, -1, 0));
    R(preadv64v2(f, v, 3, 0, 1 << 30));
    R(pwrite(f, "xyz", 3, 5));
    R(pwrite64(f, "xyz", 3, 20));
    R(pwrite(f, "xyz", 3, -1));
    R(pwritev(f, v, 3, 100));
    R(pwritev64(f, v, 2, 200));
    R(pwritev2(f, v, 2, 300, 0));
    R(pwritev2(f, v, 2, -1, 0));
    R(pwritev64v2(f, v, 2, 300, 1 << 30));
    R(read(f, bad, 10));
    close(f);
    f = FD(open(at("data"), O_RDONLY));
    R(write(f, "x", 1));
    R(read(f, buf, 8192));
    R(read(f, buf, 8192));
    R(read(f, buf, 8192));
    close(f);
    f = FD(open(mine->dir, O_RDONLY));
    R(read(f, buf, 10));
    R(pread(f, buf, 10, 0));
    close(f);
    f = FD(open(at("data"), O_WRONLY | O_APPEND | O_SYNC));
    R(read(f, buf, 10));
    R(write(f, "tail", 4));
    close(f);
    f = FD(open("/dev/zero", O_RDONLY));
    R(read(f, buf, sizeof buf));
    R(read(f, buf, 10));
    close(f);
    f = FD(open("/dev/full", O_RDWR));
    R(write(f, "x", 1));
    R(writev(f, v, 2));
    close(f);
    f = FD(open("/proc/self/comm", O_RDONLY));
    R(read(f, buf, 3));
    R(read(f, buf, 0));
    close(f);
}

static void space(void)
{
    int f = FD(open(at("space"), O_RDWR | O_CREAT, 0600)), p[2];
    R(ftruncate(f, 5000));
    R(ftruncate64(f, 3000));
    R(ftruncate(f, -1));
    R(ftruncate(-1, 0));
    R(truncate(at("space"), 7000));
    R(truncate64(at("space"), 6000));
    R(truncate(at("none"), 0));
    R(truncate(mine->dir, 0));
    R(fallocate(f, 0, 0, 8192));
    R(fallocate64(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
    R(fallocate(f, 0, -1, 5));
    R(posix_fallocate(f, 0, 100));
    R(posix_fallocate64(f, -1, 100));
    R(posix_fallocate(-1, 0, 100));
    R(posix_fadvise(f, 0, 0, POSIX_FADV_SEQUENTIAL));
    R(posix_fadvise64(f, 0, 0, 99));
    R(readahead(f, 0, 4096));
    R(readahead(-1, 0, 4096));
    R(fsync(f));
    R(fdatasync(f));
    R(fsync(-1));
    R(fdatasync(-1));
    R(sync_file_range(f, 0, 0, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
    R(sync_file_range(f, 0, 0, 99));
    R(pipe(p));
    R(fsync(p[0]));
    char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
    m[0] = 'x';
    R(msync(m, 4096, MS_SYNC));
    R(msync(m, 4096, MS_ASYNC));
    R(msync(m + 1, 4096, MS_SYNC));
    munmap(m, 4096);
    int n = -1;
    R(write(p[1], "12345", 5));
    R(ioctl(p[0], FIONREAD, &n));
    R(n);
    R(ioctl(f, TIOCGWINSZ, &n));
    R(ioctl(-1, FIONREAD, &n));
    close(p[0]), close(p[1]), close(f);
}

static void status(void)
{
    struct stat s;
    struct stat64 s64;
    struct statx x;
    struct statfs fs;
    struct statfs64 fs64;
    struct statvfs vfs;
    struct statvfs64 vfs64;
    int d = FD(open(mine->dir, O_RDONLY)), f = FD(open(at("data"), O_RDONLY));
#define SIZE(e) (memset(&s, 0, sizeof s), R(e), R(s.st_size))
#define SIZE64(e) (memset(&s64, 0, sizeof s64), R(e), R(s64.st_size))
    SIZE(stat(at("data"), &s));
    SIZE64(stat64(at("data"), &s64));
    SIZE(lstat(at("data"), &s));
    SIZE64(lstat64(at("data"), &s64));
    SIZE(fstat(f, &s));
    SIZE64(fstat64(f, &s64));
    SIZE(fstatat(d, "data", &s, 0));
    SIZE64(fstatat64(d, "data", &s64, AT_SYMLINK_NOFOLLOW));
    SIZE(__xstat(1, at("data"), &s));
    SIZE64(__xstat64(1, at("data"), &s64));
    SIZE(__lxstat(1, at("data"), &s));
    SIZE64(__lxstat64(1, at("data"), &s64));
    SIZE(__fxstat(1, f, &s));
    SIZE64(__fxstat64(1, f, &s64));
    SIZE(__fxstatat(1, d, "data", &s, 0));
    SIZE64(__fxstatat64(1, d, "data", &s64, 0));
    R(__xstat(77, at("data"), &s));
    R(statx(d, "data", 0, STATX_SIZE, &x));
    R(x.stx_size);
    R(statx(d, "none", 0, STATX_SIZE, &x));
    R(stat(at("none"), &s));
    R(stat(at("data/x"), &s));
    R(stat(bad, &s));
    R(stat(at("data"), (void *)bad));
    R(lstat(at("none"), &s));
    R(fstat(-1, &s));
    R(fstat(f, (void *)bad));
    R(fstatat(-1, "data", &s, 0));
    R(fstatat(f, "", &s, AT_EMPTY_PATH));
    R(access(at("data"), R_OK));
    R(access(at("none"), R_OK));
    R(faccessat(d, "data", W_OK, 0));
    R(faccessat(d, "none", W_OK, AT_EACCESS));
    R(euidaccess(at("data"), R_OK));
    R(eaccess(at("none"), R_OK));
    R(statfs(mine->dir, &fs));
    R(__statfs(at("none"), &fs));
    R(statfs64(mine->dir, &fs64));
    R(fstatfs(d, &fs));
    R(fstatfs64(-1, &fs64));
    R(statvfs(mine->dir, &vfs));
    R(statvfs64(at("none"), &vfs64));
    R(fstatvfs(d, &vfs));
    R(fstatvfs64(-1, &vfs64));
    close(d), close(f);
}

static void naming(void)
{
    char buf[PATH_MAX];
    int d = FD(open(mine->dir, O_RDONLY));
    dev_t null = makedev(1, 3);
    R(mkdir(at("dir"), 0700));
    R(mkdir(at("dir"), 0700));
    R(mkdirat(d, "dir2", 0700));
    R(mkdirat(-1, "dir2", 0700));
    R(mkfifo(at("fifo"), 0600));
    R(mkfifo(at("fifo"), 0600));
    R(mkfifoat(d, "fifo2", 0600));
    R(mknod(at("node"), S_IFREG | 0600, 0));
    R(mknodat(d, "node2", S_IFIFO | 0600, 0));
    R(mknod(at("none/node"), S_IFREG | 0600, 0));
    R(__xmknod(0, at("node3"), S_IFREG | 0600, &null));
    R(__xmknodat(0, d, "node4", S_IFREG | 0600, &null));
    R(__xmknod(7, at("node5"), S_IFREG | 0600, &null));
    R(link(at("data"), at("hard")));
    R(link(at("data"), at("hard")));
    R(linkat(d, "data", d, "hard2", 0));
    R(linkat(d, "none", d, "hard3", 0));
    R(symlink("data", at("soft")));
    R(symlinkat("none", d, "soft2"));
    R(symlinkat("none", d, "soft2"));
    R(readlink(at("soft"), buf, sizeof buf));
    R(readlink(at("data"), buf, sizeof buf));
    R(readlinkat(d, "soft2", buf, 2));
    R(__readlink_chk(at("soft"), buf, 3, sizeof buf));
    R(__readlinkat_chk(d, "soft", buf, sizeof buf, sizeof buf));
    P(realpath(at("dir/../soft"), buf));
    R(strcmp(strrchr(buf, '/'), "/data"));
    P(realpath(at("soft2"), buf));
    P(old_realpath(at("soft"), buf));
    P(old_realpath(at("soft"), NULL));
    P(__realpath_chk(at("soft"), buf, sizeof buf));
    P(canonicalize_file_name(at("none")));
    R(rename(at("hard"), at("harder")));
    R(rename(at("hard"), at("harder")));
    R(renameat(d, "hard2", d, "dir/hard2"));
    R(renameat2(d, "harder", d, "data", RENAME_NOREPLACE));
    R(renameat2(d, "harder", d, "node", RENAME_EXCHANGE));
    R(unlink(at("node3")));
    R(unlink(at("node3")));
    R(unlinkat(d, "node4", 0));
    R(unlinkat(d, "dir2", 0));
    R(unlinkat(d, "dir2", AT_REMOVEDIR));
    R(remove(at("fifo2")));
    R(remove(at("dir")));
    R(rmdir(at("dir")));
    R(rmdir(at("data")));
    close(d);
}

static void attributes(void)
{
    struct timeval tv[2] = {{1000, 0}, {2000, 5}};
    struct timespec ts[2] = {{3000, 0}, {4000, 5}};
    struct utimbuf ut = {5000, 6000};
    struct stat s;
    char buf[100];
    int d = FD(open(mine->dir, O_RDONLY)), f = FD(open(at("data"), O_RDWR));
#define MTIME(e) (R(e), stat(at("data"), &s), R(s.st_mtim.tv_sec))
    R(chmod(at("data"), 0604));
    R(chmod(at("none"), 0604));
    R(fchmod(f, 0600));
    R(fchmod(-1, 0600));
    R(fchmodat(d, "data", 0640, 0));
    R(lchmod(at("soft"), 0600));
    stat(at("data"), &s);
    R(s.st_mode);
    R(chown(at("data"), -1, -1));
    R(chown(at("none"), -1, -1));
    R(lchown(at("soft"), -1, -1));
    R(fchown(f, -1, -1));
    R(fchown(-1, -1, -1));
    R(fchownat(d, "soft", -1, -1, AT_SYMLINK_NOFOLLOW));
    MTIME(utime(at("data"), &ut));
    MTIME(utimes(at("data"), tv));
    MTIME(futimes(f, ts == NULL ? NULL : tv));
    MTIME(lutimes(at("soft"), tv));
    MTIME(futimesat(d, "data", tv));
    MTIME(utimensat(d, "data", ts, 0));
    MTIME(futimens(f, ts));
    R(utime(at("none"), &ut));
    R(utimensat(d, "none", ts, 0));
    R(futimens(-1, ts));
    R(setxattr(at("data"), "user.a", "value", 5, 0));
    R(lsetxattr(at("data"), "user.b", "value", 5, XATTR_CREATE));
    R(fsetxattr(f, "user.c", "value", 5, XATTR_REPLACE));
    R(getxattr(at("data"), "user.a", buf, sizeof buf));
    R(lgetxattr(at("data"), "user.none", buf, sizeof buf));
    R(fgetxattr(f, "user.b", buf, sizeof buf));
    R(listxattr(at("data"), buf, sizeof buf) > 0);
    R(llistxattr(at("none"), buf, sizeof buf));
    R(flistxattr(f, buf, 1));
    R(removexattr(at("data"), "user.a"));
    R(lremovexattr(at("data"), "user.a"));
    R(fremovexattr(f, "user.b"));
    close(d), close(f);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}
static int by_name64(const struct dirent64 **a, const struct dirent64 **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}
static __thread int seen;
static int each(const char *path, const struct stat *s, int flag)
{
    seen++;
    return 0;
}
static int each64(const char *path, const struct stat64 *s, int flag)
{
    seen++;
    return seen == 3 ? 33 : 0;
}
static int neach(const char *path, const struct stat *s, int flag, struct FTW *w)
{
    seen += flag;
    sched_yield();
    return 0;
}
static int neach64(const char *path, const struct stat64 *s, int flag, struct FTW *w)
{
    seen += w->level;
    return 0;
}

static void directories(void)
{
    struct dirent **list, e, *found;
    struct dirent64 **list64, e64, *found64;
    char buf[4096];
    glob_t g;
    glob64_t g64;
    int n = 0, d = FD(open(mine->dir, O_RDONLY)), f = FD(open(at("data"), O_RDONLY));
    DIR *dir = opendir(mine->dir);
    P(opendir(at("none")));
    P(opendir(at("data")));
    P(fdopendir(f));
    P(fdopendir(-1));
    for (n = 0; readdir(dir) != NULL; n++)
        ;
    R(n);
    rewinddir(dir);
    for (n = 0; readdir64(dir) != NULL; n++)
        ;
    R(n);
    rewinddir(dir);
    for (n = 0; readdir_r(dir, &e, &found) == 0 && found != NULL; n++)
        ;
    R(n);
    rewinddir(dir);
    for (n = 0; readdir64_r(dir, &e64, &found64) == 0 && found64 != NULL; n++)
        ;
    R(n);
    R(closedir(dir));
    dir = fdopendir(dup(d));
    for (n = 0; readdir(dir) != NULL; n++)
        ;
    R(n);
    closedir(dir);
    lseek(d, 0, SEEK_SET);
    R(getdents64(d, buf, sizeof buf) > 0);
    R(getdents64(f, buf, sizeof buf));
    n = R(scandir(mine->dir, &list, NULL, by_name));
    for (int i = 0; i < n; i++)
        put("  %s\n", list[i]->d_name);
    R(scandir(at("none"), &list, NULL, by_name));
    R(scandir64(mine->dir, &list64, NULL, by_name64));
    R(scandirat(d, ".", &list, NULL, by_name));
    R(scandirat64(d, "none", &list64, NULL, by_name64));
#define WALK(e) (seen = 0, R(e), R(seen))
    WALK(ftw(mine->dir, each, 5));
    WALK(ftw64(mine->dir, each64, 5));
    WALK(ftw(at("none"), each, 5));
    WALK(nftw(mine->dir, neach, 5, FTW_PHYS));
    WALK(nftw64(mine->dir, neach64, 5, 0));
    WALK(nftw(mine->dir, neach, 5, 1 << 20));
    WALK(old_nftw(mine->dir, neach, 5, 1 << 20));
    WALK(old_nftw64(mine->dir, neach64, 5, 1 << 20));
#define GLOB(e) (R(e), R(g.gl_pathc))
    GLOB(glob(at("*d*"), 0, NULL, &g));
    GLOB(glob(at("nothing*"), 0, NULL, &g));
    R(glob64(at("[n]*"), 0, NULL, &g64));
    R(g64.gl_pathc);
    GLOB(old_glob(at("*o*"), 0, NULL, &g));
    R(old_glob64(at("*a*"), 0, NULL, &g64));
    R(g64.gl_pathc);
    close(d), close(f);
}

static void moving(void)
{
    char buf[10000];
    off_t from = 100;
    loff_t a = 0, b = 50;
    int p[2], q[2], f = FD(open(at("data"), O_RDONLY)), g = FD(open(at("copy"), O_RDWR | O_CREAT, 0600));
    struct iovec v = {"0123456789", 10};
    pipe(p), pipe(q);
    R(sendfile(g, f, &from, 1000));
    R(from);
    R(sendfile64(g, f, NULL, 1000));
    R(lseek(f, 0, SEEK_CUR));
    R(sendfile(p[1], f, &from, 3000));
    R(read(p[0], buf, sizeof buf));
    R(sendfile(-1, f, &from, 3000));
    R(sendfile(g, f, (void *)bad, 3000));
    R(sendfile(g, p[0], NULL, 3000));
    R(splice(f, &a, p[1], NULL, 500, 0));
    R(splice(p[0], NULL, q[1], NULL, 300, 0));
    R(tee(q[0], p[1], 100, 0));
    R(splice(p[0], NULL, g, &b, 1000, 0));
    R(b);
    R(splice(p[0], NULL, g, NULL, 10, SPLICE_F_NONBLOCK));
    R(splice(f, NULL, g, NULL, 10, 0));
    R(tee(f, p[1], 10, 0));
    R(vmsplice(p[1], &v, 1, 0));
    R(read(p[0], buf, sizeof buf));
    R(vmsplice(f, &v, 1, 0));
    a = 10;
    R(copy_file_range(f, &a, g, NULL, 2000, 0));
    R(copy_file_range(f, &a, g, NULL, 2000, 7));
    R(copy_file_range(f, NULL, p[1], NULL, 10, 0));
    R(lseek(g, 0, SEEK_END));
    close(p[1]);
    R(splice(p[0], NULL, g, NULL, 10, 0));
    close(q[0]);
    R(sendfile(q[1], f, &from, 10));
    R(splice(f, &a, q[1], NULL, 10, 0));
    R(vmsplice(q[1], &v, 1, 0));
    close(p[0]), close(q[1]), close(f), close(g);
}

/* Which the linker warns of. */
static struct {
    char *(*mktemp)(char *), *(*tempnam)(const char *, const char *), *(*tmpnam)(char *), *(*tmpnam_r)(char *);
    char *(*getwd)(char *);
} dangerous;

static void find_dangerous(void)
{
    dangerous.mktemp = dlsym(RTLD_DEFAULT, "mktemp");
    dangerous.tempnam = dlsym(RTLD_DEFAULT, "tempnam");
    dangerous.tmpnam = dlsym(RTLD_DEFAULT, "tmpnam");
    dangerous.tmpnam_r = dlsym(RTLD_DEFAULT, "tmpnam_r");
    dangerous.getwd = dlsym(RTLD_DEFAULT, "getwd");
}

/* A path that the call changes. */
static char *changed(const char *name)
{
    static __thread char path[PATH_MAX];
    return strcpy(path, at(name));
}

static void made_up(void)
{
    int f[16], n = 0;
    char *name, buf[L_tmpnam];
    f[n++] = FD(mkstemp(changed("aXXXXXX")));
    f[n++] = FD(mkstemp64(changed("aXXXXXX")));
    f[n++] = FD(mkstemps(changed("aXXXXXX.c"), 2));
    f[n++] = FD(mkstemps64(changed("aXXXXXX.c"), 2));
    f[n++] = FD(mkostemp(changed("aXXXXXX"), O_APPEND | O_CLOEXEC));
    R(fcntl(f[n - 1], F_GETFL) & (O_APPEND | O_RDWR));
    R(fcntl(f[n - 1], F_GETFD));
    f[n++] = FD(mkostemp64(changed("aXXXXXX"), O_APPEND));
    f[n++] = FD(mkostemps(changed("aXXXXXX.c"), 2, 0));
    f[n++] = FD(mkostemps64(changed("aXXXXXX.c"), 2, O_SYNC));
    struct stat st;
    R(fstat(f[0], &st));
    R(st.st_mode);
    R(write(f[0], "text", 4));
    while (n > 0)
        R(close(f[--n]));
    FD(mkstemp(changed("aXXXXX")));
    FD(mkstemp(changed("none/XXXXXX")));
    FD(mkstemps(changed("aXXXXXX.c"), 3));
    FD(mkostemps(changed("aXXXXXX.c"), 1000, 0));
    P(name = mkdtemp(changed("dXXXXXX")));
    R(rmdir(name));
    P(mkdtemp(changed("none/XXXXXX")));
    P(mkdtemp(changed("dXXXXX")));
    R(*dangerous.mktemp(changed("mXXXXXX")) != '\0');
    R(*dangerous.mktemp(changed("m")) != '\0');
    P(name = dangerous.tempnam(mine->dir, "abc"));
    R(access(name, F_OK));
    free(name);
    P(name = dangerous.tempnam(NULL, NULL));
    free(name);
    R(dangerous.tmpnam(buf) == buf);
    R(dangerous.tmpnam_r(buf) == buf);
    P(dangerous.tmpnam_r(NULL));
    FILE *s[3];
    P(s[0] = fopen(at("data"), "r"));
    P(s[1] = fopen64(at("data"), "re"));
    P(s[2] = _IO_fopen(at("data"), "a+"));
    for (int i = 0; i < 3; i++) {
        R(fgetc(s[i]));
        R(fclose(s[i]));
    }
    P(fopen(at("data"), "wx"));
    P(fopen(at("data"), "?"));
    P(fopen(at("none"), "r"));
    P(fopen(at("none/x"), "w"));
    P(fopen(mine->dir, "r+"));
    P(fopen(bad, "r"));
    P(s[0] = tmpfile());
    P(s[1] = tmpfile64());
    for (int i = 0; i < 2; i++) {
        R(fputs("text", s[i]) >= 0);
        R(fseek(s[i], 0, SEEK_SET));
        R(fgetc(s[i]));
        R(fclose(s[i]));
    }
}

static void mounts(void)
{
    union {
        struct file_handle h;
        char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } u = {.h.handle_bytes = 0};
    int id, d = open(mine->dir, O_RDONLY);
    R(name_to_handle_at(AT_FDCWD, at("none"), &u.h, &id, 0));
    R(name_to_handle_at(AT_FDCWD, at("data"), &u.h, &id, 0));
    R(name_to_handle_at(d, "data", (void *)bad, &id, 0));
    u.h.handle_bytes = 4;
    FD(open_by_handle_at(-1, &u.h, O_RDONLY));
    FD(open_by_handle_at(d, (void *)bad, O_RDONLY));
    close(d);
    R(mount("none", at("none"), "tmpfs", 0, NULL));
    R(mount("none", bad, "tmpfs", 0, NULL));
    R(umount(at("none")));
    R(umount2(at("data"), 0));
    R(umount2(at("data"), -1));
    R(swapon(at("none"), 0));
    R(swapoff(at("none")));
    R(quotactl(QCMD(Q_GETFMT, USRQUOTA), at("none"), 0, u.room));
    R(mkdir(at("m"), 0700));
    if (R(mount("none", at("m"), "tmpfs", 0, NULL)) == 0) {
        R(close(FD(open(at("m/x"), O_CREAT | O_WRONLY, 0600))));
        R(umount(at("m")));
    }
    R(rmdir(at("m")));
}

static void *work(void *arg)
{
    mine = arg;
    mkdir(mine->dir, 0700);
    opening();
    reading();
    space();
    status();
    naming();
    attributes();
    directories();
    moving();
    made_up();
    mounts();
    return NULL;
}

/* What holds for the whole process: one thread at a time. */
static void process(void)
{
    int d = open(".", O_RDONLY);
    R(chdir(mine->dir));
    R(access("data", F_OK));
    char here[PATH_MAX], again[PATH_MAX], *name;
    P(getcwd(here, sizeof here));
    P(getcwd(again, 1));
    P(getcwd(again, 0));
    P(getcwd(bad, 100));
    P(__getcwd_chk(again, sizeof again, sizeof again));
    R(strcmp(again, here));
    P(dangerous.getwd(again));
    R(strcmp(again, here));
    P(__getwd_chk(again, sizeof again));
    P(name = getcwd(NULL, 0));
    R(strcmp(name, here));
    free(name);
    P(name = get_current_dir_name());
    R(strcmp(name, here));
    free(name);
    R(chdir("none"));
    R(fchdir(d));
    R(access("data", F_OK));
    R(fchdir(-1));
    R(chroot(at("data")));
    R(syncfs(d));
    R(syncfs(-1));
    sync();
    close(d);
}

int main(int argc, char **argv)
{
    find_dangerous();
    char command[300];
    snprintf(command, sizeof command, "rm -rf %s && mkdir %s", argv[1], argv[1]);
    if (system(command) != 0)
        return 1;
    int n = atoi(argv[2]);
    struct log logs[32] = {{0}};
    pthread_t threads[32];
    signal(SIGPIPE, SIG_IGN);
    umask(022);
    for (int i = 0; i < (n ? n : 1); i++)
        snprintf(logs[i].dir, sizeof logs[i].dir, "%s/%c", argv[1], 'A' + i);
    if (n == 0)
        work(&logs[0]);
    for (int i = 0; i < n; i++)
        pthread_create(&threads[i], NULL, work, &logs[i]);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    for (int i = 1; i < n; i++)
        if (logs[i].n != logs[0].n || memcmp(logs[i].text, logs[0].text, logs[0].n) != 0)
            printf("thread %d differs:\n%.*s\n", i, (int)logs[i].n, logs[i].text);
    mine = &logs[0];
    process();
    fwrite(logs[0].text, 1, logs[0].n, stdout);
    return 0;
}
