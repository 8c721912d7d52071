// Cancellation unwinds C++ frames: destructors run, catch (...) sees it pass, finally the thread has ended.
#include <pthread.h>
#include <semaphore.h>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t ready;
static std::mutex mutex;

struct Guard {
    const char *name;
    ~Guard()
    {
        puts(name);
    }
};

static void deep(int n)
{
    Guard guard{n == 0 ? "innermost" : "frame"};
    if (n == 0) {
        sem_post(&ready);
        for (;;)
            pause();
    }
    deep(n - 1);
}

static void *thread(void *)
{
    Guard outer{"outermost"};
    std::lock_guard<std::mutex> lock(mutex);
    try {
        deep(2);
    } catch (...) {
        puts("passes catch (...)");
        throw;
    }
    return nullptr;
}

int main()
{
    pthread_t t;
    void *r;
    sem_init(&ready, 0, 0);
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_create(&t, nullptr, thread, nullptr) == 0);
        sem_wait(&ready);
        CHECK(pthread_cancel(t) == 0);
        CHECK(pthread_join(t, &r) == 0);
        CHECK(r == PTHREAD_CANCELED);
        CHECK(mutex.try_lock());
        mutex.unlock();
    }
    return 0;
}
