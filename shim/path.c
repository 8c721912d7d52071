/* Calls that name a file. One line a call; shim/files.h has the body. */
#include "shim/files.h"

/* what it is */
NAME_CALL(int, stat, (const char *path, struct stat *st), (path, st), AT_FDCWD, path);
NAME_CALL(int, stat64, (const char *path, struct stat64 *st), (path, st), AT_FDCWD, path);
NAME_CALL(int, lstat, (const char *path, struct stat *st), (path, st), AT_FDCWD, path);
NAME_CALL(int, lstat64, (const char *path, struct stat64 *st), (path, st), AT_FDCWD, path);
NAME_CALL(int, fstatat, (int dir, const char *path, struct stat *st, int flags), (dir, path, st, flags), dir, path);
NAME_CALL(int, fstatat64, (int dir, const char *path, struct stat64 *st, int flags), (dir, path, st, flags), dir, path);
NAME_CALL(int, __xstat, (int version, const char *path, struct stat *st), (version, path, st), AT_FDCWD, path);
NAME_CALL(int, __xstat64, (int version, const char *path, struct stat64 *st), (version, path, st), AT_FDCWD, path);
NAME_CALL(int, __lxstat, (int version, const char *path, struct stat *st), (version, path, st), AT_FDCWD, path);
NAME_CALL(int, __lxstat64, (int version, const char *path, struct stat64 *st), (version, path, st), AT_FDCWD, path);
NAME_CALL(int, __fxstatat, (int version, int dir, const char *path, struct stat *st, int flags),
          (version, dir, path, st, flags), dir, path);
NAME_CALL(int, __fxstatat64, (int version, int dir, const char *path, struct stat64 *st, int flags),
          (version, dir, path, st, flags), dir, path);
NAME_CALL(int, statx, (int dir, const char *restrict path, int flags, unsigned mask, struct statx *restrict st),
          (dir, path, flags, mask, st), dir, path);
NAME_CALL(int, access, (const char *path, int mode), (path, mode), AT_FDCWD, path);
NAME_CALL(int, faccessat, (int dir, const char *path, int mode, int flags), (dir, path, mode, flags), dir, path);
NAME_CALL(int, euidaccess, (const char *path, int mode), (path, mode), AT_FDCWD, path);
TWIN(eaccess, euidaccess);
NAME_CALL(int, statfs, (const char *path, struct statfs *fs), (path, fs), AT_FDCWD, path);
TWIN(__statfs, statfs);
NAME_CALL(int, statfs64, (const char *path, struct statfs64 *fs), (path, fs), AT_FDCWD, path);
NAME_CALL(int, statvfs, (const char *restrict path, struct statvfs *restrict fs), (path, fs), AT_FDCWD, path);
NAME_CALL(int, statvfs64, (const char *restrict path, struct statvfs64 *restrict fs), (path, fs), AT_FDCWD, path);

/* its names */
NAME_CALL(int, rename, (const char *from, const char *to), (from, to), AT_FDCWD, from);
NAME_CALL(int, renameat, (int dir, const char *from, int to_dir, const char *to), (dir, from, to_dir, to), dir, from);
NAME_CALL(int, renameat2, (int dir, const char *from, int to_dir, const char *to, unsigned flags),
          (dir, from, to_dir, to, flags), dir, from);
NAME_CALL(int, link, (const char *from, const char *to), (from, to), AT_FDCWD, to);
NAME_CALL(int, linkat, (int dir, const char *from, int to_dir, const char *to, int flags),
          (dir, from, to_dir, to, flags), to_dir, to);
NAME_CALL(int, symlink, (const char *text, const char *path), (text, path), AT_FDCWD, path);
NAME_CALL(int, symlinkat, (const char *text, int dir, const char *path), (text, dir, path), dir, path);
NAME_CALL(ssize_t, readlink, (const char *restrict path, char *restrict buf, size_t n), (path, buf, n), AT_FDCWD, path);
NAME_CALL(ssize_t, __readlink_chk, (const char *restrict path, char *restrict buf, size_t n, size_t size),
          (path, buf, n, size), AT_FDCWD, path);
NAME_CALL(ssize_t, readlinkat, (int dir, const char *restrict path, char *restrict buf, size_t n), (dir, path, buf, n),
          dir, path);
