// Promises, futures, tasks and async: values, exceptions, time limits, many at once.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <numeric>
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

static int fib(int n)
{
    if (n < 2)
        return n;
    if (n < 6)
        return fib(n - 1) + fib(n - 2);
    auto left = std::async(std::launch::async, fib, n - 1);
    return fib(n - 2) + left.get();
}

int main()
{
    std::promise<int> promise;
    auto future = promise.get_future().share();
    std::vector<std::future<int>> results;
    for (int i = 0; i < 50; i++)
        results.push_back(std::async(std::launch::async, [future, i] { return future.get() + i; }));
    CHECK(results[0].wait_for(10ms) == std::future_status::timeout);
    CHECK(future.wait_until(std::chrono::system_clock::now() + 10ms) == std::future_status::timeout);
    promise.set_value(1000);
    int sum = 0;
    for (auto &r : results)
        sum += r.get();
    printf("%d\n", sum);

    auto failing = std::async(std::launch::async, []() -> int {
        std::this_thread::sleep_for(2ms);
        throw std::runtime_error("from a task");
    });
    try {
        failing.get();
    } catch (const std::runtime_error &e) {
        puts(e.what());
    }
    std::future<void> broken;
    {
        std::promise<void> forgotten;
        broken = forgotten.get_future();
    }
    try {
        broken.get();
    } catch (const std::future_error &e) {
        CHECK(e.code() == std::future_errc::broken_promise);
        puts("broken promise");
    }
    std::packaged_task<int(int)> task([](int n) { return n * n; });
    auto square = task.get_future();
    std::thread(std::move(task), 12).join();
    printf("%d\n", square.get());
    std::promise<int> late;
    auto at_exit = late.get_future();
    std::thread([&] { late.set_value_at_thread_exit(5); }).join();
    printf("%d\n", at_exit.get());
    printf("%d\n", fib(14));
    return 0;
}
