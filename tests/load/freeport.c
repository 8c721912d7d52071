/*
 * freeport: prints a TCP port of the loopback that nobody uses, for programs that cannot bind port 0. It lies below the
 * range that the kernel takes for outgoing connections, of which a load test makes thousands.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

enum { FIRST = 10000, COUNT = 22000, TRIES = 1000 };

int main(void)
{
    srandom((unsigned)(now() * 1e6) ^ (unsigned)getpid() << 16);
    for (int i = 0; i < TRIES; i++) {
        in_port_t port = (in_port_t)(FIRST + random() % COUNT);
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = INADDR_ANY};
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0) {
            printf("%d\n", port);
            return 0;
        }
        close(fd);
    }
    die("freeport: no free port found");
}
