#!/usr/bin/env bats
# Names of Lwt_unix (tests/names) that a C program calls by libc's own name and that no other file has a test for: in four
# threads at once each gives what it gives bare, errors included.

load helper

# The victims end with "the same in all threads" and 0, bare and wrapped. Each run has a directory of its own.
agree() {
    local victim=$1 name=$2 run
    for run in bare wrapped; do
        mkdir "$BATS_TEST_TMPDIR/$run"
        "$run" "$PROGRAMS/$victim" "$name" "$BATS_TEST_TMPDIR/$run"
        printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/$run.out"
        [ "$status" = 0 ] || { echo "$run, status $status: $output"; return 1; }
    done
    [ "$(stat_of mode)" = fiber ] && diff "$BATS_TEST_TMPDIR/bare.out" "$BATS_TEST_TMPDIR/wrapped.out" &&
        [[ $output = *"the same in all threads" ]]
}

# bats test_tags=name:openfile
@test "openfile, as bare" {
    agree lwt_files openfile
}

# bats test_tags=name:lseek
@test "lseek, as bare" {
    agree lwt_files lseek
}

# bats test_tags=name:truncate
@test "truncate, as bare" {
    agree lwt_files truncate
}

# bats test_tags=name:ftruncate
@test "ftruncate, as bare" {
    agree lwt_files ftruncate
}

# bats test_tags=name:fsync
@test "fsync, as bare" {
    agree lwt_files fsync
}

# bats test_tags=name:fdatasync
@test "fdatasync, as bare" {
    agree lwt_files fdatasync
}

# bats test_tags=name:stat
@test "stat, as bare" {
    agree lwt_files stat
}

# bats test_tags=name:lstat
@test "lstat, as bare" {
    agree lwt_files lstat
}

# bats test_tags=name:fstat
@test "fstat, as bare" {
    agree lwt_files fstat
}

# bats test_tags=name:isatty
@test "isatty, as bare" {
    agree lwt_files isatty
}

# bats test_tags=name:LargeFile
@test "LargeFile, as bare" {
    agree lwt_files LargeFile
}

# bats test_tags=name:unlink
@test "unlink, as bare" {
    agree lwt_files unlink
}

# bats test_tags=name:rename
@test "rename, as bare" {
    agree lwt_files rename
}

# bats test_tags=name:link
@test "link, as bare" {
    agree lwt_files link
}

# bats test_tags=name:chmod
@test "chmod, as bare" {
    agree lwt_files chmod
}

# bats test_tags=name:fchmod
@test "fchmod, as bare" {
    agree lwt_files fchmod
}

# bats test_tags=name:chown
@test "chown, as bare" {
    agree lwt_files chown
}

# bats test_tags=name:fchown
@test "fchown, as bare" {
    agree lwt_files fchown
}

# bats test_tags=name:access
@test "access, as bare" {
    agree lwt_files access
}

# bats test_tags=name:mkdir
@test "mkdir, as bare" {
    agree lwt_files mkdir
}

# bats test_tags=name:rmdir
@test "rmdir, as bare" {
    agree lwt_files rmdir
}

# bats test_tags=name:chdir
@test "chdir, as bare" {
    agree lwt_files chdir
}

# bats test_tags=name:chroot
@test "chroot, as bare" {
    agree lwt_files chroot
}

# bats test_tags=name:opendir
@test "opendir, as bare" {
    agree lwt_files opendir
}

# bats test_tags=name:readdir
@test "readdir, as bare" {
    agree lwt_files readdir
}

# bats test_tags=name:rewinddir
@test "rewinddir, as bare" {
    agree lwt_files rewinddir
}

# bats test_tags=name:mkfifo
@test "mkfifo, as bare" {
    agree lwt_files mkfifo
}

# bats test_tags=name:symlink
@test "symlink, as bare" {
    agree lwt_files symlink
}

# bats test_tags=name:readlink
@test "readlink, as bare" {
    agree lwt_files readlink
}

# bats test_tags=name:lockf
@test "lockf, as bare" {
    agree lwt_files lockf
}

# bats test_tags=name:system
@test "system, as bare" {
    agree lwt_files system
}

# bats test_tags=name:bind
@test "bind, as bare" {
    agree lwt_sockets bind
}

# bats test_tags=name:getsockname
@test "getsockname, as bare" {
    agree lwt_sockets getsockname
}

# bats test_tags=name:getpeername
@test "getpeername, as bare" {
    agree lwt_sockets getpeername
}

# bats test_tags=name:getsockopt
@test "getsockopt, as bare" {
    agree lwt_sockets getsockopt
}

# bats test_tags=name:setsockopt
@test "setsockopt, as bare" {
    agree lwt_sockets setsockopt
}

# bats test_tags=name:getsockopt_int
@test "getsockopt_int, as bare" {
    agree lwt_sockets getsockopt_int
}

# bats test_tags=name:setsockopt_int
@test "setsockopt_int, as bare" {
    agree lwt_sockets setsockopt_int
}

# bats test_tags=name:getsockopt_optint,name:setsockopt_optint
@test "getsockopt_optint and setsockopt_optint, as bare" {
    agree lwt_sockets optint
}

# bats test_tags=name:getsockopt_float,name:setsockopt_float
@test "getsockopt_float and setsockopt_float, as bare" {
    agree lwt_sockets timeouts
}

# bats test_tags=name:getsockopt_error
@test "getsockopt_error, as bare" {
    agree lwt_sockets getsockopt_error
}

# bats test_tags=name:getlogin
@test "getlogin, as bare" {
    agree lwt_lookups getlogin
}

# bats test_tags=name:getpwnam
@test "getpwnam, as bare" {
    agree lwt_lookups getpwnam
}

# bats test_tags=name:getpwuid
@test "getpwuid, as bare" {
    agree lwt_lookups getpwuid
}

# bats test_tags=name:getgrnam
@test "getgrnam, as bare" {
    agree lwt_lookups getgrnam
}

# bats test_tags=name:getgrgid
@test "getgrgid, as bare" {
    agree lwt_lookups getgrgid
}

# bats test_tags=name:gethostname
@test "gethostname, as bare" {
    agree lwt_lookups gethostname
}

# bats test_tags=name:getprotobyname
@test "getprotobyname, as bare" {
    agree lwt_lookups getprotobyname
}

# bats test_tags=name:getprotobynumber
@test "getprotobynumber, as bare" {
    agree lwt_lookups getprotobynumber
}

# bats test_tags=name:getservbyname
@test "getservbyname, as bare" {
    agree lwt_lookups getservbyname
}

# bats test_tags=name:getservbyport
@test "getservbyport, as bare" {
    agree lwt_lookups getservbyport
}

# bats test_tags=name:tcgetattr
@test "tcgetattr, as bare" {
    agree lwt_lookups tcgetattr
}

# bats test_tags=name:tcsetattr
@test "tcsetattr, as bare" {
    agree lwt_lookups tcsetattr
}

# bats test_tags=name:tcsendbreak
@test "tcsendbreak, as bare" {
    agree lwt_lookups tcsendbreak
}

# bats test_tags=name:tcdrain
@test "tcdrain, as bare" {
    agree lwt_lookups tcdrain
}

# bats test_tags=name:tcflush
@test "tcflush, as bare" {
    agree lwt_lookups tcflush
}

# bats test_tags=name:tcflow
@test "tcflow, as bare" {
    agree lwt_lookups tcflow
}
