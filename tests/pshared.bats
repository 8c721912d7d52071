#!/usr/bin/env bats
# Locks in memory that two processes share: parent and child, and a wrapped program beside a bare one. A thread that
# waits for another process may hold a kernel thread of its own: the numbers are those of threads and main.

load helper

# Both orders of a bare and a wrapped process say what two bare ones say. $1: most kernel threads.
with_bare() {
    local most=$1 program=$2 expected role other shared=$BATS_TEST_TMPDIR/shared
    same_cooperative "$most" "$program" fork "$shared"
    expected=$output
    for role in first second; do
        [ "$role" = first ] && other=second || other=first
        rm -f "$shared"
        timeout -k 5 "$LIMIT" "$program" "$other" "$shared" >"$BATS_TEST_TMPDIR/bare" 3>&- &
        wrapped "$program" "$role" "$shared"
        wait $!
        if [ "$status" != 0 ] || [ "$output" != "$expected" ] || [ "$(cat "$BATS_TEST_TMPDIR/bare")" != "$expected" ]; then
            printf 'expected: %s\nwrapped (%s, status %s): %s\nbare: %s\n' "$expected" "$role" "$status" "$output" \
                "$(cat "$BATS_TEST_TMPDIR/bare")"
            return 1
        fi
        if [ "$(stat_of mode)" != fiber ] || [ "$(stat_of kernel_threads)" -gt "$most" ]; then
            cat "$BATS_TEST_TMPDIR/stats"
            return 1
        fi
    done
}

# bats test_tags=hook:close,hook:usleep,hook:sched_yield,hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_timedlock,hook:pthread_mutex_unlock
@test "mutexes" {
    with_bare 5 "$PROGRAMS/pshared_mutex"
}

# bats test_tags=hook:close,hook:usleep,hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_trylock,hook:pthread_mutex_unlock
@test "mutexes that know their owner" {
    with_bare 5 "$PROGRAMS/pshared_owner"
}

# bats test_tags=hook:usleep,hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_trylock,hook:pthread_mutex_unlock
@test "a robust mutex whose owner's process dies" {
    same_cooperative 3 "$PROGRAMS/pshared_robust"
    [ "$(stat_of promoted)" -ge 6 ]
}

# bats test_tags=hook:usleep,hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_trylock,hook:pthread_mutex_unlock
@test "mutexes with priority inheritance" {
    same_cooperative 3 "$PROGRAMS/pshared_inherit"
    [ "$(stat_of promoted)" -ge 4 ]
}

# bats test_tags=hook:close,hook:usleep,hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:pthread_cond_wait,hook:pthread_cond_timedwait,hook:pthread_cond_broadcast
@test "condition variables" {
    with_bare 5 "$PROGRAMS/pshared_cond"
}

# bats test_tags=hook:close,hook:usleep,hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join,hook:sem_wait,hook:sem_timedwait,hook:sem_post
@test "semaphores, unnamed and named" {
    with_bare 5 "$PROGRAMS/pshared_sem"
    same_cooperative 5 "$PROGRAMS/pshared_sem_named"
}

# bats test_tags=hook:close,hook:usleep,hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join,hook:pthread_barrier_init,hook:pthread_barrier_wait
@test "barriers" {
    with_bare 5 "$PROGRAMS/pshared_barrier"
}

# bats test_tags=hook:close,hook:usleep,hook:sched_yield,hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join,hook:pthread_rwlock_rdlock,hook:pthread_rwlock_timedrdlock,hook:pthread_rwlock_wrlock,hook:pthread_rwlock_timedwrlock,hook:pthread_rwlock_unlock
@test "read-write locks" {
    with_bare 7 "$PROGRAMS/pshared_rwlock"
}

# bats test_tags=hook:close,hook:usleep,hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join,hook:syscall
@test "the futex call" {
    with_bare 4 "$PROGRAMS/pshared_futex"
}
