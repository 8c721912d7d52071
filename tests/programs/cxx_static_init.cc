// A function-local static that many threads reach while it is being made: made once, complete for all; one whose
// constructor throws is tried again.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
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

static std::atomic<int> made{0}, tries{0}, failures{0};

struct Slow {
    int value;
    Slow()
    {
        usleep(20000);
        made++;
        value = 42;
    }
};

struct Failing {
    Failing()
    {
        usleep(1000);
        if (++tries < 4)
            throw std::runtime_error("not yet");
    }
};

static int slow()
{
    static Slow s;
    return s.value;
}

static void failing()
{
    static Failing f;
}

template <int N> static int nested()
{
    static int value = nested<N - 1>() + 1;
    usleep(10);
    return value;
}

template <> int nested<0>()
{
    static int value = slow();
    return value;
}

int main()
{
    std::vector<std::thread> threads;
    for (int i = 0; i < 50; i++)
        threads.emplace_back([] {
            CHECK(slow() == 42);
            try {
                failing();
            } catch (const std::runtime_error &) {
                failures++;
            }
            CHECK(nested<10>() == 52);
        });
    for (auto &t : threads)
        t.join();
    printf("%d %d %d\n", made.load(), tries.load(), failures.load());
    return 0;
}
