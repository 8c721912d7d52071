#!/usr/bin/env bats
# A thread that waits gives its unused stack back, and loses nothing.

load helper

# VmRSS in kB of a hundred threads that went 200 kB deep and now wait.
resident() {
    cat "$BATS_TEST_TMPDIR/resident"
}

# Some 8200 bytes are the stack, the thread block and malloc's cache, 900 what libc and the program allocate.
@test "a waiting thread takes two pages, and what it has allocated" {
    same_cooperative 1 "$PROGRAMS/stack_pages" "$BATS_TEST_TMPDIR/resident"
    [ "$(resident)" -ge 8192 ] && [ "$(resident)" -lt 9500 ]
}

# bats test_tags=hook:prctl,hook:sched_yield
@test "what malloc keeps for each thread outlives threads, and becoming a kernel thread" {
    same "$PROGRAMS/malloc_cache"
    [ "$(stat_of promoted)" -gt 10 ] && [ "$(stat_of fibers)" -gt 400 ]
}

@test "stack that a waiting thread does not use is given back" {
    same_cooperative 1 "$PROGRAMS/stack_idle" "$BATS_TEST_TMPDIR/resident"
    [ "$(resident)" -lt 10000 ]
    COAX_OPTIONS=(--keep-stacks)
    wrapped "$PROGRAMS/stack_idle" "$BATS_TEST_TMPDIR/resident"
    [ "$output" = ok ]
    [ "$(resident)" -gt 20000 ]
}

# bats test_tags=hook:sched_yield
@test "so is that of one that waits for its turn" {
    same_cooperative 1 "$PROGRAMS/stack_busy" "$BATS_TEST_TMPDIR/resident"
    [ "$(resident)" -lt 10000 ]
}

# bats test_tags=hook:_longjmp
@test "a coroutine carved out of its thread's stack is left alone" {
    same_cooperative 1 "$PROGRAMS/stack_carved"
}

@test "an overflow faults right below the stack that the program is shown" {
    same "$PROGRAMS/stack_guard"
    [ "$(grep -c ': 0$' <<<"$output")" = 9 ]
}
