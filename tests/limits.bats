#!/usr/bin/env bats
# Very many threads, and what happens when memory or a stack ends.

load helper

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:pthread_cond_wait,hook:pthread_cond_signal,hook:pthread_cond_broadcast,hook:pthread_barrier_init,hook:pthread_barrier_wait
@test "10,000 threads at once" {
    same_cooperative 2 "$PROGRAMS/thread_many" small
    same_cooperative 2 "$PROGRAMS/thread_many" default
}

# bats test_tags=hook:fclose,hook:usleep,hook:pthread_create,hook:pthread_join,hook:sem_wait,hook:sem_post
@test "100,000 threads one after the other take no more memory" {
    same_cooperative 2 "$PROGRAMS/thread_recycle"
    same_cooperative 2 "$PROGRAMS/thread_recycle_detached"
}

# bats test_tags=hook:fclose,hook:pthread_create,hook:pthread_join,hook:sem_wait,hook:sem_post
@test "EAGAIN when the address space ends" {
    same_cooperative 1 "$PROGRAMS/thread_limit"
}

# bats test_tags=hook:write,hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join,hook:sigaction
@test "a stack overflow is SIGSEGV" {
    same "$PROGRAMS/thread_overflow" thread
    [ "$status" = 139 ]
    same "$PROGRAMS/thread_overflow" main
    [ "$status" = 139 ]
    same "$PROGRAMS/thread_overflow" handled
    [ "$status" = 3 ]
    same_cooperative 1 "$PROGRAMS/thread_overflow" children
}

# bats test_tags=hook:sched_yield,hook:pthread_create,hook:pthread_join
@test "deep recursion within the limit" {
    same_cooperative 3 "$PROGRAMS/thread_recursion"
}

# bats test_tags=hook:pthread_mutex_lock,hook:pthread_cond_wait,hook:pthread_join,hook:read,hook:sem_wait,hook:pthread_rwlock_wrlock,hook:sigaction,hook:pause
@test "a deadlock waits, computes nothing, and takes signals" {
    local how pid pids=()
    for how in mutex self cond join pipe sem rwlock exit; do
        timeout -k 5 60 env COAX_STATS="$BATS_TEST_TMPDIR/$how.stats" "$COAX" "$PROGRAMS/deadlock" $how \
            >"$BATS_TEST_TMPDIR/$how" 2>&1 3>&- &
        pids+=("$!")
        timeout -k 5 60 "$PROGRAMS/deadlock" $how >"$BATS_TEST_TMPDIR/$how.bare" 2>&1 3>&- &
        pids+=("$!")
    done
    for pid in "${pids[@]}"; do
        wait "$pid" && status=0 || status=$?
        [ "$status" = 3 ]
    done
    for how in mutex self cond join pipe sem rwlock exit; do
        [ "$(cat "$BATS_TEST_TMPDIR/$how")" = waits ] || [ "$(cat "$BATS_TEST_TMPDIR/$how.bare")" != waits ]
    done
    grep -qx 'mode fiber' "$BATS_TEST_TMPDIR/exit.stats" # the others end without
}
