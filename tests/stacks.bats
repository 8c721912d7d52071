#!/usr/bin/env bats
# A thread that waits gives its unused stack back, and loses nothing.

load helper

# VmRSS in kB of a hundred threads that went 200 kB deep and now wait.
resident() {
    cat "$BATS_TEST_TMPDIR/resident"
}

@test "stack that a waiting thread does not use is given back" {
    same_cooperative 1 "$PROGRAMS/stack_idle" "$BATS_TEST_TMPDIR/resident"
    [ "$(resident)" -lt 10000 ]
    COAX_OPTIONS=(--keep-stacks)
    wrapped "$PROGRAMS/stack_idle" "$BATS_TEST_TMPDIR/resident"
    [ "$output" = ok ]
    [ "$(resident)" -gt 20000 ]
}

# bats test_tags=hook:_longjmp
@test "a coroutine carved out of its thread's stack is left alone" {
    same_cooperative 1 "$PROGRAMS/stack_carved"
}
