/* posix_spawn of before glibc 2.15 gives a file that is no program to the shell; the one of today refuses it. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int spawn_call(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
                       char *const[], char *const[]);
extern spawn_call spawn_old, spawnp_old, spawn_new, spawnp_new;
__asm__(".symver spawn_old, posix_spawn@GLIBC_2.2.5\n.symver spawnp_old, posix_spawnp@GLIBC_2.2.5\n"
        ".symver spawn_new, posix_spawn@GLIBC_2.15\n.symver spawnp_new, posix_spawnp@GLIBC_2.15");

extern char **environ;

static void report(const char *what, spawn_call *call, const char *file)
{
    char *argv[] = {"script", "word", NULL};
    pid_t pid;
    int status = 0, e = call(&pid, file, NULL, NULL, argv, environ);
    if (e == 0)
        waitpid(pid, &status, 0);
    printf("%s: %s, exit %d\n", what, e == ENOEXEC ? "ENOEXEC" : e == 0 ? "runs" : strerror(e), WEXITSTATUS(status));
    fflush(stdout);
}

static void *thread(void *path)
{
    report("old spawn", spawn_old, path);
    report("old spawnp", spawnp_old, "script");
    report("new spawn", spawn_new, path);
    report("new spawnp", spawnp_new, "script");
    return NULL;
}

int main(void)
{
    char dir[] = "/tmp/spawn_old.XXXXXX", path[64];
    pthread_t t;
    if (mkdtemp(dir) == NULL || chdir(dir) != 0)
        return 1;
    snprintf(path, sizeof path, "%s/script", dir);
    FILE *f = fopen(path, "w");
    fputs("test \"$1\" = word && exit 7\n", f);
    fclose(f);
    chmod(path, 0700);
    setenv("PATH", dir, 1);
    pthread_create(&t, NULL, thread, path);
    pthread_join(t, NULL);
    unlink(path);
    rmdir(dir);
    return 0;
}
