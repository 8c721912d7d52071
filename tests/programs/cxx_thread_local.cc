// thread_local objects: made on first use in each thread, destroyed at its end in reverse order and before the keys,
// at return, pthread_exit and cancellation.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <pthread.h>
#include <semaphore.h>
#include <string>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static std::atomic<int> made{0}, destroyed{0};
static pthread_key_t key;
static sem_t ready;
static bool quiet;

struct Object {
    std::string name;
    explicit Object(const char *n) : name(n)
    {
        made++;
    }
    ~Object()
    {
        if (!quiet)
            printf("  ~%s\n", name.c_str());
        usleep(10);
        destroyed++;
    }
};

static thread_local Object first{"first"};
static thread_local Object never_used{"never used"};

static void on_key(void *)
{
    if (!quiet)
        puts("  key");
}

static void use()
{
    thread_local Object second{"second"};
    CHECK(second.name == "second");
    first.name += " changed";
}

static void *returns(void *)
{
    CHECK(first.name == "first");
    use();
    pthread_setspecific(key, "x");
    return nullptr;
}

static void *exits(void *)
{
    use();
    pthread_setspecific(key, "x");
    pthread_exit(nullptr);
}

static void *cancelled(void *)
{
    use();
    pthread_setspecific(key, "x");
    sem_post(&ready);
    for (;;)
        pause();
}

static void *unused(void *)
{
    return nullptr;
}

static void run(void *(*start)(void *), const char *name)
{
    pthread_t t;
    puts(name);
    CHECK(pthread_create(&t, nullptr, start, nullptr) == 0);
    if (start == cancelled) {
        sem_wait(&ready);
        CHECK(pthread_cancel(t) == 0);
    }
    CHECK(pthread_join(t, nullptr) == 0);
}

int main()
{
    sem_init(&ready, 0, 0);
    CHECK(pthread_key_create(&key, on_key) == 0);
    run(returns, "returns");
    run(exits, "exits");
    run(cancelled, "cancelled");
    run(unused, "unused");
    quiet = true;
    pthread_t t[100];
    for (int i = 0; i < 100; i++)
        CHECK(pthread_create(&t[i], nullptr, i % 2 ? returns : exits, nullptr) == 0);
    for (int i = 0; i < 100; i++)
        CHECK(pthread_join(t[i], nullptr) == 0);
    quiet = false;
    printf("%d %d\n", made.load(), destroyed.load());
    use();
    puts("main ends");
    return 0;
}
