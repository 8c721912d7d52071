#!/usr/bin/env bats
# coax.h: jobs, the pool, processors.

load helper

# bats test_tags=name:execute_job,name:job,name:pool_size,name:set_pool_size,name:thread_count,name:thread_waiting_count
@test "jobs: on helpers, cancelled, timed out, limited, across forks" {
    wrapped "$PROGRAMS/header_job"
    echo "$output"
    [ "$status" = 0 ] && [ "$(stat_of mode)" = fiber ] && [ "$(stat_of helpers)" -gt 0 ]
    [ "$output" = "methods
where
cancelled
timed out
limits
forks" ]
}

# bats test_tags=name:execute_job
@test "jobs in a program without threads, without coax and with kernel threads" {
    same "$PROGRAMS/header_job" methods
    [ "$output" = methods ] && [ "$status" = 0 ]
    COAX_OPTIONS=(--threads kernel)
    same "$PROGRAMS/header_job" methods
}

# bats test_tags=name:execute_job
@test "a job is the first call of all, and makes a thread and a notification" {
    wrapped "$PROGRAMS/header_job" first
    [ "$output" = first ] && [ "$status" = 0 ] && [ "$(stat_of mode)" = fiber ]
}

# bats test_tags=name:get_cpu,name:get_affinity,name:set_affinity
@test "processors, the same without coax" {
    same "$PROGRAMS/header_job" processors
    [ "$output" = processors$'\n'processors ] && [ "$status" = 0 ]
    [ "$(stat_of mode)" = fiber ]
}
