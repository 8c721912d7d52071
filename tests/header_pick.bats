#!/usr/bin/env bats
# coax_pick_op: one of several operations is performed, and only that one; coax_pick: of threads that do one each.

load helper

# The example of the introduction of Lwt_unix.
# bats test_tags=name:pick
@test "read from fd1, or exclusively from fd2, or time out after a second" {
    wrapped "$PROGRAMS/header_pick" example 1
    [ "$output" = "read 5 bytes from fd1" ]
    wrapped "$PROGRAMS/header_pick" example 2
    [ "$output" = "read 5 bytes from fd2" ]
    wrapped "$PROGRAMS/header_pick" example
    [ "$output" = "timeout" ]
    bare "$PROGRAMS/header_pick" example
    [ "$output" = "Function not implemented" ]
    COAX_OPTIONS=(--threads kernel)
    wrapped "$PROGRAMS/header_pick" example
    [ "$output" = "Operation not supported" ]
}

# bats test_tags=name:pick
@test "ten thousand rounds with random times, each kind of operation, ended from outside" {
    wrapped "$PROGRAMS/header_pick" 10000
    [ "$output" = "done" ] && [ "$status" = 0 ]
    [ "$(stat_of mode)" = fiber ]
}

# bats test_tags=name:pick
@test "the same without optional system calls" {
    export COAX_DISABLE=all
    wrapped "$PROGRAMS/header_pick" 2000
    [ "$output" = "done" ] && [ "$status" = 0 ]
}

# Threads that each do one of the operations, of which more than one may be done before the first is joined.
# bats test_tags=name:pick,name:cancel
@test "ten thousand rounds of coax_pick: what a loser has not done is still there" {
    wrapped "$PROGRAMS/header_pick_threads" 10000
    [ "$output" = "done" ] && [ "$status" = 0 ]
    [ "$(stat_of mode)" = fiber ]
    export COAX_DISABLE=all
    wrapped "$PROGRAMS/header_pick_threads" 1000
    [ "$output" = "done" ] && [ "$status" = 0 ]
}

@test "the README's example is a C program" {
    sed -n '/^```c$/,/^```$/{/^```/d; p}' "$ROOT/README.md" >"$BATS_TEST_TMPDIR/example.c"
    grep -q coax_pick_op "$BATS_TEST_TMPDIR/example.c"
    gcc -Wall -Wextra -pedantic -Werror -Wno-unused-function -I "$ROOT/build/include" -c "$BATS_TEST_TMPDIR/example.c" \
        -o "$BATS_TEST_TMPDIR/example.o"
}
