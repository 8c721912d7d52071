/* Sockets, directories and errors by coax.h: the same lines under coax and without it. */
#define _GNU_SOURCE
#include <coax.h>
#include <netinet/in.h>
#include <sys/wait.h>

static int wrong;

static void check(int good, const char *what)
{
    if (!good) {
        printf("wrong: %s (%s)\n", what, strerror(errno));
        wrong = 1;
    }
}

static struct sockaddr_in at;

static void *connects(void *arg)
{
    int i, *fds = arg;
    usleep(10000);
    for (i = 0; i < 5; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        check(connect(fds[i], (struct sockaddr *)&at, sizeof at) == 0, "connect");
    }
    return NULL;
}

static void accepting(int threads)
{
    struct coax_accepted a[8];
    struct sockaddr_in own;
    socklen_t size = sizeof at;
    int server = socket(AF_INET, SOCK_STREAM, 0), fds[5], error = 99, i, sum = 0;
    ssize_t n;
    pthread_t t;
    memset(&at, 0, sizeof at);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(bind(server, (struct sockaddr *)&at, sizeof at) == 0, "bind");
    check(coax_accept_n(-1, a, 8, &error) == -1 && errno == EBADF && error == EBADF, "no descriptor");
    listen(server, 16);
    getsockname(server, (struct sockaddr *)&at, &size);
    if (threads)
        pthread_create(&t, NULL, connects, fds);
    else
        connects(fds);
    while (sum < 5) {
        n = coax_accept_n(server, a + sum, (size_t)(8 - sum), &error);
        check(n > 0 && error == 0, "accept_n");
        if (n <= 0)
            break;
        sum += (int)n;
    }
    if (threads)
        pthread_join(t, NULL);
    check(sum == 5, "all of them");
    for (i = 0; i < sum; i++) {
        size = sizeof own;
        getsockname(fds[i], (struct sockaddr *)&own, &size);
        check(a[i].addrlen == sizeof own && memcmp(&a[i].addr, &own, sizeof own) == 0, "the peer's address");
        close(a[i].fd);
        close(fds[i]);
    }
    if (!threads) {
        connects(fds);
        check(coax_accept_n(server, a, 3, NULL) == 3 && coax_accept_n(server, a + 3, 1, NULL) == 1, "as many as there is room for");
        check(coax_accept_n(server, a + 4, 4, &error) == 1, "the rest");
        for (i = 0; i < 5; i++) {
            close(a[i].fd);
            close(fds[i]);
        }
    }
    check(coax_accept_n(server, NULL, 3, &error) == -1 && errno == EINVAL, "nowhere to put them");
    check(coax_accept_n(server, a, 0, &error) == -1 && errno == EINVAL, "none");
    close(server);
}

