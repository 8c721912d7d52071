#!/usr/bin/env bats
# Waits that only the kernel can make: locks on files, System V messages and semaphores, message queues, and what
# processes share. Fibers that wait for the same thing stand in line, and one kernel thread waits for them.

load helper

# bats test_tags=hook:close,hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join,hook:flock,hook:fcntl,hook:lockf,hook:msgrcv,hook:msgsnd,hook:semop,hook:syscall,hook:semctl,hook:mq_receive,hook:mq_send,hook:sem_wait,hook:sem_post,hook:pthread_mutex_lock,hook:pthread_rwlock_wrlock
@test "a thousand wait for one thing with one kernel thread; the others run" {
    local what
    for what in flock fcntl lockf msgrcv msgsnd semop undo syscall zero mq_receive mq_send sem mutex rwlock; do
        same_cooperative 2 "$PROGRAMS/ipc_crowd" "$what" 1000 "$BATS_TEST_TMPDIR"
        [ "$status" = 0 ]
    done
}

# bats test_tags=hook:flock,hook:lockf,hook:lockf64,hook:fcntl,hook:msgsnd,hook:msgrcv,hook:semop,hook:semtimedop,hook:semctl,hook:mq_receive,hook:mq_timedreceive,hook:mq_send,hook:mq_timedsend,hook:mq_close,hook:sem_wait,hook:pthread_kill,hook:pthread_create,hook:pthread_join
@test "what is refused, handlers, removal, deadlocks" {
    same_cooperative 7 "$PROGRAMS/ipc_errors" "$BATS_TEST_TMPDIR"
    [ "$status" = 0 ]
}

# bats test_tags=hook:flock,hook:msgsnd,hook:msgrcv,hook:semop,hook:fork,hook:waitpid,hook:siglongjmp,hook:pthread_kill,hook:pthread_exit,hook:pthread_cancel,hook:pthread_create,hook:pthread_join
@test "a jump out of a handler, an exit, a cancellation, a fork: the others in line are served" {
    for _ in 1 2 3; do
        same_cooperative 5 "$PROGRAMS/ipc_jump" "$BATS_TEST_TMPDIR"
        [ "$status" = 0 ]
    done
}

# bats test_tags=hook:flock,hook:fcntl,hook:lockf,hook:semop,hook:msgsnd,hook:msgrcv,hook:mq_send,hook:mq_receive,hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join
@test "two processes contend, both wrapped, and one of them bare" {
    same_cooperative 8 "$PROGRAMS/ipc_contend" fork "$BATS_TEST_TMPDIR"
    [ "$status" = 0 ]
    local expected=$output role other
    for role in first second; do
        [ "$role" = first ] && other=second || other=first
        rm -f "$BATS_TEST_TMPDIR/contend"
        timeout -k 5 "$LIMIT" "$PROGRAMS/ipc_contend" "$other" "$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/bare" 3>&- &
        wrapped "$PROGRAMS/ipc_contend" "$role" "$BATS_TEST_TMPDIR"
        wait $!
        echo "$output"
        [ "$status" = 0 ] && [ "$output" = "$expected" ] && [ "$(cat "$BATS_TEST_TMPDIR/bare")" = "$expected" ]
        [ "$(stat_of mode)" = fiber ]
    done
}

# bats test_tags=hook:mq_notify,hook:mq_receive,hook:mq_send,hook:mq_close,hook:pthread_create,hook:pthread_join
@test "nobody is told of a message that somebody waits for" {
    same_cooperative 2 "$PROGRAMS/ipc_notify"
    [ "$status" = 0 ]
}

# bats test_tags=hook:aio_suspend,hook:aio_suspend64,hook:pthread_kill,hook:pthread_create,hook:pthread_join
@test "asynchronous I/O is waited for" {
    same_cooperative 3 "$PROGRAMS/ipc_aio"
    [ "$status" = 0 ]
}

# bats test_tags=hook:lio_listio,hook:lio_listio64,hook:lio_listio_234,hook:lio_listio64_234,hook:pthread_cancel
@test "a list of asynchronous I/O is waited for" {
    same_cooperative 4 "$PROGRAMS/ipc_lio"
    [ "$status" = 0 ]
    wrapped "$PROGRAMS/ipc_lio" ends
    [ "$status" = 0 ] && [ "${lines[3]}" = "a handler" ]
}

# bats test_tags=name:cancel,name:with_timeout
@test "each kind is cancelled and times out, behind another as well, and has done nothing" {
    wrapped "$PROGRAMS/header_kernel_waits" "$BATS_TEST_TMPDIR"
    echo "$output"
    [ "$status" = 0 ] && [[ $output != *wrong* ]]
    [ "${lines[-1]}" = "31 kinds of waits" ]
    [ "$(stat_of mode)" = fiber ]
}

# bats test_tags=name:cancel,name:with_timeout
@test "a deadline or a cancel at the moment of success: nothing is lost" {
    local kind
    for kind in msgrcv mq semop sem flock ofd; do
        wrapped "$PROGRAMS/header_kernel_race" $kind "$BATS_TEST_TMPDIR"
        echo "$output"
        [ "$status" = 0 ] && [ "$output" = "$kind: nothing lost" ]
        [ "$(stat_of mode)" = fiber ]
    done
}

# bats test_tags=name:fd_abort,hook:close,hook:mq_close,hook:flock,hook:lockf,hook:fcntl,hook:mq_receive
@test "closed or aborted while two wait with it" {
    wrapped "$PROGRAMS/header_kernel_close" "$BATS_TEST_TMPDIR"
    echo "$output"
    [ "$status" = 0 ] && [ "$output" = "closed and aborted" ]
    [ "$(stat_of mode)" = fiber ]
}

# ---- programs of Debian ----

# bats test_tags=hook:flock,hook:fork,hook:waitpid,hook:msgrcv,hook:semop
@test "python3 with locks on files and shared semaphores, perl with System V" {
    export TMPDIR=$BATS_TEST_TMPDIR
    same_cooperative $(($(nproc) + 4)) /usr/bin/python3 "$ROOT/tests/programs/py_locks.py"
    [ "$status" = 0 ] && [ "${lines[-1]}" = released ]
    same_cooperative $(($(nproc) + 4)) perl "$ROOT/tests/programs/perl_sysv.pl"
    [ "$status" = 0 ] && [ "${lines[-1]}" = "none: 42" ]
}

@test "flock, ipcmk, ipcs and ipcrm in a script" {
    mkdir "$BATS_TEST_TMPDIR/work"
    same sh "$ROOT/tests/programs/locks.sh" "$BATS_TEST_TMPDIR/work"
    [ "$status" = 0 ] && [ "${lines[0]}" = "15 counter" ]
    [ "$(stat_of mode)" = solo ]
}

@test "stress-ng: locks, messages, semaphores, descriptors, asynchronous I/O" {
    local class
    for class in flock lockf lockofd locka msg mq sem sem-sysv eventfd timerfd sigfd inotify aio futex; do
        wrapped stress-ng --verify --temp-path "$BATS_TEST_TMPDIR" --$class 2 --$class-ops 200 -t 1
        echo "$output"
        [ "$status" = 0 ] && [[ $output == *"successful run completed"* ]]
    done
}
