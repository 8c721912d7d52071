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
