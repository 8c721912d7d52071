#!/usr/bin/env bats
# Calls on files, names and directories, by each async method: what the program sees is what it sees bare, and who waits
# stops nobody else.

load helper

setup() {
    cd "$BATS_TEST_TMPDIR"
}

# bats test_tags=name:access,name:chdir,name:chmod,name:chown,name:chroot,name:fchmod,name:fchown,name:fdatasync,name:fstat,name:fsync,name:ftruncate,name:link,name:lseek,name:lstat,name:mkdir,name:mkfifo,name:opendir,name:openfile,name:readdir,name:readlink,name:rename,name:rewinddir,name:rmdir,name:stat,name:symlink,name:truncate,name:unlink,name:LargeFile,hook:stat,hook:stat64,hook:lstat,hook:lstat64,hook:fstatat,hook:fstatat64,hook:__xstat,hook:__xstat64,hook:__lxstat,hook:__lxstat64,hook:__fxstatat,hook:__fxstatat64,hook:statx,hook:access,hook:faccessat,hook:euidaccess,hook:eaccess,hook:statfs,hook:__statfs,hook:statfs64,hook:statvfs,hook:statvfs64,hook:rename,hook:renameat,hook:renameat2,hook:link,hook:linkat,hook:symlink,hook:symlinkat,hook:readlink,hook:__readlink_chk,hook:readlinkat,hook:__readlinkat_chk,hook:unlink,hook:unlinkat,hook:remove,hook:realpath,hook:realpath_old,hook:__realpath_chk,hook:canonicalize_file_name,hook:mkdir,hook:mkdirat,hook:rmdir,hook:mkfifo,hook:mkfifoat,hook:mknod,hook:mknodat,hook:__xmknod,hook:__xmknodat,hook:truncate,hook:truncate64,hook:chmod,hook:lchmod,hook:fchmodat,hook:chown,hook:lchown,hook:fchownat,hook:utime,hook:utimes,hook:lutimes,hook:futimesat,hook:utimensat,hook:getxattr,hook:lgetxattr,hook:setxattr,hook:lsetxattr,hook:listxattr,hook:llistxattr,hook:removexattr,hook:lremovexattr,hook:chdir,hook:chroot,hook:open,hook:open64,hook:__open,hook:__open64,hook:openat,hook:openat64,hook:__open_2,hook:__open64_2,hook:__openat_2,hook:__openat64_2,hook:creat,hook:creat64,hook:fstat,hook:fstat64,hook:__fxstat,hook:__fxstat64,hook:fstatfs,hook:fstatfs64,hook:fstatvfs,hook:fstatvfs64,hook:fgetxattr,hook:flistxattr,hook:fchmod,hook:fchown,hook:futimes,hook:futimens,hook:fsetxattr,hook:fremovexattr,hook:fchdir,hook:lseek,hook:lseek64,hook:__lseek,hook:llseek,hook:ftruncate,hook:ftruncate64,hook:fallocate,hook:fallocate64,hook:posix_fallocate,hook:posix_fallocate64,hook:posix_fadvise,hook:posix_fadvise64,hook:readahead,hook:fsync,hook:fdatasync,hook:syncfs,hook:sync_file_range,hook:msync,hook:sync,hook:ioctl,hook:splice,hook:tee,hook:vmsplice,hook:copy_file_range,hook:sendfile,hook:sendfile64,hook:opendir,hook:fdopendir,hook:readdir,hook:readdir64,hook:readdir_r,hook:readdir64_r,hook:getdents64,hook:scandir,hook:scandir64,hook:scandirat,hook:scandirat64,hook:ftw,hook:ftw64,hook:nftw,hook:nftw_old,hook:nftw64,hook:nftw64_old,hook:glob,hook:glob_old,hook:glob64,hook:glob64_old,hook:mktemp,hook:mkstemp,hook:mkstemp64,hook:mkstemps,hook:mkstemps64,hook:mkostemp,hook:mkostemp64,hook:mkostemps,hook:mkostemps64,hook:mkdtemp,hook:tempnam,hook:tmpnam,hook:tmpnam_r,hook:tmpfile,hook:tmpfile64,hook:fopen,hook:fopen64,hook:_IO_fopen,hook:getcwd,hook:__getcwd_chk,hook:getwd,hook:__getwd_chk,hook:get_current_dir_name,hook:mount,hook:umount,hook:umount2,hook:swapon,hook:swapoff,hook:quotactl,hook:name_to_handle_at,hook:open_by_handle_at
@test "files: every call, right and wrong, alone" {
    same "$PROGRAMS/file_calls" run 0
    [ "$(stat_of mode)" = solo ] && [ "${#lines[@]}" -gt 300 ]
}