static void messages(void)
{
    int pair[2], fds[2], got[4] = {-1, -1, -1, -1}, many[300];
    char text[8] = "";
    struct iovec out[2], in;
    size_t n = 4;
    struct coax_credentials who;
    memset(many, 0, sizeof many);
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && pipe(fds) == 0, "sockets");
    out[0].iov_base = (void *)"ab";
    out[0].iov_len = 2;
    out[1].iov_base = (void *)"cd";
    out[1].iov_len = 2;
    in.iov_base = text;
    in.iov_len = sizeof text;
    check(coax_send_msg(pair[0], out, 2, fds, 2) == 4, "send_msg");
    check(coax_recv_msg(pair[1], &in, 1, got, &n) == 4 && n == 2 && memcmp(text, "abcd", 4) == 0, "recv_msg");
    check(write(got[1], "z", 1) == 1 && read(fds[0], text, 1) == 1 && text[0] == 'z', "a passed descriptor");
    check(coax_fd_state(got[0]) == COAX_FD_OPENED && coax_fd_state(got[1]) == COAX_FD_OPENED, "they are opened");
    close(got[0]);
    close(got[1]);
    n = 1;
    check(coax_send_msg(pair[0], out, 1, fds, 2) == 2 && coax_recv_msg(pair[1], &in, 1, got, &n) == 2 && n == 1, "room for one");
    close(got[0]);
    check(coax_send_msg(pair[0], out, 1, fds, 1) == 2 && coax_recv_msg(pair[1], &in, 1, NULL, NULL) == 2, "room for none");
    n = 4;
    check(coax_send_msg(pair[0], out, 2, NULL, 0) == 4 && coax_recv_msg(pair[1], &in, 1, got, &n) == 4 && n == 0, "none sent");
    check(coax_send_msg(pair[0], out, 1, many, 254) == -1 && errno == EINVAL, "too many");
    check(coax_send_msg(pair[0], out, 1, NULL, 1) == -1 && errno == EINVAL, "no descriptors");
    check(coax_send_msg(pair[0], out, -1, NULL, 0) == -1 && errno == EINVAL && coax_recv_msg(pair[1], &in, -1, NULL, NULL) == -1, "-1 parts");
    check(coax_send_msg(-1, out, 1, NULL, 0) == -1 && errno == EBADF && coax_recv_msg(-1, &in, 1, NULL, NULL) == -1 && errno == EBADF, "no socket");
    check(coax_get_credentials(pair[0], &who) == 0 && who.pid == getpid() && who.uid == getuid() && who.gid == getgid(), "credentials");
    check(coax_get_credentials(fds[0], &who) == -1 && errno == ENOTSOCK, "of a pipe");
    check(coax_get_credentials(-1, &who) == -1 && errno == EBADF && coax_get_credentials(pair[0], NULL) == -1 && errno == EINVAL, "bad ones");
    close(fds[0]);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    check(coax_get_credentials(fds[0], &who) == -1 && errno == ENOTSUP, "of another kind of socket");
    close(fds[0]);
    close(fds[1]);
    close(pair[0]);
    close(pair[1]);
}

static int counts(const struct dirent *e, void *arg)
{
    int *n = arg;
    check(e->d_name[0] != '\0', "a name");
    ++*n;
    return *n == 7 ? 99 : 0;
}

static void directories(const char *path)
{
    struct dirent e[4];
    DIR *dir = opendir(path);
    int n = 0, sum = 0;
    ssize_t r;
    check(dir != NULL, path);
    if (dir == NULL)
        return;
    do {
        r = coax_readdir_n(dir, e, 4);
        sum += (int)r;
    } while (r == 4);
    check(r >= 0 && sum == 7, "entries");
    check(coax_readdir_n(dir, e, 4) == 0, "after the end");
    rewinddir(dir);
    check(coax_readdir_n(dir, e, 2) == 2, "rewound");
    check(coax_readdir_n(dir, e, 0) == -1 && errno == EINVAL && coax_readdir_n(dir, NULL, 1) == -1 && errno == EINVAL, "bad ones");
    check(coax_readdir_n(NULL, e, 1) == -1 && errno == EINVAL, "no directory");
    closedir(dir);
    check(coax_files_of_directory(path, counts, &n) == 99 && n == 7, "stopped");
    n = 10;
    check(coax_files_of_directory(path, counts, &n) == 0 && n == 17, "to the end");
    check(coax_files_of_directory("/nonesuch", counts, &n) == -1 && errno == ENOENT, "none");
    check(coax_files_of_directory(NULL, counts, &n) == -1 && errno == EINVAL, "bad ones");
    check(coax_files_of_directory(path, NULL, &n) == -1 && errno == EINVAL, "bad ones");
}

static int opens(void *arg) { return open((const char *)arg, O_RDONLY); }
static int fails(void *arg) { errno = ENOENT; return arg == NULL ? -1 : 0; }

static void errors(void)
{
    int status = 0;
    pid_t child;
    fflush(stdout);
    check(coax_handle_unix_error(NULL, NULL) == -1 && errno == EINVAL, "nothing to run");
    check(close(coax_handle_unix_error(opens, (void *)"/dev/null")) == 0, "what it returns");
    child = fork();
    if (child == 0) {
        dup2(1, 2);
        coax_handle_unix_error(fails, NULL);
        _exit(0);
    }
    check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 2, "its status");
}

int main(int argc, char **argv)
{
    alarm(60);
    accepting(0);
    messages();
    if (argc > 1)
        directories(argv[1]);
    errors();
    accepting(1);
    messages();
    if (argc > 1)
        directories(argv[1]);
    errors();
    printf("done\n");
    return wrong;
}
