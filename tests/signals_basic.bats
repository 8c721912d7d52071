#!/usr/bin/env bats
# Signals of a program with threads.

load helper

# bats test_tags=hook:pthread_kill,hook:pthread_kill_old
@test "kill of before glibc 2.34 does not find a thread that has ended" {
    same_cooperative 1 "$PROGRAMS/signal_kill_old"
}

# bats test_tags=hook:sleep,hook:usleep,hook:pthread_create,hook:pthread_exit,hook:raise
@test "the default ends the process, whatever its threads do" {
    local args
    for args in "15 itself" "9 itself" "10 itself" "14 raise" "11 raise" "6 abort"; do
        # shellcheck disable=SC2086 # number and sender
        same "$PROGRAMS/signal_default" $args
        [ "$status" = $((128 + ${args% *})) ]
    done
}

# bats test_tags=smoke,hook:read,hook:write,hook:pipe,hook:usleep,hook:nanosleep,hook:pthread_create,hook:pthread_join,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:sem_wait,hook:sem_post,hook:sigaction,hook:pause,hook:raise,hook:pthread_kill
@test "handlers run while threads wait, on the thread that is meant" {
    same_cooperative 1 "$PROGRAMS/signal_handler"
}

# bats test_tags=hook:nanosleep,hook:read,hook:poll,hook:sem_wait,hook:pthread_cond_wait,hook:pthread_mutex_timedlock,hook:pause,hook:pthread_kill,hook:sigaction
@test "the context that a handler gets is true, and may be changed" {
    same_cooperative 1 "$PROGRAMS/signal_context"
}

# bats test_tags=hook:nanosleep,hook:read,hook:poll,hook:sem_timedwait,hook:sleep,hook:pthread_kill,hook:sigaction
@test "a handler leaves by an exception, or by a jump that libc does not see" {
    same_cooperative 1 "$PROGRAMS/signal_left"
}

# bats test_tags=hook:kill,hook:killpg,hook:sigqueue,hook:alarm,hook:setitimer,hook:signal,hook:syscall,hook:usleep
@test "a signal to the own process, or of a timer that is stopped, is handled before the call returns" {
    same_cooperative 3 "$PROGRAMS/signal_before"
}

# bats test_tags=hook:setitimer,hook:kill,hook:signal,hook:usleep,hook:sem_timedwait,hook:pthread_create
@test "a signal that has been handled does not end the process when its default is back" {
    same_cooperative 2 "$PROGRAMS/signal_disposed"
}

@test "libc's own signals are inherited as ignored, or not" {
    local how
    for how in ignored default; do
        same_cooperative 3 "$PROGRAMS/signal_internal" $how "$PROGRAMS/sem_handler_posts"
    done
}

# bats test_tags=hook:alarm,hook:ualarm,hook:setitimer,hook:sleep,hook:usleep,hook:pthread_create,hook:pthread_join,hook:signal,hook:pause
@test "alarms and interval timers" {
    same_cooperative 3 "$PROGRAMS/signal_alarm"
}

# bats test_tags=hook:sigwait,hook:pthread_sigmask,hook:kill,hook:fork
@test "main waits for a signal that others would die of" {
    same_cooperative 5 "$PROGRAMS/signal_main_waits"
}

# bats test_tags=hook:sleep,hook:usleep,hook:pthread_create,hook:pthread_join,hook:sem_wait,hook:sem_post,hook:pthread_sigmask,hook:sigwait,hook:sigwaitinfo,hook:sigtimedwait,hook:pthread_kill,hook:pthread_sigqueue
@test "a thread takes signals by sigwait" {
    same_cooperative 3 "$PROGRAMS/signal_wait"
}

