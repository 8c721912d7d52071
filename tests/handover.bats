#!/usr/bin/env bats
# A write goes straight into the buffer of a read that waits at the other end, and nobody can tell.

load helper

setup() {
    export TMPDIR=$BATS_TEST_TMPDIR
}

# At least so many writes of the last run were handed over, unless that is switched off.
handed() {
    [ "${COAX_DISABLE-}" ] || [ "$(stat_of handed)" -ge "$1" ] || {
        echo "not handed over:"
        cat "$BATS_TEST_TMPDIR/stats"
        return 1
    }
}

# both LEAST MODE [N]: over a pipe and over a socketpair. A pipe that other processes know is the kernel's alone.
both() {
    same_cooperative 2 "$PROGRAMS/rw_handover" "$2" pipe "${3-}" || return 1
    handed "${1%,*}" || return 1
    same_cooperative 2 "$PROGRAMS/rw_handover" "$2" socket "${3-}" || return 1
    handed "${1#*,}" || return 1
}

# bats test_tags=smoke,name:read,name:write
@test "a stream of writes of all sizes, for reads of all sizes" {
    both 5 stream
}

@test "a read that is smaller than the write, as large, larger; nothing is written behind it" {
    both 5 sizes
}

@test "packets are not joined" {
    both 10,0 packets
}

@test "records of many writers for many readers: none torn, lost, twice or out of order" {
    both 10 records 0
}

@test "the same while other threads compute" {
    for ends in pipe socket; do
        same "$PROGRAMS/rw_handover" records "$ends" 2
        handed 100
    done
}

@test "the same while another process writes, too" {
    both 0,1 records 1
}

@test "what another process has written before comes before" {
    both 0,1 causes
}

@test "stdio writes to the same pipe, in order" {
    both 1,10 mixed
}

@test "a number that becomes a file's, however that is done, gets the file's bytes" {
    local how
    for how in 0 1 2 3 4 5; do
        both $((how == 5 ? 40 : 0)),40 number "$how"
    done
}

@test "bad memory at both sides is EFAULT, and nothing is lost by it" {
    both 5 pointers
}

# bats test_tags=hook:ioctl,hook:fcntl,hook:shutdown
@test "ends, shutdowns, O_NONBLOCK by fcntl and by ioctl, the wrong end" {
    both 10 ended
}

# bats test_tags=hook:pthread_cancel
@test "a cancellation and a message at the same time" {
    both 5 race 0
    export COUNT_LOST=1 # bare that may be
    for ends in pipe socket; do
        wrapped "$PROGRAMS/rw_handover" race "$ends" 0
        [ "$output" = $'0 twice\n0 lost' ]
    done
}

@test "a signal and a message at the same time" {
    both 10 race 1
}

# bats test_tags=hook:pthread_kill
@test "what is written while a handler runs on top of the read, and jumps away, is still there" {
    both 10 jumps
}

# bats test_tags=hook:setsockopt
@test "the end of SO_RCVTIMEO and a message at the same time" {
    same_cooperative 2 "$PROGRAMS/rw_handover" race socket 2
    handed 100
}

@test "the read limit and a message at the same time" {
    COAX_OPTIONS=(--read-timeout 1ms)
    for ends in pipe socket; do
        wrapped "$PROGRAMS/rw_handover" race "$ends" 3
        [ "$output" = $'0 twice\n0 lost' ]
        handed 100
    done
}

@test "forks while a read waits: the child has the other end, too" {
    both 0,10 forks
}

@test "unmodified programs" {
    wrapped hackbench -T -g 4 -l 100
    [ "$status" = 0 ]
    handed 20000
    wrapped hackbench -T -p -g 4 -l 100
    [ "$status" = 0 ]
    handed 20000
    wrapped perf bench sched pipe -T -l 5000
    [ "$status" = 0 ]
    handed 9000
}

@test "it can be switched off, and it works with older kernels" {
    export COAX_DISABLE=handover
    both 0 stream
    [ "$(stat_of handed)" = 0 ]
    export COAX_DISABLE=rwf_nowait,wrfsbase,epoll_pwait2
    both 0 stream
    [ "$(stat_of handed)" -ge 1000 ]
}

# bats test_tags=hook:read,hook:write,hook:stat,hook:pipe
@test "a reader that has got a message and is busy does not keep its writer" {
    same_cooperative 1 "$PROGRAMS/handover_busy"
    [ "$output" = "0 late" ]
}
