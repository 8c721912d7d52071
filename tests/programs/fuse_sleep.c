/* A file system that answers each question only after a while, many at once: a server in user space, without a library.
   fuse_sleep DIR MILLISECONDS mounts it and serves until it is unmounted. Every name that begins with "file" is a file of
   100,000 bytes "x". Needs root. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOM = 1 << 18, SIZE = 100000 };

static int device, delay;

struct request {
    ssize_t size;
    char text[];
};

static void answer(const struct fuse_in_header *h, int error, const void *data, size_t n)
{
    char out[sizeof(struct fuse_out_header) + 70000];
    struct fuse_out_header *o = (void *)out;
    *o = (struct fuse_out_header){sizeof *o + (error ? 0 : n), -error, h->unique};
    if (!error)
        memcpy(o + 1, data, n);
    (void)!write(device, out, o->len);
}

static struct fuse_attr attributes(uint64_t node)
{
    return (struct fuse_attr){.ino = node,
                              .size = node == 1 ? 4096 : SIZE,
                              .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644,
                              .nlink = 1,
                              .blksize = 4096};
}

static void look_up(const struct fuse_in_header *h, const char *name)
{
    struct fuse_entry_out e = {.nodeid = 2 + strtoul(name + 4, NULL, 10)};
    e.attr = attributes(e.nodeid);
    answer(h, strncmp(name, "file", 4) == 0 ? 0 : ENOENT, &e, sizeof e);
}

static void read_file(const struct fuse_in_header *h, const struct fuse_read_in *in)
{
    static char data[65536];
    memset(data, 'x', sizeof data);
    size_t n = in->offset >= SIZE ? 0 : SIZE - in->offset;
    n = n > in->size ? in->size : n;
    answer(h, 0, data, n > sizeof data ? sizeof data : n);
}

static void read_directory(const struct fuse_in_header *h, const struct fuse_read_in *in)
{
    struct {
        struct fuse_dirent d;
        char name[8];
    } e = {{.ino = 2, .off = 1, .namelen = 5, .type = 8}, "file0"};
    answer(h, 0, &e, in->offset == 0 ? sizeof e : 0);
}

static void *serve(void *arg)
{
    struct request *r = arg;
    const struct fuse_in_header *h = (void *)r->text;
    const void *in = h + 1;
    struct fuse_attr_out a = {.attr = attributes(h->nodeid)};
    struct fuse_open_out o = {.fh = 1, .open_flags = FOPEN_DIRECT_IO};
    struct fuse_statfs_out s = {{.bsize = 4096, .namelen = 255}};
    usleep(delay * 1000);
    switch (h->opcode) {
    case FUSE_LOOKUP:
        look_up(h, in);
        break;
    case FUSE_GETATTR:
    case FUSE_SETATTR:
        answer(h, 0, &a, sizeof a);
        break;
    case FUSE_OPEN:
    case FUSE_OPENDIR:
        answer(h, 0, &o, sizeof o);
        break;
    case FUSE_READ:
        read_file(h, in);
        break;
    case FUSE_READDIR:
        read_directory(h, in);
        break;
    case FUSE_STATFS:
        answer(h, 0, &s, sizeof s);
        break;
    case FUSE_ACCESS:
    case FUSE_UNLINK:
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
        answer(h, 0, "", 0);
        break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        break;
    default:
        answer(h, ENOSYS, NULL, 0);
    }
    free(r);
    return NULL;
}

static void begin(const struct fuse_in_header *h, const struct fuse_init_in *in)
{
    struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION, .minor = in->minor < FUSE_KERNEL_MINOR_VERSION ? in->minor : FUSE_KERNEL_MINOR_VERSION,
                                .max_readahead = in->max_readahead, .max_write = 65536, .max_background = 100, .congestion_threshold = 100,
                                .flags = in->flags & FUSE_PARALLEL_DIROPS};
    answer(h, 0, &out, sizeof out);
}

int main(int argc, char **argv)
{
    char options[100];
    pthread_attr_t attr;
    device = open("/dev/fuse", O_RDWR);
    delay = atoi(argv[2]);
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device);
    if (device < 0 || mount("fuse_sleep", argv[1], "fuse", 0, options) != 0) {
        perror("fuse_sleep");
        return 77;
    }
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (;;) {
        pthread_t t;
        struct request *r = malloc(sizeof *r + ROOM);
        r->size = read(device, r->text, ROOM);
        if (r->size < 0 && errno == ENODEV)
            return 0; /* unmounted */
        if (r->size < 0) {
            free(r);
            continue;
        }
        const struct fuse_in_header *h = (void *)r->text;
        if (h->opcode == FUSE_INIT)
            begin(h, (void *)(h + 1)), free(r);
        else if (pthread_create(&t, &attr, serve, r) != 0)
            return 1;
    }
}
