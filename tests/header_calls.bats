#!/usr/bin/env bats
# coax.h: calls on sockets and directories that need no shim.

load helper

# bats test_tags=name:accept_n,name:send_msg,name:recv_msg,name:get_credentials,name:credentials,name:readdir_n,name:files_of_directory,name:handle_unix_error
@test "accept_n, messages, credentials, directories, errors: the same without coax" {
    mkdir "$BATS_TEST_TMPDIR/five"
    touch "$BATS_TEST_TMPDIR"/five/{a,b,c,d,e}
    same_cooperative 4 "$PROGRAMS/header_calls" "$BATS_TEST_TMPDIR/five"
    echo "$output"
    [ "$status" = 0 ] && [[ $output != *wrong* ]]
    [ "${lines[0]}" = "$PROGRAMS/header_calls: No such file or directory" ]
    COAX_OPTIONS=(--threads kernel)
    same "$PROGRAMS/header_calls" "$BATS_TEST_TMPDIR/five"
}

# bats test_tags=name:handle_unix_error
@test "an error that nobody handles names its call, with and without threads" {
    local -A said=(
        [reads]="read(77): Bad file descriptor" [writes]="write(4): Broken pipe" [controls]="fcntl(-3): Bad file descriptor"
        [receives]="recv(3): Socket operation on non-socket" [nested]="recv(3): Socket operation on non-socket"
        [sleeps]="nanosleep: Invalid argument" [own]="Numerical argument out of domain"
        [reopens]="freopen(/nonesuch/file): No such file or directory" [nothing]="freopen: Bad address")
    for case in "${!said[@]}"; do
        for threads in "" threads; do
            wrapped "$PROGRAMS/header_errors" "$case" $threads
            echo "$case $threads: $output"
            [ "$output" = "$PROGRAMS/header_errors: ${said[$case]}" ] && [ "$status" = 2 ]
        done
        bare "$PROGRAMS/header_errors" "$case"
        [ "$output" = "$PROGRAMS/header_errors: ${said[$case]##*: }" ] && [ "$status" = 2 ]
    done
    same "$PROGRAMS/header_errors" succeeds
    [ "$output" = 6 ] && [ "$status" = 0 ]
}
