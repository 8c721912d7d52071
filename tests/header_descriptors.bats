#!/usr/bin/env bats
# coax.h and descriptors: state, abort, waiting for one.

load helper

# bats test_tags=name:state,name:check_descriptor,name:abort,name:readable,name:writable,name:wait_read,name:wait_write
@test "a descriptor is aborted in every wait, and for every later use" {
    wrapped "$PROGRAMS/header_descriptors" </dev/null
    echo "$output"
    [ "$status" = 0 ] && [[ $output != *wrong* ]] && [ "${#lines[@]}" = 12 ] && [ "${lines[-1]}" = "done" ]
    [ "$(stat_of mode)" = fiber ]
}

# bats test_tags=name:abort
@test "the same with a time limit, which knows the members of epoll sets" {
    COAX_OPTIONS=(--read-timeout 1000)
    wrapped "$PROGRAMS/header_descriptors" </dev/null
    echo "$output"
    [ "$status" = 0 ] && [[ $output != *wrong* ]] && [ "${#lines[@]}" = 12 ]
}

# bats test_tags=hook:bind,hook:listen,hook:shutdown,hook:getsockname,hook:getpeername,hook:getsockopt,hook:setsockopt,hook:sockatmark,hook:isfdtype,hook:dup,hook:dup2,hook:dup3,hook:fcntl,hook:ioctl,hook:isatty,hook:ttyname,hook:ttyname_r,hook:__ttyname_r_chk,hook:timerfd_settime,hook:timerfd_gettime,hook:signalfd,hook:inotify_add_watch,hook:inotify_rm_watch,hook:epoll_ctl,hook:epoll_wait,name:abort,name:bind,name:listen,name:getsockname,name:getpeername,name:getsockopt,name:setsockopt,name:isatty,name:dup,name:dup2,name:set_close_on_exec,name:clear_close_on_exec
@test "calls that never wait, on open, aborted and closed descriptors; epoll sets; received descriptors" {
    bare "$PROGRAMS/header_aborted" bare
    [ "$status" = 0 ] && [ "${#lines[@]}" = 29 ]
    wrapped "$PROGRAMS/header_aborted"
    echo "$output"
    [ "$status" = 0 ] && [[ $output != *wrong* ]] && [ "${#lines[@]}" = 32 ]
    [ "$(stat_of mode)" = fiber ]
    COAX_OPTIONS=(--strict)
    wrapped "$PROGRAMS/header_aborted"
    [ "$status" = 0 ]
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
