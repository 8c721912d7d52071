#!/usr/bin/env bats
# Descriptors: the numbers are the program's, none of the shim's is seen, closed or kept over exec.

load helper

setup() {
    export TMPDIR=$BATS_TEST_TMPDIR
}

# bats test_tags=hook:socket,hook:socketpair,hook:pipe,hook:pipe2,hook:__pipe,hook:dup,hook:dup2,hook:__dup2,hook:dup3,hook:fcntl,hook:__fcntl,hook:fcntl64,hook:close,hook:__close,hook:close_range,hook:closefrom,hook:accept,hook:accept4,name:dup,name:dup2,name:pipe,name:socketpair,name:socket
@test "every call gives the number it gives bare" {
    same "$PROGRAMS/fd_numbers" 0
    same_cooperative 4 "$PROGRAMS/fd_numbers" 1
}

# bats test_tags=hook:socketpair,hook:pipe2,hook:dup,hook:dup2,hook:dup3,hook:fcntl,hook:close_range,name:set_close_on_exec,name:clear_close_on_exec
@test "close-on-exec, and nothing of the shim's is left after exec" {
    same "$PROGRAMS/fd_cloexec" 0
    same "$PROGRAMS/fd_cloexec" 1
}

# bats test_tags=hook:close,hook:close_range,hook:closefrom,hook:closedir,name:close,name:closedir
@test "a program that closes every descriptor goes on, alone" {
    for how in loop range from proc cloexec-range unshare; do
        same "$PROGRAMS/fd_closeall" $how 0
    done
}

# bats test_tags=hook:close,hook:close_range,hook:closefrom
@test "a program that closes every descriptor goes on, with threads" {
    for how in loop range from proc cloexec-range unshare; do
        same_cooperative 4 "$PROGRAMS/fd_closeall" $how 8
    done
}

# bats test_tags=hook:socket,hook:socketpair,hook:pipe,hook:pipe2,hook:dup,hook:dup2,hook:fcntl,hook:poll
@test "sixteen descriptors, from the start or later" {
    for when in start later below; do
        same "$PROGRAMS/fd_rlimit" $when 0
        same_cooperative 4 "$PROGRAMS/fd_rlimit" $when 1
    done
}

# bats test_tags=hook:fork,hook:close,hook:dup,hook:closefrom
@test "a daemon closes all, loses its terminal and works on" {
    for how in hand libc; do
        for threads in 0 8; do
            same "$PROGRAMS/fd_daemon" $how $threads "$BATS_TEST_TMPDIR/report"
            [[ $output == *"still working" ]]
        done
    done
}

# bats test_tags=hook:dup,hook:dup2,hook:__dup2,hook:dup3,hook:fcntl,hook:close,hook:read,hook:recv
@test "copies share the file, and each wait is on the right one" {
    same "$PROGRAMS/fd_dup" 0
    same_cooperative 4 "$PROGRAMS/fd_dup" 8
}

# bats test_tags=hook:close,hook:close_range,hook:pipe,hook:socketpair,hook:read,hook:write
@test "a number that becomes another kind of file, also behind libc's back" {
    same "$PROGRAMS/fd_churn" 0
    same_cooperative 4 "$PROGRAMS/fd_churn" 16
}

# bats test_tags=hook:freopen,hook:freopen64,hook:_IO_fclose,hook:dup2,hook:dup3,hook:close_range
@test "a number that gets another file, or does not after all" {
    mkfifo "$BATS_TEST_TMPDIR/fifo"
    same "$PROGRAMS/fd_reopen" 0 "$BATS_TEST_TMPDIR/file" "$BATS_TEST_TMPDIR/fifo"
    [ "$output" = well ]
    same_cooperative 4 "$PROGRAMS/fd_reopen" 8 "$BATS_TEST_TMPDIR/file" "$BATS_TEST_TMPDIR/fifo"
    COAX_OPTIONS=(--read-timeout 1m)
    same "$PROGRAMS/fd_reopen" 0 "$BATS_TEST_TMPDIR/file" "$BATS_TEST_TMPDIR/fifo"
}

# bats test_tags=hook:eventfd_read,hook:eventfd_write
@test "eventfd: waits, semaphores, errors" {
    same "$PROGRAMS/fd_eventfd" 0
    same_cooperative 4 "$PROGRAMS/fd_eventfd" 12
    [ "$output" = "sum 7200" ]
}

# bats test_tags=hook:bind,hook:getsockname,hook:getpeername,hook:sockatmark,hook:isfdtype,hook:ioctl,hook:isatty,hook:ttyname,hook:ttyname_r,hook:setsockopt,hook:getsockopt,hook:listen,hook:shutdown
@test "what never waits says of each kind of descriptor what it says bare" {
    same "$PROGRAMS/fd_asks" 0
    same_cooperative 4 "$PROGRAMS/fd_asks" 8
}

# bats test_tags=hook:ioctl,hook:isatty,hook:ttyname,hook:ttyname_r,hook:__ttyname_r_chk
@test "script, stty and python3 ask a terminal" {
    same script -qec 'tty -s && stty rows 33 cols 55 && stty size && test -t 1 && echo terminal' /dev/null
    [[ $output == *"33 55"*terminal* ]]
    cat >"$BATS_TEST_TMPDIR/ask.py" <<'END'
import fcntl, os, pty, struct, termios, threading
main, side = pty.openpty()
def ask(n):
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("4H", n, n, 0, 0))
    said[n] = (os.isatty(side), os.ttyname(side).startswith("/dev/pts/"), os.isatty(0), len(fcntl.ioctl(side, termios.TIOCGWINSZ, b"x" * 8)))
said = {}
threads = [threading.Thread(target=ask, args=(n,)) for n in range(9)]
for t in threads: t.start()
for t in threads: t.join()
print(sorted(said.items()))
END
    same_cooperative 4 python3 "$BATS_TEST_TMPDIR/ask.py" </dev/null
}
