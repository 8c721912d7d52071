#!/usr/bin/env bats
# Each call that can wait, against what may come while it does: tests/programs/waits.h. A cell is a line of output.

load helper

# bare: closing is as the kernel has it, see below.
EVENTS=(finish hangup shut cancel async shielded before ready signal restart fork exec child twice nonblock badfd wrong)
LIMITS=(--connect-timeout 0.1 --read-timeout 0.1 --write-timeout 0.1 --accept-timeout 0.1)

# No cell hung, or went on where the event should have ended it.
none_hangs() {
    ! grep -E 'HANGS|went on|no handler ran|child lost|cleaned up' <<<"$output"
}

same_table() {
    same "$PROGRAMS/waits_$1" "$BATS_TEST_TMPDIR" "${EVENTS[@]}"
    none_hangs
    [ "$status" = 0 ] && [ "$(stat_of mode)" = fiber ]
    COAX_OPTIONS=(--threads kernel)
    same "$PROGRAMS/waits_$1" "$BATS_TEST_TMPDIR" "${EVENTS[@]}"
    none_hangs
}

# all_but RESULT ROWS: each cell says RESULT, but those of the rows (a regular expression), none of which does.
all_but() {
    echo "$output"
    [ "$status" = 0 ] && [ "${#lines[@]}" -gt 10 ]
    ! grep -E "^($2), [a-z]+:" <<<"$output" | grep -- "$1"
    ! grep -vE "^($2), [a-z]+:" <<<"$output" | grep -v -- "$1"
}

table() {
    local program=$1
    shift
    wrapped "$PROGRAMS/$program" "$BATS_TEST_TMPDIR" "$@"
}

# bats test_tags=hook:read,hook:__read_chk,hook:readv,hook:preadv2,hook:splice,hook:tee,hook:vmsplice,hook:sendfile,hook:recv,hook:__recv_chk,hook:recvfrom,hook:recvmsg,hook:recvmmsg,hook:write,hook:writev,hook:pwritev2,hook:send,hook:sendto,hook:sendmsg,hook:sendmmsg,hook:accept,hook:accept4,hook:connect,hook:poll,hook:ppoll,hook:select,hook:pselect,hook:epoll_wait,hook:epoll_pwait,hook:epoll_pwait2,hook:eventfd_read,hook:eventfd_write,hook:syscall,hook:pthread_cancel,hook:pthread_kill,hook:fork
@test "descriptors" {
    same_table io
}

# bats test_tags=hook:sem_wait,hook:sem_timedwait,hook:sem_clockwait,hook:pthread_mutex_lock,hook:pthread_mutex_timedlock,hook:pthread_mutex_clocklock,hook:mtx_lock,hook:pthread_rwlock_rdlock,hook:pthread_rwlock_wrlock,hook:pthread_rwlock_timedrdlock,hook:pthread_rwlock_timedwrlock,hook:pthread_rwlock_clockwrlock,hook:pthread_cond_wait,hook:pthread_cond_timedwait,hook:pthread_cond_clockwait,hook:cnd_wait,hook:pthread_barrier_wait,hook:pthread_join,hook:pthread_timedjoin_np,hook:pthread_clockjoin_np,hook:thrd_join,hook:pthread_once,hook:nanosleep,hook:clock_nanosleep,hook:sleep,hook:usleep,hook:thrd_sleep,hook:pause,hook:sigsuspend,hook:sigwait,hook:sigwaitinfo,hook:sigtimedwait
@test "locks, conditions, threads, times and signals" {
    same_table sync
}

# bats test_tags=hook:flock,hook:fcntl,hook:lockf,hook:msgrcv,hook:msgsnd,hook:semop,hook:semtimedop,hook:mq_receive,hook:mq_timedreceive,hook:mq_send,hook:mq_timedsend,hook:aio_suspend
@test "locks on files, messages, System V semaphores, asynchronous I/O" {
    same_table ipc
}

# bats test_tags=hook:waitpid,hook:wait4,hook:waitid,hook:wait,hook:wait3,hook:system,hook:popen,hook:pclose
@test "children" {
    same_table child
}

# bats test_tags=hook:fgets,hook:getline,hook:fread,hook:fgetc,hook:getwc,hook:fputs,hook:fflush,hook:fprintf,hook:fputc,hook:fwrite,hook:fputws,hook:fseek,hook:fclose,hook:open,hook:openat,hook:creat
@test "streams, and the opening of FIFOs" {
    same_table stdio
}

