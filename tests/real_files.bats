#!/usr/bin/env bats
# Unmodified threaded programs of Debian that touch many files, bare and under coax by each async method: equal results,
# and under coax their threads were fibers.

load helper

MOST=$(($(nproc) + 6))

setup() {
    export LC_ALL=C TMPDIR=$BATS_TEST_TMPDIR HOME=$BATS_TEST_TMPDIR
    cd "$BATS_TEST_TMPDIR" || return
}

# The output of a pipeline whose first program is wrapped: same_sorted COMMAND...
same_sorted() {
    local expected
    expected=$("$@" | sort)
    [ "$(wc -l <<<"$expected")" -gt 10 ]
    for method in detach switch none; do
        COAX_OPTIONS=(--async "$method")
        wrapped "$@"
        [ "$status" = 0 ]
        diff <(echo "$expected") <(sort <<<"$output")
        [ "$(stat_of mode)" = fiber ] && [ "$(stat_of kernel_threads)" -le "$MOST" ]
    done
}

# bats test_tags=hook:open,hook:read,hook:readdir64,hook:statx
@test "ripgrep in four threads" {
    same_sorted rg -j4 -c include /usr/include/linux
}

# bats test_tags=hook:opendir,hook:readdir64,hook:statx
@test "fd in four threads" {
    same_sorted fdfind -j4 . /usr/share/perl
}

# bats test_tags=hook:open,hook:read,hook:pread,hook:write,hook:lstat,hook:mkdir,hook:utimensat,hook:chmod
@test "mksquashfs and unsquashfs" {
    "$PROGRAMS/file_walk" . 500
    mkdir tree && mv [0-9]* tree && ln -s 0/1 tree/link && mkfifo tree/fifo
    pack() { "$@" mksquashfs tree "$image" -processors 4 -all-time 0 -mkfs-time 0 -no-progress -quiet; }
    image=bare.sq && pack >/dev/null
    for method in detach switch none; do
        image=$method.sq
        COAX_OPTIONS=(--async "$method")
        pack wrapped
        [ "$status" = 0 ] && [ "$(stat_of mode)" = fiber ]
        cmp bare.sq "$image"
        wrapped unsquashfs -quiet -no-progress -processors 4 -dest "$method" "$image"
        [ "$status" = 0 ] && [ "$(stat_of mode)" = fiber ]
        diff <(cd tree && find . -type f -exec sha1sum {} + | sort) <(cd "$method" && find . -type f -exec sha1sum {} + | sort)
        [ "$(readlink "$method/link")" = 0/1 ] && [ -p "$method/fifo" ]
    done
}

# bats test_tags=hook:mkostemp,hook:fopen,hook:read,hook:write
@test "sort in four threads, through temporary files" {
    seq 700000 | rev >numbers
    bare sh -c 'sort -S 20M --parallel=4 -T . numbers | sha1sum'
    local expected=$output
    for method in detach switch none; do
        COAX_OPTIONS=(--async "$method")
        wrapped sort -S 20M --parallel=4 -T . -o sorted numbers
        [ "$status" = 0 ] && [ "$(stat_of mode)" = fiber ]
        [ "$(sha1sum <sorted)" = "$expected" ]
    done
}

# bats test_tags=hook:lstat,hook:open,hook:read,hook:readdir
@test "git status, which looks at the files in threads, and git grep" {
    git init -q . && "$PROGRAMS/file_walk" . 3000 && git add . && git -c user.name=a -c user.email=a@b commit -q -m files
    echo changed >0/7 && rm 3/303 && echo new >4/new
    for command in "status --short" "grep -c aaa -- 5 6" "diff --stat"; do
        bare git -c core.preloadIndex=true $command
        local expected=$output
        [ "$status" = 0 ] && [ "$expected" ]
        for method in detach switch none; do
            COAX_OPTIONS=(--async "$method" --no-follow)
            wrapped git -c core.preloadIndex=true $command
            [ "$status" = 0 ] && [ "$output" = "$expected" ]
            [ "$command" = "diff --stat" ] || [ "$(stat_of mode)" = fiber ]
        done
    done
}

# With a thread beside them that waits for ever: see tests/modules/one_more_thread.c.
# bats test_tags=hook:openat,hook:fstatat,hook:fstat,hook:fdopendir,hook:readdir,hook:closedir,hook:fcntl,hook:read,hook:write
@test "find, tar, du, cp and diff in programs of two threads" {
    "$PROGRAMS/file_walk" . 1500 && mkdir tree && mv [0-9]* tree && ln -s 0/1 tree/link && mkfifo tree/fifo
    local number=0
    for command in "find tree -size +2k -printf %p:%s:%m\\n" "tar -cf - tree" "du -ab tree" "tar -df bare.tar" \
        "cp -a tree copy" "diff -r tree/1 tree/2" "grep -rc aaa tree/3" "rm -r copy"; do
        number=$((number + 1))
        [ "$command" != "tar -df bare.tar" ] || tar -cf bare.tar tree
        for method in bare detach switch none; do
            [ "$command" != "rm -r copy" ] || cp -a tree copy
            [ "$command" != "cp -a tree copy" ] || rm -rf copy
            COAX_OPTIONS=(--async "$method") run_as=wrapped
            [ "$method" != bare ] || run_as=bare
            "$run_as" sh -c 'LD_PRELOAD=$0:$LD_PRELOAD exec "$@" >out 2>&1' "$PROGRAMS/one_more_thread.so" $command
            echo "$status $(sha1sum <out)" >"$number.$method"
            [ "$method" = bare ] || [ "$(stat_of mode)" = fiber ]
            [ "$method" = bare ] || cmp "$number.bare" "$number.$method"
            [ "$command" != "cp -a tree copy" ] || diff -r --no-dereference tree/4 copy/4
            [ "$command" != "rm -r copy" ] || [ ! -e copy ]
        done
    done
}

# bats test_tags=hook:open,hook:fstat,hook:lstat,hook:readdir64,hook:rename,hook:unlink,hook:ftruncate
@test "python walks, copies, renames and removes trees in threads" {
    "$PROGRAMS/file_walk" . 400
    same_cooperative "$MOST" /usr/bin/python3 "$ROOT/tests/programs/py_files.py" "$PWD"
    [ "$status" = 0 ]
    for method in switch none; do
        COAX_OPTIONS=(--async "$method")
        same_cooperative "$MOST" /usr/bin/python3 "$ROOT/tests/programs/py_files.py" "$PWD"
    done
}
