#!/usr/bin/env bats
# syscall(): what waits is cooperative, the rest is the kernel's.

load helper

# bats test_tags=hook:syscall
@test "calls by number wait as the functions do, with the kernel's structures, and are no cancellation points" {
    same "$PROGRAMS/sys_calls" calls 0
    same_cooperative 3 "$PROGRAMS/sys_calls" calls 1
    same_cooperative 6 "$PROGRAMS/sys_calls" calls 8
}

# bats test_tags=hook:syscall
@test "a thread ends by SYS_exit: another, the last one, main" {
    same_cooperative 3 "$PROGRAMS/sys_calls" exit thread
    same "$PROGRAMS/sys_calls" exit last # without a destructor, and so without the figures
    same "$PROGRAMS/sys_calls" exit main
}

# bats test_tags=hook:syscall
@test "limits hold for calls by number" {
    # shellcheck disable=SC2016
    for threads in fiber kernel; do
        COAX_OPTIONS=(--read-timeout 0.2 --threads "$threads")
        wrapped perl -e 'pipe(R, W); $r = syscall(0, fileno(R), my $b = "x" x 9, 9); print "$r $!\n"'
        [ "$output" = "-1 Connection timed out" ]
    done
}
