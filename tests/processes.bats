#!/usr/bin/env bats
# Children: each wait gets the status it asked for, whoever else waits, forks or execs meanwhile.

load helper

# waitid on a pidfd is the real call and keeps its kernel thread.
# bats test_tags=hook:fork,hook:__fork,hook:_Fork,hook:waitpid,hook:__waitpid,hook:wait4,hook:waitid,hook:wait,name:wait,name:waitpid,name:wait4
@test "each thread gets the status of its own child" {
    same "$PROGRAMS/proc_wait" 0
    same_cooperative 18 "$PROGRAMS/proc_wait" 16
}

# bats test_tags=hook:wait,hook:__wait,hook:wait3,hook:wait4,hook:waitpid,hook:__waitpid,hook:waitid,hook:fork
@test "waits for any child tell of each once" {
    same "$PROGRAMS/proc_any" 0
    same_cooperative 4 "$PROGRAMS/proc_any" 8
}

# bats test_tags=hook:wait,hook:waitpid,hook:waitid,hook:pclose,hook:sigaction,hook:fork
@test "a handler that takes every child leaves those that are waited for" {
    same_cooperative 3 "$PROGRAMS/proc_reaper"
}

# bats test_tags=hook:waitpid,hook:waitid
@test "stopped and continued children" {
    same "$PROGRAMS/proc_stop" 0
    same_cooperative 4 "$PROGRAMS/proc_stop" 8
}

# bats test_tags=hook:waitpid,hook:waitid
@test "process groups" {
    same "$PROGRAMS/proc_groups" 0
    same_cooperative 4 "$PROGRAMS/proc_groups" 8
}

# bats test_tags=hook:waitpid,hook:wait
@test "SIGCHLD handled, ignored, without waiting" {
    same "$PROGRAMS/proc_sigchld" 0
    same_cooperative 4 "$PROGRAMS/proc_sigchld" 8
}

# bats test_tags=hook:fork,hook:__fork,hook:waitpid
@test "fork in a thread while others wait: the child can do everything" {
    same "$PROGRAMS/proc_fork" 0
    same_cooperative 4 "$PROGRAMS/proc_fork" 8
}

# bats test_tags=hook:fork,hook:wait,hook:waitpid
@test "exec from the main thread and from another" {
    same "$PROGRAMS/proc_exec" main
    same "$PROGRAMS/proc_exec" thread
}

# bats test_tags=hook:vfork,hook:__vfork,hook:waitpid,hook:dup2,hook:close,hook:close_range
@test "a vfork child's closing changes nothing here" {
    same "$PROGRAMS/proc_vfork" 0
    same_cooperative 4 "$PROGRAMS/proc_vfork" 8
}

# bats test_tags=hook:execve,hook:execv,hook:execvp,hook:execvpe,hook:execl,hook:execlp,hook:execle,hook:fexecve,hook:execveat,hook:posix_spawn,hook:posix_spawnp,hook:clone,hook:__clone,hook:__libc_start_main
@test "every kind of exec and spawn hands on arguments, environment and mask" {
    same_cooperative 2 "$PROGRAMS/exec_kinds"
    [[ $output != *FAIL* ]]
}

# bats test_tags=hook:pthread_create,hook:pthread_join,hook:waitpid
@test "forkpty, where libc forks by itself" {
    same "$PROGRAMS/proc_forkpty" 0
    same_cooperative 4 "$PROGRAMS/proc_forkpty" 1
    [ "$status" = 0 ]
}

# bats test_tags=hook:posix_spawn_old,hook:posix_spawnp_old
@test "spawn of before glibc 2.15 gives a script to the shell" {
    same_cooperative 1 "$PROGRAMS/exec_spawn_old"
}
