#!/usr/bin/env bats
# coax.h and fork: in the middle of each race.

load helper

# bats test_tags=name:fork,name:cancel,name:abort,name:stop_notification,name:disable_signal_handler,hook:fork
@test "fork while a cancel meets a completion, an abort a close, a stop a send, a disable a signal" {
    wrapped "$PROGRAMS/header_forks" 200
    [ "$output" = "cancel against completion
abort against close
stop against send
disable against signal
done" ] && [ "$status" = 0 ]
    [ "$(stat_of mode)" = fiber ]
}
