#!/usr/bin/env bats
# coax.h: async methods, and what ends a call that is made by one.

load helper

# bats test_tags=name:async_method,name:async_method_key,name:default_async_method,name:set_default_async_method,name:with_async_none,name:with_async_detach,name:with_async_switch,name:execute_job
@test "async methods: the default, a thread's own, inherited; a FIFO's open under deadlines and cancelled; aborted files" {
    bare "$PROGRAMS/header_method"
    [ "$output" = methods ] && [ "$status" = 0 ]
    wrapped "$PROGRAMS/header_method" "$BATS_TEST_TMPDIR/fifo"
    echo "$output"
    [ "$status" = 0 ] && [ "$(stat_of mode)" = fiber ]
    [ "$output" = "methods
jobs
deadlines
cancelled
race
forks
transfers
aborted" ]
}
