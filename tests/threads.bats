#!/usr/bin/env bats
# Threads are made, joined, detached and ended, with every attribute, as under libc.

load helper

setup_file() {
    # libraries with thread-local variables: found at run time, and placed beside the program's own
    local code='__thread int v = 42; __thread char room[100]; int *variable(void) { room[99] = 1; return &v; }'
    local name
    for name in dynamic other unloaded; do
        echo "$code" | gcc -x c - -shared -fPIC -o "$BATS_FILE_TMPDIR/$name.so"
    done
    echo "$code" | gcc -x c - -shared -fPIC -ftls-model=initial-exec -o "$BATS_FILE_TMPDIR/initial.so"
    gcc -x c - -shared -fPIC -o "$BATS_FILE_TMPDIR/big.so" <<END
__thread char room[300000]; __thread int v = 42; int *variable(void) { room[299999] = 1; return &v; }
END
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_exit
@test "create: arguments, results, threads made by threads" {
    same_cooperative 1 "$PROGRAMS/thread_create"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_setattr_default_np,hook:pthread_getattr_np
@test "attributes keep what was set, and the defaults can be changed" {
    same_cooperative 1 "$PROGRAMS/thread_attr"
    same_cooperative 1 "$PROGRAMS/thread_attr_default"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_tryjoin_np,hook:pthread_detach,hook:sem_wait,hook:sem_post
@test "detached from the start, later, by oneself, after the end" {
    same_cooperative 1 "$PROGRAMS/thread_attr_detached"
    same_cooperative 1 "$PROGRAMS/thread_detach"
}

# bats test_tags=hook:pthread_create,hook:pthread_join
@test "all of the stack that was asked for, 16 kB to 64 MB" {
    same_cooperative 1 "$PROGRAMS/thread_attr_stacksize"
}

# bats test_tags=hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:pthread_getattr_np
@test "the program's own memory as stack" {
    same_cooperative 1 "$PROGRAMS/thread_attr_stack"
}

# bats test_tags=hook:fork,hook:waitpid,hook:pthread_create,hook:pthread_join,hook:pthread_getattr_np
@test "guards of any size" {
    same_cooperative 1 "$PROGRAMS/thread_attr_guard"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_sigmask
@test "the signal mask that a thread starts with" {
    same_cooperative 1 "$PROGRAMS/thread_attr_sigmask"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_getschedparam,hook:pthread_setschedparam
@test "a real-time policy from the attributes" {
    same_cooperative 2 "$PROGRAMS/thread_attr_realtime"
}

# bats test_tags=smoke,hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join
@test "join before and after the end, by any thread" {
    same_cooperative 1 "$PROGRAMS/thread_join"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_tryjoin_np,hook:pthread_timedjoin_np,hook:pthread_detach,hook:pthread_cancel,hook:sem_wait,hook:sem_post,hook:pthread_kill
@test "what join and detach refuse" {
    same_cooperative 1 "$PROGRAMS/thread_join_errors"
}

# bats test_tags=smoke,hook:usleep,hook:pthread_create,hook:pthread_tryjoin_np,hook:pthread_timedjoin_np,hook:pthread_clockjoin_np,hook:sem_wait,hook:sem_post
@test "tryjoin, timedjoin, clockjoin" {
    same_cooperative 1 "$PROGRAMS/thread_timedjoin"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_exit
@test "exit from deep inside" {
    same_cooperative 1 "$PROGRAMS/thread_exit"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_detach,hook:pthread_exit,hook:pthread_cancel
@test "main exits, the process lives until the last thread ends" {
    same_cooperative 1 "$PROGRAMS/thread_exit_main" return
    [ "$status" = 0 ]
    same_cooperative 1 "$PROGRAMS/thread_exit_main" exit
    [ "$status" = 7 ]
    same_cooperative 1 "$PROGRAMS/thread_exit_main" detached
    same_cooperative 1 "$PROGRAMS/thread_exit_main" cancel
    same_cooperative 1 "$PROGRAMS/thread_exit_main_joined"
}

# bats test_tags=hook:read,hook:pipe,hook:sleep,hook:usleep,hook:pthread_create
@test "exit of the process while threads are blocked" {
    same_cooperative 1 "$PROGRAMS/thread_exit_process" main
    [ "$status" = 5 ]
    same_cooperative 1 "$PROGRAMS/thread_exit_process" thread
    [ "$status" = 9 ]
}

# bats test_tags=hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:gettid,hook:pthread_barrier_init,hook:pthread_barrier_wait,hook:syscall
@test "every thread has its own handle and id" {
    same_cooperative 1 "$PROGRAMS/thread_self"
}

# bats test_tags=hook:sleep,hook:usleep,hook:pthread_create,hook:pthread_join,hook:pthread_exit,hook:pthread_cancel,hook:sem_wait,hook:sem_post,hook:pthread_once
@test "once: contended, cancelled, left by exit" {
    same_cooperative 1 "$PROGRAMS/thread_once"
    same_cooperative 1 "$PROGRAMS/thread_once_cancel"
}

# bats test_tags=hook:pthread_create,hook:pthread_detach,hook:pthread_getattr_np,hook:sem_wait,hook:sem_post
@test "getattr_np of main, oneself and another thread" {
    same_cooperative 1 "$PROGRAMS/thread_getattr"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_setname_np,hook:pthread_getname_np,hook:sem_wait,hook:sem_post
@test "names" {
    same_cooperative 1 "$PROGRAMS/thread_name"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_getschedparam,hook:pthread_setschedparam,hook:pthread_setschedprio,hook:sem_wait,hook:sem_post
@test "concurrency level and ordinary scheduling parameters" {
    same_cooperative 1 "$PROGRAMS/thread_concurrency"
    same_cooperative 1 "$PROGRAMS/thread_schedparam"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:pthread_getcpuclockid,hook:sem_wait,hook:sem_post
@test "the CPU clock of a thread" {
    same_cooperative 3 "$PROGRAMS/thread_cpuclock"
}

# bats test_tags=hook:clock_gettime,hook:clock_getres,hook:clock_settime,hook:clock_nanosleep,hook:getrusage,hook:pthread_getcpuclockid,hook:syscall
@test "processor time is that of the thread, wherever it runs" {
    same_cooperative 4 "$PROGRAMS/thread_cpu_time"
}

# bats test_tags=hook:timer_create,hook:timer_settime,hook:timer_gettime,hook:timer_delete,hook:timer_create_234,hook:timer_settime_234,hook:timer_gettime_234,hook:timer_delete_234,hook:sigwaitinfo,hook:sigtimedwait,hook:syscall
@test "timers on the processor time of a thread, and for another thread" {
    same_cooperative 4 "$PROGRAMS/thread_timer"
}

# bats test_tags=hook:gettid,hook:tgkill,hook:pthread_sigqueue,hook:kill,hook:sigqueue,hook:getpgid,hook:__getpgid,hook:getsid,hook:prlimit,hook:prlimit64,hook:process_vm_readv,hook:process_vm_writev,hook:capget,hook:fcntl,hook:syscall
@test "calls that take a thread's id" {
    same_cooperative 5 "$PROGRAMS/thread_ids"
}

# bats test_tags=hook:gettid,hook:prctl,hook:sched_getscheduler,hook:getpriority,hook:sched_rr_get_interval
@test "ids, names, policies, time slices, processor time" {
    same "$PROGRAMS/thread_identity" 0
    same_cooperative 3 "$PROGRAMS/thread_identity" 8
}

# bats test_tags=hook:close,hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:pthread_barrier_init,hook:pthread_barrier_wait
@test "errno and the locale are the thread's own" {
    same_cooperative 1 "$PROGRAMS/thread_errno_locale"
}

# bats test_tags=hook:usleep,hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:pthread_barrier_init,hook:pthread_barrier_wait
@test "thread-local variables, small, aligned and large" {
    same_cooperative 1 "$PROGRAMS/tls_variables"
    same_cooperative 1 "$PROGRAMS/tls_big"
}

# bats test_tags=hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:pthread_barrier_init,hook:pthread_barrier_wait
@test "libraries with thread-local variables, loaded by a thread" {
    same_cooperative 1 "$PROGRAMS/tls_dlopen" "$BATS_FILE_TMPDIR/dynamic.so" "$BATS_FILE_TMPDIR/unloaded.so"
    same_cooperative 1 "$PROGRAMS/tls_dlopen" "$BATS_FILE_TMPDIR/initial.so" "$BATS_FILE_TMPDIR/dynamic.so" \
        "$BATS_FILE_TMPDIR/other.so" "$BATS_FILE_TMPDIR/big.so" "$BATS_FILE_TMPDIR/unloaded.so"
}

# bats test_tags=hook:sched_yield,hook:pthread_create,hook:pthread_join,hook:pthread_getaffinity_np,hook:pthread_setaffinity_np
@test "affinity from the attributes" {
    same_cooperative 3 "$PROGRAMS/thread_attr_affinity"
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:sched_getaffinity_old,hook:sched_setaffinity_old,hook:pthread_getaffinity_np_old,hook:pthread_setaffinity_np_old,hook:pthread_getaffinity_np_234,hook:pthread_setaffinity_np_234
@test "affinity by every version of the calls" {
    same_cooperative 1 "$PROGRAMS/thread_affinity_old"
}

# bats test_tags=hook:usleep,hook:pthread_create,hook:pthread_join,hook:sigtimedwait
@test "one kernel thread is left when one thread is left" {
    same_cooperative 5 "$PROGRAMS/thread_alone"
}

# bats test_tags=hook:pthread_create,hook:pthread_join
@test "code on the stack" {
    gcc -w -pthread -z execstack "$ROOT/tests/programs/thread_trampoline.c" -o "$BATS_TEST_TMPDIR/code"
    same_cooperative 1 "$BATS_TEST_TMPDIR/code"
    [ "$status" = 0 ]
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:read,hook:write,hook:pipe,hook:usleep
@test "ids are changed for all threads, by any of them" {
    same_cooperative 4 "$PROGRAMS/thread_setuid"
}
