// An exception that nobody catches ends the process with SIGABRT and a line from the runtime. Argument: thread,
// noexcept or joinable (a std::thread destroyed without a join).
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <unistd.h>

static void no_throw() noexcept
{
    throw std::runtime_error("from noexcept");
}

int main(int, char **argv)
{
    puts("starts");
    fflush(stdout);
    std::thread other([] { pause(); });
    if (strcmp(argv[1], "joinable") == 0)
        return 0;
    std::thread t([&] {
        usleep(1000);
        if (strcmp(argv[1], "noexcept") == 0)
            no_throw();
        throw std::runtime_error("uncaught");
    });
    t.join();
    puts("not reached");
}