# Bare most go on, with a file that has no number any more; poll says POLLNVAL at the next event.
# bats test_tags=hook:close,hook:dup2,hook:mq_close
@test "closed by another thread, or replaced: the wait ends with EBADF, poll's with POLLNVAL" {
    local polls='p?poll( .*)?|syscall\(poll\)' parts='recv, waitall|.* of much.*' away='(syscall\()?connect\)?|(write to an )?eventfd(_write)?'
    table waits_io close over
    none_hangs
    all_but ': -1 EBADF' "$polls|$parts|$away"
    [ "$(grep -cE "^($polls), (close|over): 1 '20'(;|$)" <<<"$output")" = 18 ]
    [ "$(grep -cE "^recv, waitall, (close|over): 3 'xyz'$" <<<"$output")" = 2 ]
    [ "$(grep -cE "^.* of much.*, (close|over): ([0-9]+); \2 arrived$" <<<"$output")" = 10 ]
    [ "$(grep -cE "^($away), (close|over): (0|[08]; count 1)$" <<<"$output")" = 8 ]
    table waits_ipc close over
    none_hangs
    all_but ': -1 EBADF; \(free\|[02] messages\)$' none
    table waits_stdio close over
    none_hangs
    all_but ': -1 EBADF\(; 0 arrived\)\?$' none
}

# bats test_tags=name:with_timeout,name:cancel
@test "coax_with_timeout and coax_cancel end what they say they end, and nothing is done" {
    local event error locks
    locks='(pthread_)?(mutex|mtx|barrier|once|rwlock)(_(rd|wr)?(lock|wait))?|syscall\(futex\)(, bitset)?'
    for event in deadline:ETIMEDOUT stop:ECANCELED; do
        error=${event#*:}
        table header_waits_io ${event%:*}
        none_hangs
        all_but ": -1 $error; \\(0 left\\|3 left\\|-1 left\\|0 arrived\\|0 in the queue\\|ENOTCONN\\|count -2\\)\$" 'recv, waitall|.* of much.*'
        table header_waits_sync ${event%:*}
        all_but ": \\(unlock free, \\)\\?-1 $error" "$locks|cnd_wait|cnd_timedwait|thrd_join|sleep|thrd_sleep"
        none_hangs
        [ "$(grep -cE "^($locks), [a-z]+: (unlock free, )?0(;.* free)?$" <<<"$output")" = 8 ]
        table header_waits_ipc ${event%:*}
        none_hangs
        all_but ": -1 $error; \\(free\\|[0-9] messages\\|value 0, 0 wait\\|EINPROGRESS, 3\\)\$" none
        table header_waits_child ${event%:*}
        none_hangs
        all_but ": -1 $error\\(; still there, 3\\|; then 300\\|; 0 left\\)\\?\$" none
        table header_waits_stdio ${event%:*}
        none_hangs
        all_but ": -1 $error\\(; then ''\\|; [05] arrived\\)\\?\$" '(syscall\(open\)|fopen) of a FIFO'
    done
}

@test "limits end what they are for, and nothing else" {
    local polls='p?poll.*|syscall\(poll\)|p?select.*|epoll_.*' others='.*eventfd.*|read of (a timerfd|inotify|a terminal)'
    local family
    COAX_OPTIONS=("${LIMITS[@]}")
    table waits_io idle
    all_but ': -1 ETIMEDOUT; \(0 left\|3 left\|0 arrived\|0 in the queue\|ENOTCONN\)$' "$polls|$others|recv, waitall|.* of much.*"
    [ "$(grep -cE "^($polls), idle: 1" <<<"$output")" = 18 ]
    [ "$(grep -cE '^.* of much.*, idle: ([0-9]+); \1 arrived$' <<<"$output")" = 5 ]
    table waits_stdio idle
    all_but ": -1 ETIMEDOUT\\(; then ''\\|; [05] arrived\\)\$" '.* of a FIFO.*'
    COAX_OPTIONS=(--wait-timeout 0.1)
    table waits_child idle
    all_but ': -1 ETIMEDOUT\(; still there, 3\|; 0 left\)\?$' 'fgets of popen'
    COAX_OPTIONS=("${LIMITS[@]}" --wait-timeout 0.1 --poll-timeout 0.1 --dns-timeout 0.1)
    for family in sync ipc; do
        same "$PROGRAMS/waits_$family" "$BATS_TEST_TMPDIR" idle
        none_hangs
    done
}
