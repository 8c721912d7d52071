/* Directories, and walks through them. A walk calls the program's functions, which may do anything: it is in place. */
#include "shim/files.h"

static DIR *no_dir(int error)
{
    errno = error;
    return NULL;
}

NAME_CALL(DIR *, opendir, (const char *path), (path), AT_FDCWD, path);
FD_CALL_(hook_enter, no_dir, DIR *, fdopendir, (int fd), (fd), fd);
ASKING_CALL(struct dirent *, readdir, (DIR * dir), (dir), file_asks(dirfd(dir)));
ASKING_CALL(struct dirent64 *, readdir64, (DIR * dir), (dir), file_asks(dirfd(dir)));
ASKING_CALL(int, readdir_r, (DIR *restrict dir, struct dirent *restrict entry, struct dirent **restrict found),
            (dir, entry, found), file_asks(dirfd(dir)));
ASKING_CALL(int, readdir64_r, (DIR *restrict dir, struct dirent64 *restrict entry, struct dirent64 **restrict found),
            (dir, entry, found), file_asks(dirfd(dir)));
FD_CALL(ssize_t, getdents64, (int fd, void *buf, size_t n), (fd, buf, n), fd);
NAME_CALL(int, scandir,
          (const char *restrict path, struct dirent ***restrict list, int (*want)(const struct dirent *),
           int (*order)(const struct dirent **, const struct dirent **)),
          (path, list, want, order), AT_FDCWD, path);
NAME_CALL(int, scandir64,
          (const char *restrict path, struct dirent64 ***restrict list, int (*want)(const struct dirent64 *),
           int (*order)(const struct dirent64 **, const struct dirent64 **)),
          (path, list, want, order), AT_FDCWD, path);
NAME_CALL(int, scandirat,
          (int dir, const char *restrict path, struct dirent ***restrict list, int (*want)(const struct dirent *),
           int (*order)(const struct dirent **, const struct dirent **)),
          (dir, path, list, want, order), dir, path);
NAME_CALL(int, scandirat64,
          (int dir, const char *restrict path, struct dirent64 ***restrict list, int (*want)(const struct dirent64 *),
           int (*order)(const struct dirent64 **, const struct dirent64 **)),
          (dir, path, list, want, order), dir, path);

METHOD_CALL(hook_enter, int, ftw, (const char *path, __ftw_func_t each, int n), (path, each, n), false);
METHOD_CALL(hook_enter, int, ftw64, (const char *path, __ftw64_func_t each, int n), (path, each, n), false);
METHOD_CALL(hook_enter, int, nftw, (const char *path, __nftw_func_t each, int n, int flags), (path, each, n, flags),
            false);
METHOD_CALL(hook_enter, int, nftw64, (const char *path, __nftw64_func_t each, int n, int flags), (path, each, n, flags),
            false);
METHOD_CALL(hook_enter, int, glob,
            (const char *restrict pattern, int flags, int (*failed)(const char *, int), glob_t *restrict found),
            (pattern, flags, failed, found), false);
METHOD_CALL(hook_enter, int, glob64,
            (const char *restrict pattern, int flags, int (*failed)(const char *, int), glob64_t *restrict found),
            (pattern, flags, failed, found), false);

/* Before: flags were not looked at. */
OLD_CALL(int, nftw_old, nftw, "GLIBC_2.2.5", (const char *path, __nftw_func_t each, int n, int flags),
         (path, each, n, flags));
OLD_CALL(int, nftw64_old, nftw64, "GLIBC_2.2.5", (const char *path, __nftw64_func_t each, int n, int flags),
         (path, each, n, flags));
/* Before: links that lead nowhere were not found. */
OLD_CALL(int, glob_old, glob, "GLIBC_2.2.5",
         (const char *restrict pattern, int flags, int (*failed)(const char *, int), glob_t *restrict found),
         (pattern, flags, failed, found));
OLD_CALL(int, glob64_old, glob64, "GLIBC_2.2.5",
         (const char *restrict pattern, int flags, int (*failed)(const char *, int), glob64_t *restrict found),
         (pattern, flags, failed, found));
