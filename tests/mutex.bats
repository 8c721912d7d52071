#!/usr/bin/env bats
# Mutexes of every kind, and spin locks.

load helper

# bats test_tags=hook:read,hook:write,hook:pipe,hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock
@test "exclusion, with holders that yield, sleep and block" {
    same_cooperative 1 "$PROGRAMS/mutex_exclusion"
    same_cooperative 1 "$PROGRAMS/mutex_contended"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock
@test "a thread that locks again at once does not keep the others out" {
    same_cooperative 1 "$PROGRAMS/mutex_fairness"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock
@test "a thousand mutexes with four waiters each" {
    same_cooperative 1 "$PROGRAMS/mutex_many"
}

# bats test_tags=smoke,hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_tryjoin_np,hook:pthread_mutex_lock,hook:pthread_mutex_trylock,hook:pthread_mutex_unlock
@test "attributes, and the errors of each kind" {
    same "$PROGRAMS/mutex_attr"
    same_cooperative 1 "$PROGRAMS/mutex_kinds"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_timedlock,hook:pthread_mutex_clocklock,hook:pthread_mutex_unlock
@test "time limits on both clocks" {
    same_cooperative 1 "$PROGRAMS/mutex_timed"
}

# bats test_tags=smoke,hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_exit,hook:pthread_mutex_lock,hook:pthread_mutex_trylock,hook:pthread_mutex_timedlock,hook:pthread_mutex_unlock,hook:sem_wait,hook:sem_post
@test "robust: the owner ends" {
    same_cooperative 1 "$PROGRAMS/mutex_robust"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_trylock,hook:pthread_mutex_timedlock,hook:pthread_mutex_unlock
@test "priority inheritance" {
    same_cooperative 6 "$PROGRAMS/mutex_inherit"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_trylock,hook:pthread_mutex_unlock
@test "priority ceilings" {
    same_cooperative 2 "$PROGRAMS/mutex_protect"
}

# bats test_tags=hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:__pthread_mutex_lock,hook:__pthread_mutex_trylock,hook:__pthread_mutex_unlock,hook:__pthread_rwlock_rdlock,hook:__pthread_rwlock_tryrdlock,hook:__pthread_rwlock_wrlock,hook:__pthread_rwlock_unlock,hook:__pthread_once
@test "the old names with two underscores" {
    same_cooperative 1 "$PROGRAMS/lock_old_names"
}

# bats test_tags=hook:read,hook:write,hook:pipe,hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:pthread_spin_lock
@test "spin locks whose holder sleeps" {
    same_cooperative 1 "$PROGRAMS/spin_lock"
}
