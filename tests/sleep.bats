#!/usr/bin/env bats
# Sleeping and yielding: never early, at the same time as the others, ended by signals as bare.

load helper

# bats test_tags=hook:sleep,hook:usleep,hook:nanosleep,hook:__nanosleep,hook:clock_nanosleep,hook:thrd_sleep,hook:poll,hook:ppoll,hook:select,hook:pselect
@test "every call sleeps as long as asked" {
    same "$PROGRAMS/sleep_calls" 0
    same_cooperative 4 "$PROGRAMS/sleep_calls" 50
}

# bats test_tags=hook:nanosleep
@test "a thousand threads sleep at the same time" {
    same_cooperative 4 "$PROGRAMS/sleep_many" 1000
}

# bats test_tags=hook:nanosleep,hook:usleep
@test "sleeps under a millisecond are not rounded up" {
    same "$PROGRAMS/sleep_short" 0
    same_cooperative 4 "$PROGRAMS/sleep_short" 16
}

# bats test_tags=hook:nanosleep,hook:clock_nanosleep,hook:sleep,hook:usleep,hook:thrd_sleep,hook:select,hook:pause
@test "a handler ends a sleep with the time that is left" {
    same "$PROGRAMS/sleep_signal" 0
    same_cooperative 4 "$PROGRAMS/sleep_signal" 8
}

# bats test_tags=hook:sched_yield,hook:__sched_yield,hook:thrd_yield,hook:pthread_yield
@test "threads that give way to each other all get on" {
    same "$PROGRAMS/sleep_yield" 0
    same_cooperative 4 "$PROGRAMS/sleep_yield" 2
    same_cooperative 4 "$PROGRAMS/sleep_yield" 16
}

# bats test_tags=hook:nanosleep,hook:poll,hook:usleep
@test "the floating-point environment is the thread's own" {
    same_cooperative 1 "$PROGRAMS/float_env"
}

# One thread computes, so a second kernel thread may be needed for the sleeper.
# bats test_tags=hook:clock_nanosleep
@test "a sleep on the processor time clock" {
    same_cooperative 3 "$PROGRAMS/sleep_cpu_clock"
}
