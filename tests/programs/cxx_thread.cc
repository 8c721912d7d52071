// std::thread: arguments, join, detach, many at once, this_thread.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <mutex>
#include <condition_variable>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

int main()
{
    std::vector<std::thread> threads;
    std::atomic<long> sum{0};
    std::mutex mutex;
    std::set<std::thread::id> ids;
    std::condition_variable cond;
    bool open = false;
    for (int i = 0; i < 100; i++)
        threads.emplace_back(
            [&](int n, std::string text) {
                std::unique_lock<std::mutex> lock(mutex);
                ids.insert(std::this_thread::get_id());
                cond.wait(lock, [&] { return open; });
                std::this_thread::yield();
                sum += n + long(text.size());
            },
            i, std::string(i, 'x'));
    {
        std::lock_guard<std::mutex> lock(mutex);
        open = true;
    }
    cond.notify_all();
    for (auto &t : threads)
        t.join();
    CHECK(ids.size() == 100);
    CHECK(ids.count(std::this_thread::get_id()) == 0);

    std::atomic<int> left{20};
    for (int i = 0; i < 20; i++)
        std::thread([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            left--;
        }).detach();
    auto start = std::chrono::steady_clock::now();
    while (left)
        std::this_thread::sleep_until(std::chrono::steady_clock::now() + std::chrono::milliseconds(1));
    CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(4));

    std::thread moved, t([] {});
    moved = std::move(t);
    CHECK(moved.joinable() && !t.joinable());
    moved.join();
    try {
        moved.join();
        CHECK(!"joined twice");
    } catch (const std::system_error &e) {
        CHECK(e.code() == std::errc::invalid_argument);
    }
    printf("%ld\n", sum.load());
    return 0;
}
