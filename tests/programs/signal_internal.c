/* Starts a program with the signals that libc keeps for itself ignored, as libc's posix_spawn does, or not. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } act = {SIG_DFL, 0, NULL, 0};
    if (argc > 2 && strcmp(argv[1], "ignored") == 0)
        act.handler = SIG_IGN;
    for (int sig = 32; sig <= 33; sig++)
        if (syscall(SYS_rt_sigaction, sig, &act, NULL, sizeof act.mask) != 0)
            perror("rt_sigaction");
    execv(argv[2], argv + 2);
    perror(argv[2]);
    return 1;
}