NAME_CALL(ssize_t, __readlinkat_chk, (int dir, const char *restrict path, char *restrict buf, size_t n, size_t size),
          (dir, path, buf, n, size), dir, path);
NAME_CALL(int, unlink, (const char *path), (path), AT_FDCWD, path);
NAME_CALL(int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags), dir, path);
NAME_CALL(int, remove, (const char *path), (path), AT_FDCWD, path);
NAME_CALL(char *, realpath, (const char *restrict path, char *restrict to), (path, to), AT_FDCWD, path);
/* Before: it had to be given the room. */
OLD_CALL(char *, realpath_old, realpath, "GLIBC_2.2.5", (const char *restrict path, char *restrict to), (path, to));
NAME_CALL(char *, __realpath_chk, (const char *restrict path, char *restrict to, size_t size), (path, to, size),
          AT_FDCWD, path);
NAME_CALL(char *, canonicalize_file_name, (const char *path), (path), AT_FDCWD, path);

/* making it */
NAME_CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path);
NAME_CALL(int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode), dir, path);
NAME_CALL(int, rmdir, (const char *path), (path), AT_FDCWD, path);
NAME_CALL(int, mkfifo, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path);
NAME_CALL(int, mkfifoat, (int dir, const char *path, mode_t mode), (dir, path, mode), dir, path);
NAME_CALL(int, mknod, (const char *path, mode_t mode, dev_t dev), (path, mode, dev), AT_FDCWD, path);
NAME_CALL(int, mknodat, (int dir, const char *path, mode_t mode, dev_t dev), (dir, path, mode, dev), dir, path);
NAME_CALL(int, __xmknod, (int version, const char *path, mode_t mode, dev_t *dev), (version, path, mode, dev), AT_FDCWD,
          path);
NAME_CALL(int, __xmknodat, (int version, int dir, const char *path, mode_t mode, dev_t *dev),
          (version, dir, path, mode, dev), dir, path);

/* a stream: the open is inside libc */
METHOD_CALL(hook_enter_cancel, FILE *, fopen, (const char *restrict path, const char *restrict mode), (path, mode),
            file_asks_path(AT_FDCWD, path));
TWIN(fopen64, fopen);
TWIN(_IO_fopen, fopen);

/* making up a name: the look-ups and the open are inside libc */
NAME_CALL(char *, mktemp, (char *name), (name), AT_FDCWD, name);
NAME_CALL(int, mkstemp, (char *name), (name), AT_FDCWD, name);
TWIN(mkstemp64, mkstemp);
NAME_CALL(int, mkstemps, (char *name, int suffix), (name, suffix), AT_FDCWD, name);
TWIN(mkstemps64, mkstemps);
NAME_CALL(int, mkostemp, (char *name, int flags), (name, flags), AT_FDCWD, name);
TWIN(mkostemp64, mkostemp);
NAME_CALL(int, mkostemps, (char *name, int suffix, int flags), (name, suffix, flags), AT_FDCWD, name);
TWIN(mkostemps64, mkostemps);
NAME_CALL(char *, mkdtemp, (char *name), (name), AT_FDCWD, name);
NAME_CALL(char *, tempnam, (const char *dir, const char *prefix), (dir, prefix), AT_FDCWD,
          dir == NULL ? P_tmpdir : dir);
NAME_CALL(char *, tmpnam, (char name[L_tmpnam]), (name), AT_FDCWD, P_tmpdir);
NAME_CALL(char *, tmpnam_r, (char name[L_tmpnam]), (name), AT_FDCWD, P_tmpdir);

EXPORT FILE *tmpfile(void)
{
    struct fiber *self = hook_enter();
    struct method_call call;
    method_begin(&call, self, self != NULL && file_asks_path(AT_FDCWD, P_tmpdir), "tmpfile");
    FILE *file = real.tmpfile();
    method_end(&call);
    return file;
}
TWIN(tmpfile64, tmpfile);

