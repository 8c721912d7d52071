#!/usr/bin/env bats
# coax.h and descriptors: state, abort, waiting for one.

load helper

# bats test_tags=name:state,name:check_descriptor,name:abort,name:readable,name:writable,name:wait_read,name:wait_write
@test "a descriptor is aborted in every wait, and for every later use" {
    wrapped "$PROGRAMS/header_descriptors" </dev/null
    echo "$output"
    [ "$status" = 0 ] && [[ $output != *wrong* ]] && [ "${#lines[@]}" = 11 ] && [ "${lines[-1]}" = "done" ]
    [ "$(stat_of mode)" = fiber ]
}

# The members of the program's epoll sets are known where a limit is set.
# bats test_tags=name:abort
@test "with a time limit epoll_wait sees it, too" {
    COAX_OPTIONS=(--read-timeout 1000)
    wrapped "$PROGRAMS/header_descriptors" </dev/null
    echo "$output"
    [ "$status" = 0 ] && [[ $output != *wrong* ]] && [ "${#lines[@]}" = 12 ] && [[ $output = *epoll_wait* ]]
}

@test "descriptors without coax, and with kernel threads" {
    bare "$PROGRAMS/header_descriptors" 38 </dev/null
    [ "$output" = "done" ] && [ "$status" = 0 ]
    COAX_OPTIONS=(--threads kernel)
    wrapped "$PROGRAMS/header_descriptors" 95 </dev/null
    [ "$output" = "done" ] && [ "$status" = 0 ]
}

# bats test_tags=name:blocking,name:wrap_syscall,name:io_event,name:register_action,name:Retry,name:Retry_read,name:Retry_write,name:pipe_in,name:pipe_out
@test "modes by kind, actions, pipes, the same without coax" {
    bare "$PROGRAMS/header_modes"
    [ "$output" = "done" ] && [ "$status" = 0 ]
    wrapped "$PROGRAMS/header_modes"
    [ "$output" = "done" ] && [ "$status" = 0 ]
    COAX_OPTIONS=(--threads kernel)
    wrapped "$PROGRAMS/header_modes"
    [ "$output" = "done" ] && [ "$status" = 0 ]
}

# bats test_tags=name:set_blocking,name:of_unix_file_descr,name:wait_count,name:register_action
@test "modes that are set, an adopted descriptor, who waits for children" {
    wrapped "$PROGRAMS/header_modes" fibers </dev/null
    [ "$output" = "done" ] && [ "$status" = 0 ]
    [ "$(stat_of mode)" = fiber ]
}
