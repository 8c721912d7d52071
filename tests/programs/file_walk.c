/* Walks a tree as find and tar do, in threads that take turns or at once; prints what it has seen. file_walk DIR MAKE
   makes a tree of so many files first. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_EACH = 100 };

static void make(const char *root, int files)
{
    char path[300], text[3000];
    memset(text, 'a', sizeof text);
    for (int i = 0; i < files; i++) {
        snprintf(path, sizeof path, "%s/%d", root, i / FILES_EACH);
        if (i % FILES_EACH == 0)
            mkdir(path, 0700);
        snprintf(path, sizeof path, "%s/%d/%d", root, i / FILES_EACH, i);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd < 0 || write(fd, text, i % sizeof text) < 0)
            exit(1);
        close(fd);
    }
}

static long files, bytes, sum;

static void walk(int dir, const char *name)
{
    char buf[8192];
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fdopendir(fd);
    struct dirent *e;
    struct stat st;
    if (d == NULL)
        exit(1);
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            exit(1);
        if (S_ISDIR(st.st_mode)) {
            walk(fd, e->d_name);
            continue;
        }
        files++;
        int f = openat(fd, e->d_name, O_RDONLY | O_NOFOLLOW);
        fstat(f, &st);
        for (ssize_t n; (n = read(f, buf, sizeof buf)) > 0; bytes += n)
            sum += buf[0];
        close(f);
    }
    closedir(d);
}

static void *work(void *root)
{
    walk(AT_FDCWD, root);
    return NULL;
}

static void *idle(void *arg)
{
    pause();
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t t;
    if (argc > 2) {
        make(argv[1], atoi(argv[2]));
        return 0;
    }
    pthread_create(&t, NULL, idle, NULL);
    pthread_create(&t, NULL, work, argv[1]);
    pthread_join(t, NULL);
    work(argv[1]);
    printf("%ld files, %ld bytes, %ld\n", files, bytes, sum);
    return 0;
}
