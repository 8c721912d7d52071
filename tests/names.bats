#!/usr/bin/env bats
# tests/names: what stands for a name of Lwt_unix without being a function of ours.

load helper

# bats test_tags=name:file_descr,name:unix_file_descr,name:process_status,name:wait_flag,name:resource_usage,name:stdin,name:stdout,name:stderr,name:file_perm,name:open_flag,name:seek_command,name:file_kind,name:stats,name:access_permission,name:dir_handle,name:lock_command,name:passwd_entry,name:group_entry,name:inet_addr,name:socket_domain,name:socket_type,name:sockaddr,name:shutdown_command,name:msg_flag,name:io_vector,name:socket_int_option,name:socket_optint_option,name:socket_float_option,name:host_entry,name:protocol_entry,name:service_entry,name:addr_info,name:getaddrinfo_option,name:name_info,name:getnameinfo_option,name:terminal_io,name:setattr_when,name:flush_queue,name:flow_action,name:Timeout
@test "types and constants are C's own, and a program that includes coax.h has them" {
    local header what
    cd "$BATS_TEST_TMPDIR"
    {
        echo '#define _GNU_SOURCE'
        for header in coax.h arpa/inet.h dirent.h fcntl.h grp.h netdb.h netinet/in.h pwd.h sys/resource.h sys/socket.h \
            sys/stat.h sys/uio.h sys/wait.h termios.h unistd.h; do
            echo "#include <$header>"
        done
        grep -v '^#' "$ROOT/tests/names" | grep -o '\[[^]]*\]' | tr -d '[]' | sort -u | while read -r what; do
            case $what in
                DIR | *[a-z]*) echo "__typeof__($what) *take_${what//[^A-Za-z_]/_}(void);" ;;
                *) printf '#ifndef %s\n#error "%s"\n#endif\n' "$what" "$what" ;;
            esac
        done
    } >own.c
    [ "$(grep -c '^#error' own.c)" -gt 15 ] && [ "$(grep -c take_ own.c)" -gt 10 ]
    gcc -Wall -Wextra -Werror "-I$ROOT/build/include" -c own.c
}

@test "check-names finds what is missing" {
    cp -r "$ROOT/scripts" "$ROOT/shim" "$BATS_TEST_TMPDIR"
    mkdir "$BATS_TEST_TMPDIR/core" "$BATS_TEST_TMPDIR/tests"
    cp "$ROOT/core/coax.h" "$BATS_TEST_TMPDIR/core"
    cd "$BATS_TEST_TMPDIR"
    printf '%s\n' '# bats test_tags=hook:read,name:read' >tests/some.bats
    printf '%s\n' '# c' 'read: read' >tests/names
    scripts/check-names
    printf '%s\n' 'read: read' 'yield: coax_yield' 'gone: coax_gone' 'job: [x]' 'bad' 'read: read' >tests/names
    run scripts/check-names
    [ "$status" = 1 ]
    [ "$output" = 'not "name: counterpart ...": bad
read: twice
bad: no test
gone: no test
job: no test
yield: no test
gone: there is no coax_gone' ]
}
