/*
 * A peer for unmodified clients: listens on loopback, takes their connections and never says a word. The port goes to
 * a file; it ends when it is killed, or by itself after two minutes.
 * usage: timeout_listener FILE
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static int listen_tcp(struct sockaddr_in *where, int backlog)
{
    socklen_t n = sizeof *where;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    *where = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(fd >= 0 && bind(fd, (void *)where, n) == 0 && listen(fd, backlog) == 0);
    CHECK(getsockname(fd, (void *)where, &n) == 0);
    return fd;
}

int main(int argc, char **argv)
{
    struct sockaddr_in where;
    char part[512];
    CHECK(argc == 2);
    int fd = listen_tcp(&where, 50);
    snprintf(part, sizeof part, "%s.part", argv[1]);
    FILE *f = fopen(part, "w");
    CHECK(f && fprintf(f, "%d\n", ntohs(where.sin_port)) > 0 && fclose(f) == 0 && rename(part, argv[1]) == 0);
    alarm(120);
    for (;;)
        CHECK(accept(fd, NULL, NULL) >= 0);
}