# bats test_tags=hook:stat,hook:stat64,hook:lstat,hook:lstat64,hook:fstatat,hook:fstatat64,hook:__xstat,hook:__xstat64,hook:__lxstat,hook:__lxstat64,hook:__fxstatat,hook:__fxstatat64,hook:statx,hook:access,hook:faccessat,hook:euidaccess,hook:eaccess,hook:statfs,hook:__statfs,hook:statfs64,hook:statvfs,hook:statvfs64,hook:rename,hook:renameat,hook:renameat2,hook:link,hook:linkat,hook:symlink,hook:symlinkat,hook:readlink,hook:__readlink_chk,hook:readlinkat,hook:__readlinkat_chk,hook:unlink,hook:unlinkat,hook:remove,hook:realpath,hook:realpath_old,hook:__realpath_chk,hook:canonicalize_file_name,hook:mkdir,hook:mkdirat,hook:rmdir,hook:mkfifo,hook:mkfifoat,hook:mknod,hook:mknodat,hook:__xmknod,hook:__xmknodat,hook:truncate,hook:truncate64,hook:chmod,hook:lchmod,hook:fchmodat,hook:chown,hook:lchown,hook:fchownat,hook:utime,hook:utimes,hook:lutimes,hook:futimesat,hook:utimensat,hook:getxattr,hook:lgetxattr,hook:setxattr,hook:lsetxattr,hook:listxattr,hook:llistxattr,hook:removexattr,hook:lremovexattr,hook:chdir,hook:chroot,hook:open,hook:open64,hook:__open,hook:__open64,hook:openat,hook:openat64,hook:__open_2,hook:__open64_2,hook:__openat_2,hook:__openat64_2,hook:creat,hook:creat64,hook:fstat,hook:fstat64,hook:__fxstat,hook:__fxstat64,hook:fstatfs,hook:fstatfs64,hook:fstatvfs,hook:fstatvfs64,hook:fgetxattr,hook:flistxattr,hook:fchmod,hook:fchown,hook:futimes,hook:futimens,hook:fsetxattr,hook:fremovexattr,hook:fchdir,hook:lseek,hook:lseek64,hook:__lseek,hook:llseek,hook:ftruncate,hook:ftruncate64,hook:fallocate,hook:fallocate64,hook:posix_fallocate,hook:posix_fallocate64,hook:posix_fadvise,hook:posix_fadvise64,hook:readahead,hook:fsync,hook:fdatasync,hook:syncfs,hook:sync_file_range,hook:msync,hook:sync,hook:ioctl,hook:splice,hook:tee,hook:vmsplice,hook:copy_file_range,hook:sendfile,hook:sendfile64,hook:opendir,hook:fdopendir,hook:readdir,hook:readdir64,hook:readdir_r,hook:readdir64_r,hook:getdents64,hook:scandir,hook:scandir64,hook:scandirat,hook:scandirat64,hook:ftw,hook:ftw64,hook:nftw,hook:nftw_old,hook:nftw64,hook:nftw64_old,hook:glob,hook:glob_old,hook:glob64,hook:glob64_old,hook:mktemp,hook:mkstemp,hook:mkstemp64,hook:mkstemps,hook:mkstemps64,hook:mkostemp,hook:mkostemp64,hook:mkostemps,hook:mkostemps64,hook:mkdtemp,hook:tempnam,hook:tmpnam,hook:tmpnam_r,hook:tmpfile,hook:tmpfile64,hook:fopen,hook:fopen64,hook:_IO_fopen,hook:getcwd,hook:__getcwd_chk,hook:getwd,hook:__getwd_chk,hook:get_current_dir_name,hook:mount,hook:umount,hook:umount2,hook:swapon,hook:swapoff,hook:quotactl,hook:name_to_handle_at,hook:open_by_handle_at
@test "files: every call, right and wrong, six threads at once, by each method" {
    for method in detach switch none; do
        COAX_OPTIONS=(--async "$method")
        same_cooperative 8 "$PROGRAMS/file_calls" run 6
        [ "${#lines[@]}" -gt 300 ]
    done
    COAX_OPTIONS=(--threads kernel)
    same "$PROGRAMS/file_calls" run 6
}

# bats test_tags=hook:write,hook:pwrite,hook:ftruncate,hook:truncate,hook:fallocate,hook:copy_file_range
@test "files: a file that gets too long is its writer's own fault" {
    for method in detach switch none; do
        COAX_OPTIONS=(--async "$method")
        same_cooperative 10 "$PROGRAMS/file_limit" run handled
        [ "$output" = limits ]
    done
    same "$PROGRAMS/file_limit" run default
    [ "$status" = 153 ]
}

