#!/usr/bin/env bats
# Barriers.

load helper

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_barrier_init,hook:pthread_barrier_wait,hook:pthread_barrier_destroy
@test "reused for many rounds, one is picked each time" {
    same_cooperative 1 "$PROGRAMS/barrier_rounds"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_barrier_init,hook:pthread_barrier_wait,hook:pthread_barrier_destroy
@test "destroyed at once by the one that was picked" {
    same_cooperative 1 "$PROGRAMS/barrier_destroy"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_barrier_init,hook:pthread_barrier_wait,hook:pthread_barrier_destroy
@test "more threads than it counts: every arrival is in a round" {
    for _ in 1 2 3; do
        same_cooperative 4 "$PROGRAMS/barrier_more"
        [ "$output" = "3000 arrivals, 1500 rounds" ]
    done
}
