#!/usr/bin/env bats
# Bad pointers and bad arguments: the error and the state afterwards are as bare, in every call, at once and after a
# wait.

load helper

setup() {
    export TMPDIR=$BATS_TEST_TMPDIR
}

# Alone, then in a second thread, then both with limits, which make other calls, and with kernel threads; and nothing
# was a crash.
same_both() {
    same "$1" 0
    [ "$status" -eq 0 ]
    same_cooperative 4 "$1" 1
    [ "$status" -eq 0 ]
    COAX_OPTIONS=(--connect-timeout 1m --read-timeout 1m --write-timeout 1m --accept-timeout 1m --wait-timeout 1m
        --poll-timeout 1m)
    same "$1" 0
    same_cooperative 4 "$1" 1
    COAX_OPTIONS+=(--threads kernel)
    same "$1" 1
}

# bats test_tags=hook:read,hook:__read,hook:__read_chk,hook:readv,hook:preadv2,hook:write,hook:__write,hook:writev,hook:pwritev2,hook:pread,hook:pread64,hook:__pread_chk,hook:pwrite,hook:pwrite64,hook:preadv,hook:preadv64,hook:pwritev,hook:pwritev64,hook:preadv64v2,hook:pwritev64v2
@test "bad pointers to read and write" {
    same_both "$PROGRAMS/rw_badptr"
}

# bats test_tags=hook:send,hook:__send,hook:sendto,hook:sendmsg,hook:sendmmsg,hook:recv,hook:__recv_chk,hook:recvfrom,hook:__recvfrom_chk,hook:recvmsg,hook:recvmmsg,hook:connect,hook:__connect,hook:accept,hook:accept4,hook:socketpair,hook:getsockopt,hook:setsockopt,hook:listen
@test "bad pointers to the socket calls" {
    same_both "$PROGRAMS/sock_badptr"
}

# bats test_tags=hook:pipe,hook:__pipe,hook:pipe2,hook:socketpair,hook:fcntl,hook:__fcntl,hook:fcntl64
@test "bad pointers to the calls that make descriptors" {
    same_both "$PROGRAMS/fd_badptr"
}

# bats test_tags=hook:nanosleep,hook:__nanosleep,hook:clock_nanosleep,hook:thrd_sleep
@test "bad pointers, times and clocks to sleeps" {
    same_both "$PROGRAMS/sleep_errors"
}

# bats test_tags=hook:poll,hook:__poll,hook:ppoll,hook:select,hook:__select,hook:pselect,hook:epoll_wait,hook:epoll_pwait,hook:epoll_pwait2
@test "bad pointers, sets and times to poll, select and epoll" {
    same_both "$PROGRAMS/poll_errors"
}

# bats test_tags=hook:wait,hook:waitpid,hook:__waitpid,hook:wait3,hook:wait4,hook:waitid
@test "bad pointers and options to waits for children" {
    same_both "$PROGRAMS/proc_errors"
}

# bats test_tags=hook:sigpending,hook:pthread_sigmask,hook:sigprocmask,hook:sigsuspend,hook:sigtimedwait,hook:sigwaitinfo,hook:pthread_setaffinity_np,hook:pthread_getaffinity_np
@test "bad pointers to the calls for signals and processors" {
    same_both "$PROGRAMS/signal_badptr"
}

# bats test_tags=hook:execve,hook:execv,hook:fexecve,hook:execveat,hook:posix_spawn,hook:epoll_ctl,hook:syscall,hook:pthread_getname_np
@test "bad pointers to exec, spawn, futex and epoll_ctl" {
    same_both "$PROGRAMS/rest_badptr"
}
