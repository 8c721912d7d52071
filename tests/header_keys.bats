#!/usr/bin/env bats
# coax.h: values of a thread that new threads inherit.

load helper

@test "values hold within a function, are inherited, and freed once" {
    wrapped "$PROGRAMS/header_keys"
    [ "$output" = "done" ] && [ "$status" = 0 ]
    [ "$(stat_of mode)" = fiber ]
}

@test "values without coax, and with kernel threads" {
    bare "$PROGRAMS/header_keys" 38
    [ "$output" = "done" ] && [ "$status" = 0 ]
    COAX_OPTIONS=(--threads kernel)
    wrapped "$PROGRAMS/header_keys" 95
    [ "$output" = "done" ] && [ "$status" = 0 ]
}
