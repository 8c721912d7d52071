#!/usr/bin/env bats
# read, write and their kin: what a program reads and writes under coax is what it reads and writes bare.

load helper

setup() {
    export TMPDIR=$BATS_TEST_TMPDIR
}

# bats test_tags=smoke,name:read,name:write,hook:read,hook:write,hook:__read,hook:__write,hook:__read_chk,hook:readv,hook:writev,hook:preadv2,hook:preadv64v2,hook:pwritev2,hook:pwritev64v2,hook:pipe
@test "megabytes through a small pipe, alone" {
    same "$PROGRAMS/rw_bulk" pipe 4096 0
}

# bats test_tags=hook:read,hook:write,hook:__read,hook:__write,hook:__read_chk,hook:readv,hook:writev,hook:preadv2,hook:preadv64v2,hook:pwritev2,hook:pwritev64v2,hook:pipe
@test "megabytes through small pipes, many pairs of threads at once" {
    same_cooperative 4 "$PROGRAMS/rw_bulk" pipe 512 32
}

# bats test_tags=hook:read,hook:write,hook:readv,hook:writev
@test "megabytes through FIFOs" {
    same "$PROGRAMS/rw_bulk" fifo 2048 0
    same_cooperative 4 "$PROGRAMS/rw_bulk" fifo 512 16
}

# bats test_tags=hook:read,hook:write,hook:readv,hook:writev,hook:socketpair
@test "megabytes through stream socketpairs" {
    same "$PROGRAMS/rw_bulk" stream 4096 0
    same_cooperative 4 "$PROGRAMS/rw_bulk" stream 1024 16
}

# bats test_tags=hook:read,hook:write,hook:readv,hook:writev,hook:socketpair
@test "message after message through seqpacket and dgram socketpairs" {
    same "$PROGRAMS/rw_bulk" seqpacket 1024 0
    same_cooperative 4 "$PROGRAMS/rw_bulk" seqpacket 512 16
    same "$PROGRAMS/rw_bulk" dgram 1024 0
    same_cooperative 4 "$PROGRAMS/rw_bulk" dgram 512 16
}

# bats test_tags=hook:read,hook:write,hook:readv,hook:writev,hook:connect,hook:accept,name:accept,name:connect,name:listen
@test "megabytes through TCP on loopback" {
    same "$PROGRAMS/rw_bulk" tcp 4096 0
    same_cooperative 4 "$PROGRAMS/rw_bulk" tcp 1024 16
}

# bats test_tags=hook:read,hook:write,hook:readv,hook:writev
@test "a pty in both directions loses nothing" {
    same "$PROGRAMS/rw_bulk" ptyin 200 0
    same_cooperative 12 "$PROGRAMS/rw_bulk" ptyin 50 8
    same "$PROGRAMS/rw_bulk" ptyout 200 0
    same_cooperative 12 "$PROGRAMS/rw_bulk" ptyout 50 8
}

# bats test_tags=hook:pread,hook:pread64,hook:__pread64,hook:__pread_chk,hook:__pread64_chk,hook:pwrite,hook:pwrite64,hook:__pwrite64,hook:preadv,hook:preadv64,hook:pwritev,hook:pwritev64,hook:preadv2,hook:preadv64v2,hook:pwritev2,hook:pwritev64v2
@test "reads and writes at a position" {
    same "$PROGRAMS/rw_position" 0
    same_cooperative 4 "$PROGRAMS/rw_position" 8
}

# bats test_tags=hook:readv,hook:writev,hook:preadv2,hook:pwritev2
@test "vectors: empty parts, IOV_MAX, too many, overflow, short" {
    same "$PROGRAMS/rw_vector" 0
    same_cooperative 4 "$PROGRAMS/rw_vector" 8
}

# bats test_tags=hook:read,hook:write,hook:__read,hook:__write,hook:__read_chk,hook:readv,hook:writev,hook:pread,hook:pwrite,hook:preadv,hook:pwritev,hook:close
@test "end of file, EPIPE, EIO, EBADF, EISDIR" {
    same "$PROGRAMS/rw_eof" 0
    same_cooperative 4 "$PROGRAMS/rw_eof" 8
}

# bats test_tags=hook:write,hook:writev,hook:pwritev2,hook:send,hook:sendmsg
@test "SIGPIPE ignored, handled and blocked" {
    for mode in ignored handled blocked; do
        same "$PROGRAMS/rw_sigpipe" $mode 0
        same_cooperative 4 "$PROGRAMS/rw_sigpipe" $mode 4
    done
}

# bats test_tags=hook:write
@test "SIGPIPE by default ends the program, from any thread" {
    for mode in default-pipe default-socket default-blocked-writer; do
        for threads in 0 1 4; do
            same "$PROGRAMS/rw_sigpipe" $mode $threads
            [ "$status" -eq 141 ]
        done
    done
}

# bats test_tags=hook:read,hook:write,hook:__read,hook:__write,hook:__read_chk,hook:readv,hook:writev,hook:preadv2,hook:pwritev2,hook:fcntl
@test "O_NONBLOCK is the program's: EAGAIN kept, the flag never touched" {
    same "$PROGRAMS/rw_nonblock" 0
    same_cooperative 4 "$PROGRAMS/rw_nonblock" 8
}

# bats test_tags=hook:write,hook:writev,hook:read
@test "writes up to PIPE_BUF never mix" {
    same "$PROGRAMS/rw_atomic" 8 0
    same_cooperative 4 "$PROGRAMS/rw_atomic" 16 1
}

# bats test_tags=smoke,hook:read,hook:write
@test "several readers of one descriptor: each byte goes to one" {
    for kind in pipe stream eventfd; do
        same_cooperative 4 "$PROGRAMS/rw_readers" any $kind 50
    done
}

# The kernel promises no order among readers; coax serves them as they came.
# bats test_tags=hook:read,hook:write
@test "several readers of one descriptor are served in the order they came" {
    for kind in pipe stream eventfd; do
        wrapped "$PROGRAMS/rw_readers" ordered $kind 30
        [ "$output" = "30 readers of one $kind: in order" ]
        [ "$(stat_of mode)" = fiber ]
    done
}

# bats test_tags=hook:read,hook:write,hook:readv,hook:eventfd_read,hook:eventfd_write
@test "short reads, messages, eventfd, timerfd, devices" {
    same "$PROGRAMS/rw_short" 0
    same_cooperative 8 "$PROGRAMS/rw_short" 8 # a full eventfd
}

# bats test_tags=hook:read,hook:write
@test "terminals: lines, ^D, VMIN and VTIME" {
    same "$PROGRAMS/rw_tty" 0
    same_cooperative 8 "$PROGRAMS/rw_tty" 8 # raw terminals
}

# bats test_tags=hook:__read_chk,hook:__pread_chk,hook:__pread64_chk,hook:__recv_chk,hook:__recvfrom_chk,hook:__poll_chk,hook:__ppoll_chk
@test "the fortified calls still end a program that overflows" {
    same "$PROGRAMS/rw_fortify" 0
    same_cooperative 4 "$PROGRAMS/rw_fortify" 4
}
