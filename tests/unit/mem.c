/* What the shim knows and keeps of memory. */
#include "tests/unit/unit.h"

#include "core/mem.h"

#include <sys/mman.h>

enum { PAGE = 4096 };

static int global = 1;

static char *map(size_t size, int protection, int flags, int fd)
{
    char *p = mmap(NULL, size, protection, flags, fd, 0);
    CHECK(p != MAP_FAILED);
    return p;
}

static void shared(void)
{
    int fd = memfd_create("unit", MFD_CLOEXEC), local = 1;
    CHECK(fd >= 0 && ftruncate(fd, 3 * PAGE) == 0);
    char *heap = malloc(100), *large = malloc(1 << 20);
    char *anonymous = map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    char *private_file = map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
    char *shared_file = map(3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    char *shared_anonymous = map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
    char *read_only = map(PAGE, PROT_READ, MAP_SHARED, fd);
    CHECK(!mem_shared(&global) && !mem_shared(&local) && !mem_shared(heap) && !mem_shared(large));
    CHECK(!mem_shared(anonymous) && !mem_shared(anonymous + PAGE - 1));
    CHECK(!mem_shared(private_file));
    CHECK(mem_shared(shared_file) && mem_shared(shared_file + 3 * PAGE - 1) && mem_shared(shared_file + PAGE + 8));
    CHECK(mem_shared(shared_anonymous) && mem_shared(read_only));
    /* A mapping that has changed since is seen as it is. */
    CHECK(mmap(shared_file + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
    CHECK(mem_shared(shared_file) && !mem_shared(shared_file + PAGE) && mem_shared(shared_file + 2 * PAGE));
    munmap(shared_file, 3 * PAGE);
    munmap(shared_anonymous, PAGE);
    munmap(read_only, PAGE);
    munmap(private_file, PAGE);
    munmap(anonymous, PAGE);
    free(heap);
    free(large);
    close(fd);
    unit_ok("shared");
}

/* Far behind the first lines of the process's map: it is read in parts. */
static void shared_among_many(void)
{
    enum { MANY = 300 };
    char *p = map(2 * MANY * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    for (int i = 0; i < MANY; i++)
        CHECK(mmap(p + (2 * i + 1) * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
              MAP_FAILED);
    for (int i = 0; i < 2 * MANY; i += 7)
        CHECK_EQ(mem_shared(p + i * PAGE + i % PAGE), i % 2 == 1);
    munmap(p, 2 * MANY * PAGE);
    unit_ok("shared_among_many");
}

static void readable(void)
{
    char *p = map(3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    CHECK_EQ(mprotect(p + 2 * PAGE, PAGE, PROT_NONE), 0);
    CHECK_EQ(mprotect(p + PAGE, PAGE, PROT_READ), 0);
    CHECK(mem_readable(p, 8) && mem_readable(p + PAGE - 4, 8) && mem_readable(p, 2 * PAGE));
    CHECK(mem_readable(p + 2 * PAGE - 8, 8) && mem_readable(p + 3, 100));
    CHECK(mem_readable(p + 2 * PAGE - 1, 1) && mem_readable(p + 5, 6) && !mem_readable(p + 2 * PAGE - 1, 2));
    CHECK(!mem_readable(p + 2 * PAGE - 7, 8) && !mem_readable(p + 2 * PAGE, 8));
    CHECK(!mem_readable(p + PAGE, PAGE + 1) && !mem_readable(p + 2 * PAGE - 16, 24));
    munmap(p, 3 * PAGE);
    CHECK(!mem_readable(p, 8));
    CHECK(!mem_readable((void *)8, 8) && !mem_readable((void *)8, 64) && !mem_readable((void *)-1l, 8));
    CHECK(!mem_readable((void *)-4096l, 16) && !mem_readable((void *)0x8000000000000000ul, 8));
    unit_ok("readable");
}

/* The question changes no signal mask. */
static void readable_keeps_mask(void)
{
    uint64_t ones = ~0ull, before, after;
    CHECK_EQ(sys(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &before, 8), 0);
    CHECK(mem_readable(&ones, 8));
    CHECK_EQ(sys(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &after, 8), 0);
    CHECK_EQ(before, after);
    unit_ok("readable_keeps_mask");
}

static void mappings(void)
{
    unsigned char *p = mem_map(5 * PAGE);
    CHECK(p != NULL && ((uintptr_t)p & (PAGE - 1)) == 0);
    for (int i = 0; i < 5 * PAGE; i++)
        CHECK_EQ(p[i], 0);
    memset(p, 7, 5 * PAGE);
    p = mem_remap(p, 5 * PAGE, 600 * PAGE);
    CHECK(p != NULL);
    for (int i = 0; i < 600 * PAGE; i += 97)
        CHECK_EQ(p[i], i < 5 * PAGE ? 7 : 0);
    p = mem_remap(p, 600 * PAGE, 2 * PAGE);
    CHECK(p != NULL && p[0] == 7 && p[2 * PAGE - 1] == 7);
    mem_unmap(p, 2 * PAGE);
    CHECK(!mem_readable(p, 8));
    mem_unmap(NULL, PAGE);
    p = mem_remap(NULL, 0, PAGE);
    CHECK(p != NULL && p[0] == 0);
    mem_unmap(p, PAGE);
    CHECK(mem_map((size_t)1 << 62) == NULL);
    unit_ok("mappings");
}

static void reallocation(void)
{
    struct chance c = {5};
    unsigned char *p = NULL;
    size_t had = 0;
    for (int round = 0; round < 2000; round++) {
        size_t size = 1 + chance(&c, round % 50 == 0 ? 3000000 : 20000);
        p = mem_realloc(p, (long)size);
        CHECK(p != NULL && ((uintptr_t)p & 15) == 0);
        for (size_t i = 0; i < had && i < size; i += 61)
            CHECK_EQ(p[i], i % 251);
        for (size_t i = 0; i < size; i++)
            p[i] = (unsigned char)(i % 251);
        had = size;
    }
    CHECK(mem_realloc(p, 0) == NULL);
    CHECK(!mem_readable(p, 8));
    CHECK(mem_realloc(NULL, 0) == NULL);
    unit_ok("reallocation");
}

/* The kernel takes a null pointer for no mask at all. */
static void null_not_readable(void)
{
    CHECK(!mem_readable(NULL, 16));
    CHECK(!mem_readable(NULL, 8));
    unit_ok("null_not_readable");
}

int main(void)
{
    unit_start();
    shared();
    shared_among_many();
    readable();
    readable_keeps_mask();
    mappings();
    reallocation();
    null_not_readable();
    return 0;
}
