// Streams of C++ over those of C and over descriptors: threads that read lines from a pipe and from cin, and write lines
// to a full pipe and to cout.
// usage: cxx_iostream LINES THREADS     cin has LINES lines
#include <cstdio>
#include <cstdlib>
#include <ext/stdio_filebuf.h>
#include <ext/stdio_sync_filebuf.h>
#include <fstream>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

static int lines;
static std::mutex both;
static long sum;

static std::string filler(int i)
{
    return std::string(i * 37 % 300, 'x');
}

static void write_lines(int fd)
{
    __gnu_cxx::stdio_filebuf<char> buf(fd, std::ios::out);
    std::ostream out(&buf);
    for (int i = 0; i < lines; i++)
        out << i << ' ' << filler(i) << (i % 10 ? "\n" : "") << std::flush << (i % 10 ? "" : "\n");
}

static void read_lines(int fd)
{
    // a second description of the pipe, opened by name
    std::ifstream in("/proc/self/fd/" + std::to_string(fd));
    close(fd);
    std::string line;
    for (int i = 0; i < lines; i++)
        if (!std::getline(in, line) || line != std::to_string(i) + " " + filler(i)) {
            std::cerr << "FAIL at " << i << ": " << line << "\n";
            _exit(1);
        }
    if (std::getline(in, line) || !in.eof()) {
        std::cerr << "FAIL: more\n";
        _exit(1);
    }
}

static void add_numbers()
{
    std::string line;
    for (;;) {
        std::lock_guard<std::mutex> guard(both);
        if (!std::getline(std::cin, line))
            break;
        sum += std::stol(line);
        if (sum % 5 == 0)
            std::cout << line + "\n";
    }
}

int main(int argc, char **argv)
{
    lines = std::atoi(argv[1]);
    int n = std::atoi(argv[2]);
    std::vector<std::thread> threads;
    for (int i = 0; i < n; i++) {
        int fds[2];
        if (pipe(fds) != 0)
            return 1;
        threads.emplace_back(read_lines, fds[0]);
        threads.emplace_back(write_lines, fds[1]);
    }
    for (int i = 0; i < 2; i++)
        threads.emplace_back(add_numbers);
    for (auto &t : threads)
        t.join();
    std::wcerr << L"";
    std::cout << "sum " << sum << std::endl;
    return 0;
}
