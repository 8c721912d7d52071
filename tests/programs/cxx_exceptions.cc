// Exceptions thrown, nested, rethrown and handed over in many threads at once, with switches in the midst of it all.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static std::atomic<int> destroyed{0}, caught{0};

struct Yielding {
    ~Yielding()
    {
        sched_yield(); // in the midst of unwinding
        CHECK(std::uncaught_exceptions() == 1);
        usleep(10);
        CHECK(std::uncaught_exceptions() == 1);
        destroyed++;
    }
};

static void deep(int n, int value)
{
    Yielding y;
    if (n == 0)
        throw std::runtime_error("value " + std::to_string(value));
    deep(n - 1, value);
}

static void thread(int n)
{
    for (int i = 0; i < 10; i++) {
        std::string want = "value " + std::to_string(n * 100 + i);
        try {
            try {
                deep(5, n * 100 + i);
            } catch (const std::exception &e) {
                sched_yield();
                CHECK(e.what() == want);
                try {
                    throw n;
                } catch (int inner) {
                    sched_yield();
                    CHECK(inner == n);
                }
                usleep(10);
                throw; // the outer one again
            }
        } catch (const std::runtime_error &e) {
            CHECK(e.what() == want);
            CHECK(std::uncaught_exceptions() == 0);
            sched_yield();
            CHECK(std::current_exception() != nullptr);
            caught++;
        }
        CHECK(std::current_exception() == nullptr);
    }
}

int main()
{
    std::vector<std::thread> threads;
    for (int i = 0; i < 50; i++)
        threads.emplace_back(thread, i);
    for (auto &t : threads)
        t.join();

    std::exception_ptr carried;
    std::thread thrower([&] {
        try {
            throw std::logic_error("carried");
        } catch (...) {
            carried = std::current_exception();
        }
    });
    thrower.join();
    try {
        std::rethrow_exception(carried);
    } catch (const std::logic_error &e) {
        puts(e.what());
    }
    printf("%d %d\n", caught.load(), destroyed.load());
    return 0;
}
