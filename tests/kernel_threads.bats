#!/usr/bin/env bats
# --threads kernel: the program's threads are kernel threads, and all is as bare.

load helper

same_kernel() {
    COAX_OPTIONS=(--threads kernel)
    same "$@" || return 1
    [ "$(stat_of mode)" = kernel ] || { cat "$BATS_TEST_TMPDIR/stats" && return 1; }
}

# bats test_tags=smoke
@test "joins" {
    same_kernel "$PROGRAMS/thread_join"
}

# bats test_tags=smoke
@test "mutexes and conditions" {
    same_kernel "$PROGRAMS/mutex_kinds"
    same_kernel "$PROGRAMS/cond_timed"
}

# bats test_tags=smoke
@test "threads read from pipes" {
    same_kernel "$PROGRAMS/rw_bulk" pipe 512 16
}

# bats test_tags=smoke
@test "cancellation in waits" {
    same_kernel "$PROGRAMS/cancel_cond"
}
