/* The same function, whether it is linked, or asked for by name, or by name and version; and an older one behind. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <unistd.h>

static void names(const char *name, void *linked, const char *version, const char *old)
{
    void *newest = dlvsym(RTLD_DEFAULT, name, version), *oldest = dlvsym(RTLD_DEFAULT, name, old);
    printf("%s: by name %d, by version %d, older %d\n", name, dlsym(RTLD_DEFAULT, name) == linked, newest == linked,
           oldest != NULL && oldest != linked);
}

static void *thread(void *unused)
{
    names("pthread_cond_wait", (void *)pthread_cond_wait, "GLIBC_2.3.2", "GLIBC_2.2.5");
    names("pthread_cond_timedwait", (void *)pthread_cond_timedwait, "GLIBC_2.3.2", "GLIBC_2.2.5");
    names("pthread_cond_signal", (void *)pthread_cond_signal, "GLIBC_2.3.2", "GLIBC_2.2.5");
    names("pthread_cond_broadcast", (void *)pthread_cond_broadcast, "GLIBC_2.3.2", "GLIBC_2.2.5");
    names("pthread_kill", (void *)pthread_kill, "GLIBC_2.34", "GLIBC_2.2.5");
    names("pthread_getaffinity_np", (void *)pthread_getaffinity_np, "GLIBC_2.32", "GLIBC_2.3.3");
    names("pthread_setaffinity_np", (void *)pthread_setaffinity_np, "GLIBC_2.34", "GLIBC_2.3.3");
    names("posix_spawn", (void *)posix_spawn, "GLIBC_2.15", "GLIBC_2.2.5");
    printf("read: %d\n", dlsym(RTLD_DEFAULT, "read") == (void *)read);
    printf("pthread_create: %d\n", dlsym(RTLD_DEFAULT, "pthread_create") == (void *)pthread_create);
    return NULL;
}

int main(void)
{
    pthread_t t;
    pthread_create(&t, NULL, thread, NULL);
    pthread_join(t, NULL);
    return 0;
}
