// The standard library's locks and conditions under contention, with their time limits.
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

using namespace std::chrono_literals;

template <class Lockable> static void exclusion(const char *name)
{
    Lockable mutex;
    int inside = 0, counter = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 20; i++)
        threads.emplace_back([&] {
            for (int j = 0; j < 50; j++) {
                std::lock_guard<Lockable> lock(mutex);
                CHECK(inside++ == 0);
                counter++;
                std::this_thread::yield();
                CHECK(--inside == 0);
            }
        });
    for (auto &t : threads)
        t.join();
    printf("%s %d\n", name, counter);
}

template <class Lockable> static void limits(const char *name)
{
    Lockable mutex;
    mutex.lock();
    std::thread([&] {
        auto start = std::chrono::steady_clock::now();
        CHECK(!mutex.try_lock());
        CHECK(!mutex.try_lock_for(20ms));
        CHECK(std::chrono::steady_clock::now() - start >= 20ms);
        CHECK(!mutex.try_lock_until(std::chrono::system_clock::now() + 10ms));
    }).join();
    std::thread waiting([&] {
        CHECK(mutex.try_lock_for(20s));
        mutex.unlock();
    });
    std::this_thread::sleep_for(2ms);
    mutex.unlock();
    waiting.join();
    printf("%s limits\n", name);
}

static void conditions()
{
    std::mutex mutex;
    std::condition_variable cond;
    std::condition_variable_any any;
    int ready = 0, done = 0;
    std::unique_lock<std::mutex> lock(mutex);
    CHECK(cond.wait_for(lock, 20ms) == std::cv_status::timeout);
    CHECK(any.wait_for(lock, 20ms) == std::cv_status::timeout);
    CHECK(!cond.wait_until(lock, std::chrono::system_clock::now() + 10ms, [] { return false; }));
    std::vector<std::thread> threads;
    for (int i = 0; i < 20; i++)
        threads.emplace_back([&, i] {
            std::unique_lock<std::mutex> own(mutex);
            auto open = [&] { return ready == 1; };
            if (i % 3 == 0)
                cond.wait(own, open);
            else if (i % 3 == 1)
                any.wait(own, open);
            else
                CHECK(cond.wait_for(own, 20s, open));
            done++;
        });
    lock.unlock();
    std::this_thread::sleep_for(5ms);
    lock.lock();
    ready = 1;
    cond.notify_all();
    any.notify_all();
    lock.unlock();
    for (auto &t : threads)
        t.join();
    printf("conditions %d\n", done);
}

static void shared()
{
    std::shared_mutex mutex;
    int value = 0, copy = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 20; i++)
        threads.emplace_back([&, i] {
            for (int j = 0; j < 50; j++) {
                if (i % 4) {
                    std::shared_lock<std::shared_mutex> lock(mutex);
                    CHECK(value == copy);
                    std::this_thread::yield();
                    CHECK(value == copy);
                } else {
                    std::unique_lock<std::shared_mutex> lock(mutex);
                    value++;
                    std::this_thread::yield();
                    copy++;
                }
            }
        });
    for (auto &t : threads)
        t.join();
    printf("shared %d\n", value);
}

static void once()
{
    std::once_flag flag;
    int tries = 0, done = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 20; i++)
        threads.emplace_back([&] {
            try {
                std::call_once(flag, [&] {
                    std::this_thread::sleep_for(1ms);
                    if (++tries < 3)
                        throw std::runtime_error("not yet");
                    done++;
                });
            } catch (const std::runtime_error &) {
            }
        });
    for (auto &t : threads)
        t.join();
    printf("once %d after %d\n", done, tries);
}

int main()
{
    exclusion<std::mutex>("mutex");
    exclusion<std::recursive_mutex>("recursive_mutex");
    exclusion<std::timed_mutex>("timed_mutex");
    exclusion<std::shared_timed_mutex>("shared_timed_mutex");
    limits<std::timed_mutex>("timed_mutex");
    limits<std::recursive_timed_mutex>("recursive_timed_mutex");
    limits<std::shared_timed_mutex>("shared_timed_mutex");
    conditions();
    shared();
    once();
    return 0;
}
