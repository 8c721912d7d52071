/* The table of mounts: which are slow, and what lies on them. */
#include "core/mounts.h"
#include "tests/unit/unit.h"

static struct mount_list list;

static void add(const char *line)
{
    CHECK(mounts_add(&list, line, strlen(line)));
}

static void lines(void)
{
    add("22 1 254:0 / / rw,relatime - ext4 /dev/vda rw");
    add("23 22 0:5 / /proc rw shared:7 - proc proc rw");
    add("24 22 0:60 /sub /mnt/far rw,relatime shared:9 master:2 - nfs4 host:/x rw");
    add("25 22 1048575:70 / /net/a\\040b/x rw - fuse.sshfs host: rw");
    add("26 22 0:71 / /auto rw - autofs systemd-1 rw");
    add("27 22 0:72 / /fuse rw - tmpfs fuse rw");
    add("nonsense");
    add("");
    CHECK_EQ(list.n, 3);
    CHECK_EQ(list.mounts[0].device, 60);
    CHECK_EQ(list.mounts[1].device, 1048575ull << 32 | 70);
    CHECK(strcmp(list.mounts[1].path, "/net/a b/x") == 0);
    unit_ok("the lines of mountinfo");
}

static void paths(void)
{
    static const char *const slow[] = {"/mnt/far", "/mnt/far/", "//mnt/./far//x/y", "/net/a b/x/z", "/auto/x", "/a/../x"};
    static const char *const quick[] = {"/", "/mnt", "/mnt/fa", "/mnt/fart", "/mnt/farther/x", "/net/a b", "/fuse/x", "/..x/y"};
    for (size_t i = 0; i < countof(slow); i++)
        CHECK(mounts_covers(&list, slow[i]));
    for (size_t i = 0; i < countof(quick); i++)
        CHECK(!mounts_covers(&list, quick[i]));
    unit_ok("what lies on a slow mount");
}

static void full(void)
{
    static struct mount_list many;
    const char line[] = "26 22 0:71 / /auto rw - autofs systemd-1 rw";
    for (int i = 0; i < MOUNTS_MOST; i++)
        CHECK(mounts_add(&many, line, sizeof line - 1));
    CHECK(!mounts_add(&many, line, sizeof line - 1));
    CHECK_EQ(many.n, MOUNTS_MOST);
    unit_ok("a full list");
}

int main(void)
{
    unit_start();
    lines();
    paths();
    full();
    return 0;
}
