/* Functions and variables that a runtime might have by the same names: the program must get its own, and find no
 * others. Threads, a lock and a sleep make a shim use its own meanwhile. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define FUNCTIONS(X)                                                                                                   \
    X(addr_park) X(addr_wake) X(baton_get) X(baton_put) X(clock_now) X(config_init) X(deadline_init) X(ev_break)       \
    X(ev_io_start) X(ev_loop_destroy) X(ev_loop_new) X(ev_run) X(ev_set_allocator) X(ev_suspend) X(fdtab_get)          \
    X(fdtab_init) X(feature_on) X(fiber_create) X(fiber_exit) X(fiber_self) X(hook_enter) X(hook_leave) X(io_read)     \
    X(io_write) X(kind_of) X(list_add) X(log_format) X(log_line) X(loop_init) X(loop_run) X(mem_get) X(mem_put)        \
    X(park) X(pool_init) X(pool_run) X(pool_submit) X(real_bind) X(real_symbol) X(rt_init) X(sched_park)               \
    X(sched_run) X(sched_switch) X(sched_wake) X(stack_get) X(stack_put) X(stacks_init) X(switch_context)              \
    X(switch_to) X(timer_start) X(timer_stop) X(tls_get) X(tls_put) X(wake) X(yield)
#define VARIABLES(X) X(carrier) X(current) X(real) X(real_gate) X(rt) X(runtime) X(self)

enum value {
#define VALUE(name) value_##name,
    FUNCTIONS(VALUE) VARIABLES(VALUE) VALUES
};

#define FUNCTION(name)                                                                                                 \
    int name(void)                                                                                                     \
    {                                                                                                                  \
        return value_##name;                                                                                           \
    }
FUNCTIONS(FUNCTION)
#define VARIABLE(name) int name = value_##name;
VARIABLES(VARIABLE)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int wrong, checks;

static void same(const char *name, int got, int expected)
{
    checks++;
    if (got != expected) {
        printf("%s: %d, not %d\n", name, got, expected);
        wrong++;
    }
}

static void *work(void *arg)
{
    for (int round = 0; round < 20; round++) {
        pthread_mutex_lock(&lock);
        nanosleep(&(struct timespec){0, 100000}, NULL);
#define CALL(name) same(#name, ((int (*volatile)(void))name)(), value_##name);
        FUNCTIONS(CALL)
#define LOOK(name) same(#name, *(volatile int *)&name, value_##name);
        VARIABLES(LOOK)
        pthread_mutex_unlock(&lock);
    }
    return arg;
}

/* Whatever the dynamic linker knows by the name must be the program's: nothing in a plain build. */
static void find(const char *name, void *ours)
{
    void *found = dlsym(RTLD_DEFAULT, name);
    if (found != NULL && found != ours) {
        printf("%s: somebody exports it\n", name);
        wrong++;
    }
}

int main(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0)
            abort();
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
#define FIND(name) find(#name, (void *)&name);
    FUNCTIONS(FIND)
    VARIABLES(FIND)
    printf("%d checks, %d wrong\n", checks, wrong);
    return wrong != 0;
}
