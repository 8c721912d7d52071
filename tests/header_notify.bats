#!/usr/bin/env bats
# coax.h: notifications and functions on signals.

load helper

expect() {
    echo "$output"
    [ "$status" = "$1" ] && [[ $output != *wrong* ]] && [ "$(stat_of mode)" = fiber ]
}

# bats test_tags=name:make_notification,name:send_notification,name:stop_notification,name:set_notification
@test "notifications: in order, none lost, from kernel threads and handlers, across forks" {
    wrapped "$PROGRAMS/header_notify"
    expect 0
    [ "$output" = "order bacbaba
basics
100000 from a kernel thread
100000 from 100000 in a handler
none lost
functions
forks
fork in a function" ]
}

# bats test_tags=name:on_signal,name:disable_signal_handler,name:signal_count,name:signal_handler_id
@test "functions on signals: with the program's own handlers, masks, sigwait and fork" {
    wrapped "$PROGRAMS/header_notify" signals
    expect 0
    [ "$output" = "own 5, first 5, second 5, in order 1212121212
signals
quiet signals
masks
queued 3000
kernel threads
signals and fork
races" ]
}

# bats test_tags=name:on_signal,name:disable_signal_handler
@test "a function cleans up and ends the program by the signal" {
    wrapped "$PROGRAMS/header_notify" dies
    [ "$output" = "cleaned up" ] && [ "$status" = 143 ]
}

@test "a fault ends the program although a function watches it" {
    wrapped "$PROGRAMS/header_notify" faults
    [ "$status" = 139 ]
}

@test "the thread that calls the functions does not keep the process" {
    wrapped "$PROGRAMS/header_notify" ends
    expect 0
    [ "$output" = "ends" ]
}

# bats test_tags=name:send_notification
@test "a notification is called while the only thread computes or blocks where nobody looks" {
    for what in computes blocks; do
        wrapped "$PROGRAMS/header_notify" $what
        expect 0
        [ "$output" = "called 1" ]
    done
}

@test "notifications without coax: ENOSYS; with kernel threads: ENOTSUP" {
    bare "$PROGRAMS/header_notify" unsupported 38
    [ "$output" = "" ] && [ "$status" = 0 ]
    COAX_OPTIONS=(--threads kernel)
    wrapped "$PROGRAMS/header_notify" unsupported 95
    [ "$output" = "" ] && [ "$status" = 0 ]
}