# bats test_tags=hook:open,hook:close,hook:read
@test "a thread reads a FIFO to its end while another one opens and closes it without end" {
    same_cooperative 2 "$PROGRAMS/fifo_end" "$BATS_TEST_TMPDIR/fifo"
    [ "$output" = ended ] && [ "$status" = 0 ]
}

# bats test_tags=hook:read,hook:readv
@test "a FIFO that never had a writer is at its end, one that has a writer is waited for" {
    same_cooperative 2 "$PROGRAMS/fifo_alone" "$BATS_TEST_TMPDIR" 1
    same_cooperative 4 "$PROGRAMS/fifo_alone" "$BATS_TEST_TMPDIR" 8
    [ "$output" = ended ] && [ "$status" = 0 ]
    COAX_OPTIONS=(--read-timeout 5)
    same "$PROGRAMS/fifo_alone" "$BATS_TEST_TMPDIR" 2
}

# bats test_tags=hook:open,name:mkfifo
@test "opening a FIFO waits for its other end, and for nobody else's" {
    for method in detach switch; do
        COAX_OPTIONS=(--async "$method")
        same_cooperative 24 "$PROGRAMS/file_fifo" run
        [ "${lines[-1]}" = race ] && [ "$status" = 0 ]
    done
}

# bats test_tags=smoke,hook:sendfile,hook:splice,hook:tee,hook:vmsplice
@test "sendfile, splice, tee and vmsplice through chains of threads" {
    for method in detach switch none; do
        COAX_OPTIONS=(--async "$method")
        same_cooperative 4 "$PROGRAMS/file_transfer" source
        [ "${lines[-1]}" = impatient ] && [ "$status" = 0 ]
    done
}

# bats test_tags=hook:sendfile
@test "write limit: sendfile to a peer that does not read" {
    COAX_OPTIONS=(--write-timeout 200ms)
    wrapped /usr/bin/python3 - <<'END'
import os, socket, threading
def send():
    a, b = socket.socketpair()
    source = os.open("/usr/bin/python3", os.O_RDONLY)
    sent = os.sendfile(a.fileno(), source, 0, 1 << 22)
    try:
        os.sendfile(a.fileno(), source, sent, 1 << 22)
    except TimeoutError:
        print("timed out", 0 < sent < 1 << 22, len(b.recv(1 << 23, socket.MSG_DONTWAIT)) > 0)
t = threading.Thread(target=send)
t.start()
t.join()
END
    [ "$output" = "timed out True True" ]
}

# By `none` everybody waits.
stuck() {
    bare "$PROGRAMS/file_stuck" "$@"
    local expected=$output
    [ "${lines[0]}" = "counting went on" ]
    for method in detach switch; do
        COAX_OPTIONS=(--async "$method")
        wrapped "$PROGRAMS/file_stuck" "$@"
        echo "$method: $output"
        [ "$output" = "$expected" ] && [ "$(stat_of mode)" = fiber ]
        [ "$method" = detach ] || [ "$(stat_of blocked)" -gt 0 ]
    done
    COAX_OPTIONS=(--async none)
    wrapped "$PROGRAMS/file_stuck" "$@"
    echo "none: $output"
    [ "${lines[0]}" = "counting stood still" ] && [ "$(stat_of mode)" = fiber ]
}

# bats test_tags=hook:open,hook:truncate
@test "files that another process keeps leased" {
    stuck lease run
}

# bats test_tags=hook:fopen
@test "FIFOs that are opened as streams" {
    stuck fifo run
}

# bats test_tags=hook:mkstemp,hook:fopen,hook:stat,hook:open,hook:pread,hook:read,hook:fstat,hook:unlink,hook:access,hook:statvfs,hook:opendir,hook:readdir,hook:close
@test "a file system that sleeps" {
    [ "$(id -u)" = 0 ] && [ -c /dev/fuse ] || skip "needs root and /dev/fuse"
    mkdir asleep
    "$PROGRAMS/fuse_sleep" "$PWD/asleep" 50 3>&- &
    wait_until 10 mountpoint -q asleep
    stuck fuse asleep
}

teardown() {
    ! mountpoint -q asleep 2>/dev/null || umount -l asleep
}

# bats test_tags=hook:openat,hook:fstatat,hook:fdopendir,hook:readdir,hook:fstat,hook:read,hook:close
@test "a warm tree is walked with the system calls that it takes bare" {
    local bare_calls calls tree
    for tree in "$BATS_TEST_TMPDIR/tree" /dev/shm/coax-tree.$$; do
        mkdir -p "$tree" && "$PROGRAMS/file_walk" "$tree" 1000
        bare_calls=$(calls_of "$PROGRAMS/file_walk" "$tree")
        for method in detach switch none; do
            calls=$(calls_of "$COAX" --no-follow --async "$method" "$PROGRAMS/file_walk" "$tree")
            echo "$tree $method: $calls, bare $bare_calls"
            [ "$calls" -le $((bare_calls + bare_calls / 20)) ]
        done
        same_cooperative 2 "$PROGRAMS/file_walk" "$tree"
        rm -rf "$tree"
    done
}

