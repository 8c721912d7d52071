/* Libraries with thread-local variables, loaded by a thread while others live: all see the initial values. Arguments:
   libraries that export "int *variable(void)", with initial value 42, the last of them twice loaded and unloaded. */
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 10, LIBRARIES = 8 };

static char **names;
static int count;
static int *(*variable[LIBRARIES])(void);
static pthread_barrier_t before, loaded, used;

static void *loads(void *arg)
{
    for (int i = 0; i < count; i++) {
        void *library = dlopen(names[i], RTLD_NOW);
        if (!library)
            printf("%s\n", dlerror());
        CHECK(library);
        variable[i] = (int *(*)(void))dlsym(library, "variable");
        CHECK(variable[i]);
    }
    return NULL;
}

static void check(int n)
{
    for (int i = 0; i < count; i++) {
        CHECK(*variable[i]() == 42);
        *variable[i]() = 100 * n + i;
    }
    sched_yield();
    for (int i = 0; i < count; i++)
        CHECK(*variable[i]() == 100 * n + i);
}

static void *old(void *arg)
{
    pthread_barrier_wait(&before);
    pthread_barrier_wait(&loaded);
    check((long)arg);
    pthread_barrier_wait(&used);
    return NULL;
}

static void *young(void *arg)
{
    check((long)arg);
    return NULL;
}

static void *reloads(void *arg)
{
    for (int i = 0; i < 2; i++) {
        void *library = dlopen(arg, RTLD_NOW | RTLD_LOCAL);
        CHECK(library);
        int *(*v)(void) = (int *(*)(void))dlsym(library, "variable");
        CHECK(*v() == 42 || i == 0);
        *v() = 5;
        CHECK(dlclose(library) == 0);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t[THREADS], loader;
    names = argv + 1;
    count = argc - 2;
    pthread_barrier_init(&before, NULL, THREADS + 1);
    pthread_barrier_init(&loaded, NULL, THREADS + 1);
    pthread_barrier_init(&used, NULL, THREADS + 1);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, old, (void *)(i + 1)) == 0);
    pthread_barrier_wait(&before);
    CHECK(pthread_create(&loader, NULL, loads, NULL) == 0);
    CHECK(pthread_join(loader, NULL) == 0);
    pthread_barrier_wait(&loaded);
    check(50);
    pthread_barrier_wait(&used);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, young, (void *)(i + 60)) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    for (int i = 0; i < count; i++)
        CHECK(*variable[i]() == 100 * 50 + i);
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_create(&loader, NULL, reloads, names[count]) == 0);
        CHECK(pthread_join(loader, NULL) == 0);
    }
    puts("ok");
    return 0;
}
