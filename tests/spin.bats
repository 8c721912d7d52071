#!/usr/bin/env bats
# Threads that spin, compute or block in calls that nobody can take over do not stop the others.

load helper

setup() {
    CPUS=$(getconf _NPROCESSORS_ONLN)
}

# bats test_tags=hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join
@test "a thread spins on a flag" {
    same_cooperative 3 "$PROGRAMS/spin_flag"
}

# bats test_tags=hook:read,hook:write,hook:pipe,hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock
@test "more threads spin than there are CPUs" {
    same_cooperative $((CPUS + 3)) "$PROGRAMS/spin_crowd"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join
@test "threads compute while main sleeps" {
    same_cooperative 5 "$PROGRAMS/compute_sleep"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock
@test "computing threads that pass through a lock all get on" {
    same_cooperative $((CPUS + 3)) "$PROGRAMS/compute_share"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock
@test "a thread that sleeps for a moment is woken in time while others compute and yield" {
    COAX_OPTIONS=(--strict)
    same_cooperative 1 "$PROGRAMS/spin_locks" 3 30
    COAX_OPTIONS=()
    same_cooperative $((CPUS + 3)) "$PROGRAMS/spin_locks" 3 30
    [ "$output" = "1000 pieces, slept often" ]
}

# Each is done with its work before the monitor would call it computing.
# bats test_tags=hook:clock_gettime,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock
@test "threads that take a lock every half millisecond keep every processor busy" {
    same_cooperative $((CPUS + 3)) "$PROGRAMS/spin_locks" 4
    [ "$output" = "1000 pieces" ]
    [ "$CPUS" = 1 ] || [ "$(stat_of kernel_threads)" -ge 2 ]
    COAX_OPTIONS=(--strict)
    same_cooperative 1 "$PROGRAMS/spin_locks" 4
}

# bats test_tags=hook:read,hook:write,hook:pipe,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:pthread_cond_wait,hook:pthread_cond_signal
@test "work goes through threads that compute and threads that do not" {
    for _ in 1 2 3; do
        same_cooperative $((CPUS + 3)) "$PROGRAMS/race_compute"
        [ "$(stat_of handoffs)" -gt 0 ]
    done
    COAX_OPTIONS=(--strict)
    same_cooperative 3 "$PROGRAMS/race_compute"
}

# bats test_tags=hook:write,hook:pipe,hook:fcntl,hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:sem_wait,hook:sem_post,hook:pthread_sigmask,hook:sigwait
@test "a thread blocks in a file lock, a message, a FIFO, a line, a signal" {
    local call
    for call in flock ofd msgrcv semop fifo fgets mqueue sigwait; do
        same_cooperative 3 "$PROGRAMS/block_calls" "$call" "$BATS_TEST_TMPDIR"
    done
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:sem_wait,hook:sem_post
@test "thirty threads block at once" {
    same_cooperative 34 "$PROGRAMS/block_many"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pipe,hook:dup
@test "a thread blocks, and no descriptor is left to find out" {
    same_cooperative 3 "$PROGRAMS/spin_blind" full
    [ "$output" = "10 reads" ]
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pipe
@test "a thread blocks, and the root has no /proc" {
    local root=$BATS_TEST_TMPDIR/root inside=()
    [ "$(id -u)" = 0 ] || inside=(unshare -r)
    "${inside[@]}" true 2>/dev/null || skip "no way to be root"
    mkdir -p "$root$BATS_TEST_TMPDIR"
    same "${inside[@]}" "$PROGRAMS/spin_blind" root "$root"
    [ "$output" = "10 reads" ]
    grep -qx 'mode fiber' "$root$BATS_TEST_TMPDIR/stats"
}