/* what is said of it */
NAME_CALL(int, truncate, (const char *path, off_t size), (path, size), AT_FDCWD, path);
TWIN(truncate64, truncate);
NAME_CALL(int, chmod, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path);
NAME_CALL(int, lchmod, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path);
NAME_CALL(int, fchmodat, (int dir, const char *path, mode_t mode, int flags), (dir, path, mode, flags), dir, path);
NAME_CALL(int, chown, (const char *path, uid_t uid, gid_t gid), (path, uid, gid), AT_FDCWD, path);
NAME_CALL(int, lchown, (const char *path, uid_t uid, gid_t gid), (path, uid, gid), AT_FDCWD, path);
NAME_CALL(int, fchownat, (int dir, const char *path, uid_t uid, gid_t gid, int flags), (dir, path, uid, gid, flags),
          dir, path);
NAME_CALL(int, utime, (const char *path, const struct utimbuf *times), (path, times), AT_FDCWD, path);
NAME_CALL(int, utimes, (const char *path, const struct timeval times[2]), (path, times), AT_FDCWD, path);
NAME_CALL(int, lutimes, (const char *path, const struct timeval times[2]), (path, times), AT_FDCWD, path);
NAME_CALL(int, futimesat, (int dir, const char *path, const struct timeval times[2]), (dir, path, times), dir, path);
NAME_CALL(int, utimensat, (int dir, const char *path, const struct timespec times[2], int flags),
          (dir, path, times, flags), dir, path);
NAME_CALL(ssize_t, getxattr, (const char *path, const char *name, void *value, size_t n), (path, name, value, n),
          AT_FDCWD, path);
NAME_CALL(ssize_t, lgetxattr, (const char *path, const char *name, void *value, size_t n), (path, name, value, n),
          AT_FDCWD, path);
NAME_CALL(int, setxattr, (const char *path, const char *name, const void *value, size_t n, int flags),
          (path, name, value, n, flags), AT_FDCWD, path);
NAME_CALL(int, lsetxattr, (const char *path, const char *name, const void *value, size_t n, int flags),
          (path, name, value, n, flags), AT_FDCWD, path);
NAME_CALL(ssize_t, listxattr, (const char *path, char *list, size_t n), (path, list, n), AT_FDCWD, path);
NAME_CALL(ssize_t, llistxattr, (const char *path, char *list, size_t n), (path, list, n), AT_FDCWD, path);
NAME_CALL(int, removexattr, (const char *path, const char *name), (path, name), AT_FDCWD, path);
NAME_CALL(int, lremovexattr, (const char *path, const char *name), (path, name), AT_FDCWD, path);

/* where we are */
NAME_CALL(int, chdir, (const char *path), (path), AT_FDCWD, path);
NAME_CALL(int, chroot, (const char *path), (path), AT_FDCWD, path);
METHOD_CALL(hook_enter, char *, getcwd, (char *buf, size_t n), (buf, n), false);
METHOD_CALL(hook_enter, char *, __getcwd_chk, (char *buf, size_t n, size_t size), (buf, n, size), false);
METHOD_CALL(hook_enter, char *, getwd, (char *buf), (buf), false);
METHOD_CALL(hook_enter, char *, __getwd_chk, (char *buf, size_t size), (buf, size), false);

/* Looks at two names, too. */
EXPORT char *get_current_dir_name(void)
{
    struct fiber *self = hook_enter();
    struct method_call call;
    method_begin(&call, self, self != NULL && file_asks_path(AT_FDCWD, "."), "get_current_dir_name");
    char *name = real.get_current_dir_name();
    method_end(&call);
    return name;
}

/* file systems: they ask a disk, a machine or a process, whatever the name says */
METHOD_CALL(hook_enter, int, mount,
            (const char *source, const char *path, const char *type, unsigned long flags, const void *data),
            (source, path, type, flags, data), true);
METHOD_CALL(hook_enter, int, umount, (const char *path), (path), true);
METHOD_CALL(hook_enter, int, umount2, (const char *path, int flags), (path, flags), true);
METHOD_CALL(hook_enter, int, swapon, (const char *path, int flags), (path, flags), true);
METHOD_CALL(hook_enter, int, swapoff, (const char *path), (path), true);
METHOD_CALL(hook_enter, int, quotactl, (int cmd, const char *device, int id, caddr_t data), (cmd, device, id, data),
            true);
NAME_CALL(int, name_to_handle_at, (int dir, const char *path, struct file_handle *handle, int *mount, int flags),
          (dir, path, handle, mount, flags), dir, path);
METHOD_CALL(hook_enter, int, open_by_handle_at, (int mount, struct file_handle *handle, int flags),
            (mount, handle, flags), file_asks(mount));