# Each look of the monitor is a system call or two: once a millisecond, and when it is told that a call waits.
# bats test_tags=hook:openat,hook:fstatat,hook:readdir
@test "a warm walk by switch is looked at no more often than one by detach" {
    local tree=/dev/shm/coax-tree.$$ begin ms looks
    mkdir -p "$tree" && "$PROGRAMS/file_walk" "$tree" 20000
    for _ in 1 2 3; do
        begin=${EPOCHREALTIME/./}
        COAX_OPTIONS=(--async switch)
        wrapped "$PROGRAMS/file_walk" "$tree"
        ms=$(((${EPOCHREALTIME/./} - begin) / 1000)) looks=$(stat_of looks)
        echo "$output: $looks looks, at most $((20 + ms)), blocked $(stat_of blocked)"
        [ "$(stat_of blocked)" != 0 ] || break
    done
    rm -rf "$tree"
    [ "$status" = 0 ] && [ "$(stat_of mode)" = fiber ]
    [ "$(stat_of blocked)" != 0 ] || [ "$looks" -le $((20 + ms)) ]
}

# The thread that sees within some 50 us that a call by switch waits (core/shadow.h).
# bats test_tags=hook:stat
@test "the shadow is there for calls by switch alone, sleeps when they are over, and leaves" {
    local said=$'one thread: 0\ncalls: as wanted\nasleep: no time\none thread: none'
    for method in detach switch; do
        COAX_OPTIONS=(--async "$method")
        wrapped "$PROGRAMS/header_shadow" count "$([ "$method" = detach ] && echo 0 || echo 1)"
        [ "$output" = "$said" ] && [ "$status" = 0 ] && [ "$(stat_of mode)" = fiber ]
    done
}

# bats test_tags=hook:stat
@test "the shadow leaves where the processors are wanted by others, and comes back" {
    COAX_OPTIONS=(--async switch)
    wrapped "$PROGRAMS/header_shadow" crowd 1
    [ "$output" = $'alone: as wanted\ncrowded: none\nalone again: as wanted' ] && [ "$status" = 0 ]
}

# bats test_tags=hook:stat,hook:write,hook:fdatasync,hook:fork
@test "calls that wait, calls that do not, sleeps and forks while the method changes" {
    cd "$BATS_TEST_TMPDIR"
    for method in detach switch; do
        COAX_OPTIONS=(--async "$method")
        same_cooperative 8 "$PROGRAMS/header_shadow" race 3
        [ "$output" = race ] && [ "$status" = 0 ]
    done
}

# A program that sleeps is not looked at, whatever it has done before.
# bats test_tags=hook:stat
@test "the monitor sleeps when calls by switch are over" {
    COAX_OPTIONS=(--async switch)
    wrapped /usr/bin/python3 - <<'END'
import os, threading, time
def walk():
    for _ in range(2000):
        os.stat("/usr")
    time.sleep(2)
t = threading.Thread(target=walk)
t.start()
t.join()
print("done")
END
    echo "$(stat_of looks) looks"
    [ "$output" = "done" ] && [ "$(stat_of looks)" -lt 1000 ]
}

# bats test_tags=hook:open,hook:read,hook:fstat,hook:lseek,hook:fcntl,hook:dup,hook:close,hook:closedir,hook:readdir,hook:poll
@test "descriptor numbers that are a file now and a pipe next, in threads with signals" {
    for method in detach switch none; do
        COAX_OPTIONS=(--async "$method")
        same_cooperative 8 "$PROGRAMS/file_numbers" "$PWD"
        [ "$status" = 0 ] && [ "${lines[-1]}" = "rounds done, signals handled, the next number is 3" ]
    done
}

# Those on files. Without the monitor's, which depend on how long the run takes: it opens and closes what /proc says of a
# thread, and nobody else makes the older system call open.
calls_of() {
    LIMIT=90 run_limited strace -f -c -e trace=newfstatat,fstat,statx,statfs,fstatfs,open,openat,openat2,read,readv,preadv2,close,getdents64,lseek \
        -o "$BATS_TEST_TMPDIR/calls" "$@"
    awk '$NF == "open" { open = $4 } $NF == "total" { total = $4 } END { print total - 2 * open }' "$BATS_TEST_TMPDIR/calls"
}