# bats test_tags=hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:sem_wait,hook:sem_post,hook:signal,hook:pthread_sigmask,hook:sigpending,hook:pthread_kill
@test "masks are the thread's own" {
    same_cooperative 1 "$PROGRAMS/signal_mask"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:gettid,hook:sem_wait,hook:sem_post,hook:__sigaction,hook:bsd_signal,hook:ssignal,hook:sysv_signal,hook:__sysv_signal,hook:sigprocmask,hook:sigsuspend,hook:__sigsuspend,hook:raise,hook:gsignal,hook:tgkill
@test "every name of the calls" {
    same_cooperative 1 "$PROGRAMS/signal_names"
}

# bats test_tags=smoke,hook:read,hook:write,hook:pipe,hook:usleep,hook:nanosleep,hook:sched_yield,hook:poll,hook:pthread_create,hook:pthread_join,hook:sem_wait,hook:sem_post,hook:signal,hook:pthread_sigmask,hook:pause,hook:pthread_kill,hook:longjmp,hook:_longjmp,hook:siglongjmp,hook:__longjmp_chk
@test "jumps out of handlers and within threads" {
    same_cooperative 1 "$PROGRAMS/signal_jump"
    same_cooperative 1 "$PROGRAMS/signal_jump_checked"
}

# bats test_tags=hook:read,hook:write,hook:pipe,hook:usleep,hook:poll,hook:pthread_create,hook:pthread_join,hook:signal
@test "SIGTERM from outside, as daemons take it" {
    local run pid
    for run in bare wrapped; do
        if [ "$run" = bare ]; then
            "$PROGRAMS/signal_outside" >"$BATS_TEST_TMPDIR/$run" 3>&- &
        else
            COAX_STATS="$BATS_TEST_TMPDIR/stats" "$COAX" "$PROGRAMS/signal_outside" >"$BATS_TEST_TMPDIR/$run" 3>&- &
        fi
        pid=$!
        wait_until 20 grep -q ready "$BATS_TEST_TMPDIR/$run"
        kill -TERM "$pid"
        wait "$pid"
    done
    cmp "$BATS_TEST_TMPDIR/bare" "$BATS_TEST_TMPDIR/wrapped"
    grep -q "in good order" "$BATS_TEST_TMPDIR/wrapped"
    [ "$(stat_of mode)" = fiber ]
    [ "$(stat_of kernel_threads)" = 1 ]
}

# bats test_tags=hook:__sigpause,hook:__xpg_sigpause,hook:sigpause,hook:sighold,hook:sigrelse,hook:sigignore,hook:sigset,hook:sigblock,hook:sigsetmask,hook:siggetmask,hook:siginterrupt,hook:signal
@test "the calls from before sigaction" {
    same "$PROGRAMS/signal_older" 0
    [ "$status" = 0 ]
    same_cooperative 1 "$PROGRAMS/signal_older" 3
    [ "$output" = "handled 27" ]
}

# bats test_tags=hook:sigaction,hook:pthread_sigmask
@test "a thousand real-time signals at once: each is handled, in order" {
    same_cooperative 4 "$PROGRAMS/signal_burst"
    [ "${lines[0]}" = "unblocked: 1000, out of order 0" ]
    [[ ${lines[1]} = "in the handler: 2000, "* ]]
}

# bats test_tags=hook:sigaction,hook:pthread_sigmask
@test "no real-time signal overtakes another one, and none is lost when more come than there is room for" {
    for _ in 1 2 3; do
        same_cooperative 2 "$PROGRAMS/signal_order"
        [ "$output" = "20000, out of order 0" ]
    done
}

# bats test_tags=hook:pthread_sigmask,hook:sigprocmask,hook:siglongjmp
@test "a handler that changes the mask itself blocks nothing for the others" {
    same_cooperative 1 "$PROGRAMS/signal_mask_handler"
    [ "$status" = 0 ]
}

# bats test_tags=hook:sigaltstack,hook:pthread_kill,hook:siglongjmp
@test "alternate stacks: handlers on them return, wait and jump" {
    same_cooperative 1 "$PROGRAMS/signal_altstack" parked
    [ "$status" = 0 ]
    same_cooperative 2 "$PROGRAMS/signal_altstack" odd
    [ "$status" = 0 ]
}

# bats test_tags=hook:sigaltstack
@test "alternate stacks: each thread survives the overflow of its own stack" {
    same_cooperative 1 "$PROGRAMS/signal_altstack" overflow
    [ "$status" = 0 ]
}

# bats test_tags=hook:sigaltstack,hook:sigaction,hook:pthread_create,hook:pthread_join,hook:fork,hook:kill
@test "alternate stacks: a signal comes while its handler computes on one, and nobody else is there" {
    same_cooperative 2 "$PROGRAMS/signal_altstack_busy"
    [ "$output" = "2 handled, 2 on the stack" ]
}

# bats test_tags=hook:sigaltstack
@test "alternate stacks: a frame that is moved loses no register" {
    same_cooperative "$(nproc)" "$PROGRAMS/signal_altstack" registers
    [ "$status" = 0 ]
}

# bats test_tags=hook:read,hook:recv,hook:send,hook:accept,hook:sem_timedwait,hook:sem_clockwait,hook:sleep,hook:waitid,hook:pthread_kill,hook:sigaction,hook:syscall
@test "a handler ends each call that it ends bare, and no other" {
    cd "$BATS_TEST_TMPDIR"
    same_cooperative 9 "$PROGRAMS/signal_calls" thread
    [ "$status" = 0 ]
}

# bats test_tags=hook:read,hook:pthread_sigmask,hook:sigaction
@test "a signal to the process goes to the thread that does not block it, whatever that waits in" {
    cd "$BATS_TEST_TMPDIR"
    same_cooperative 9 "$PROGRAMS/signal_calls" process
    [ "$status" = 0 ]
    same_cooperative 9 "$PROGRAMS/signal_calls" timer
    [ "$status" = 0 ]
}

# bats test_tags=hook:sigaction,hook:siglongjmp,hook:pthread_sigmask
@test "faults in threads: the handler repairs, skips or jumps out; abort" {
    same_cooperative 2 "$PROGRAMS/signal_faults"
    [ "$status" = 0 ]
    same "$PROGRAMS/signal_faults" die
    [ "$status" = 139 ]
}

# bats test_tags=hook:timer_create,hook:timer_create_234,hook:sigwaitinfo,hook:sigaction,hook:syscall
@test "timers of every kind, for the process and for one thread" {
    same_cooperative 6 "$PROGRAMS/signal_timers"
    [ "$status" = 0 ]
}

# bats test_tags=hook:timer_create,hook:timer_settime,hook:timer_gettime,hook:setitimer,hook:signal
@test "a handler sets a timer while its thread sets it" {
    same_cooperative 3 "$PROGRAMS/signal_timer_nested"
    [ "$output" = "set and read" ]
}

# bats test_tags=hook:__sigsetjmp,hook:setjmp,hook:siglongjmp,hook:pthread_sigmask
@test "sigsetjmp saves the mask of the thread" {
    same_cooperative 1 "$PROGRAMS/signal_saved"
    [ "$status" = 0 ]
}

# bats test_tags=hook:signalfd,hook:pthread_kill,hook:pthread_sigqueue,hook:pthread_sigmask,hook:read,hook:poll,hook:epoll_wait
@test "a signal for one thread is read from a signalfd" {
    for _ in 1 2 3; do
        same_cooperative 1 "$PROGRAMS/signal_descriptor"
        [ "$status" = 0 ]
    done
}

# bats test_tags=hook:getcontext,hook:setcontext,hook:swapcontext,hook:makecontext
@test "contexts have the mask of the thread, and coroutines wait" {
    same_cooperative 2 "$PROGRAMS/signal_contexts"
    [ "$status" = 0 ]
}

# bats test_tags=hook:pthread_mutex_lock,hook:pthread_mutex_timedlock,hook:pthread_rwlock_wrlock,hook:pthread_cond_wait,hook:pthread_cond_timedwait,hook:sem_wait,hook:flockfile,hook:flock,hook:fcntl,hook:msgrcv,hook:semop,hook:syscall,hook:read,hook:pthread_kill
@test "a handler that blocks keeps from nobody what its thread waits for" {
    cd "$BATS_TEST_TMPDIR"
    same_cooperative 4 "$PROGRAMS/handler_blocks" each
    [ "$status" = 0 ]
    same_cooperative 4 "$PROGRAMS/handler_blocks" rounds
    [ "$status" = 0 ]
}

# bats test_tags=smoke,hook:siglongjmp,hook:setcontext,hook:swapcontext,hook:pthread_mutex_lock,hook:pthread_mutex_timedlock,hook:flockfile,hook:flock,hook:pthread_cond_wait,hook:sem_wait,hook:syscall,hook:read,hook:poll,hook:select,hook:epoll_wait,hook:write,hook:recv,hook:accept,hook:nanosleep,hook:pause,hook:msgrcv,hook:semop,hook:wait
@test "a handler leaves every kind of wait, by each way out" {
    cd "$BATS_TEST_TMPDIR"
    same_cooperative 4 "$PROGRAMS/handler_leaves"
    [ "$status" = 0 ]
}

# bats test_tags=hook:swapcontext,hook:setcontext,hook:pthread_mutex_lock,hook:sem_wait,hook:read,hook:nanosleep,hook:pthread_kill
@test "a handler swaps contexts in whatever wait, at random times" {
    same_cooperative 2 "$PROGRAMS/handler_preempts"
    [ "$status" = 0 ]
}

# bats test_tags=hook:sigwait,hook:sigtimedwait,hook:sigqueue,hook:pthread_sigqueue
@test "several threads wait for signals: each takes one, none is lost, the lowest number comes first" {
    same_cooperative 4 "$PROGRAMS/signal_awaited"
    [ "$status" = 0 ]
}

# bats test_tags=hook:pthread_cancel,hook:pthread_kill,hook:pthread_setcanceltype,hook:pthread_mutex_lock,hook:pthread_mutex_unlock,hook:pthread_timedjoin_np
@test "asynchronous cancellation beside signals, and of a thread that was just given a mutex" {
    same_cooperative 2 "$PROGRAMS/signal_cancelled" cleanup
    [ "$status" = 0 ]
    same "$PROGRAMS/signal_cancelled" first
    [ "$status" = 0 ]
    [ "$output" = "all end" ]
    same_cooperative 2 "$PROGRAMS/signal_cancelled" mutex
    [ "$status" = 0 ]
}

# bats test_tags=hook:flock,hook:open,hook:fcntl,hook:sigaltstack,hook:sigaction,hook:pthread_kill,hook:pthread_tryjoin_np
@test "alternate stacks: a handler ends a call that blocks on a file" {
    cd "$BATS_TEST_TMPDIR"
    same_cooperative 3 "$PROGRAMS/signal_ends"
    [ "$status" = 0 ]
}

# bats test_tags=hook:raise,hook:sigaction,hook:signal,hook:pthread_sigmask,hook:sigpending,hook:sigqueue,hook:pthread_sigqueue,hook:pthread_kill,hook:sigwait
@test "a signal that has no handler any more when it is let in ends the process" {
    local how
    for how in raised replaced; do
        same "$PROGRAMS/signal_late" $how
        [ "$status" = $((128 + 10)) ]
    done
    for how in once once-own; do
        same "$PROGRAMS/signal_late" $how
        [ "$status" = $((128 + 34)) ]
    done
    same "$PROGRAMS/signal_late" awaits
    [ "$status" = $((128 + 15)) ]
}

# bats test_tags=hook:kill,hook:raise,hook:signal,hook:sigaction,hook:sigpending,hook:pthread_sigmask,hook:sigqueue
@test "pending signals: taken back, forgotten, two of a number, in order" {
    same_cooperative 1 "$PROGRAMS/signal_pending"
    [ "$status" = 0 ]
}

# bats test_tags=hook:pthread_sigmask,hook:sigqueue,hook:usleep
@test "a signal of the process that a thread has got and blocks is for another thread" {
    same_cooperative 2 "$PROGRAMS/signal_passed"
    [ "$output" = "0 not handled" ]
}

# bats test_tags=hook:ppoll,hook:sigwait,hook:signalfd,hook:poll,hook:flock,hook:kill,hook:pthread_sigmask
@test "a signal that all threads block since kills no daemon" {
    local how
    cd "$BATS_TEST_TMPDIR"
    for how in sigwait signalfd; do
        same_cooperative 3 "$PROGRAMS/signal_daemon" $how
        [ "$status" = 0 ]
    done
}

# bats test_tags=hook:prctl,hook:pthread_kill,hook:sigqueue,hook:pthread_sigmask
@test "signals for a thread that gets a kernel thread of its own" {
    same_cooperative 3 "$PROGRAMS/signal_promoted"
    [ "$status" = 0 ]
}

# bats test_tags=hook:kill,hook:pthread_exit,hook:pthread_join,hook:signal
@test "the main thread has ended: a signal to the own process is handled before the call returns" {
    same_cooperative 3 "$PROGRAMS/signal_without_main"
    [ "$status" = 0 ]
}
