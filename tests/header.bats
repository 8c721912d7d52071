#!/usr/bin/env bats
# coax.h: in a program that runs under coax, and in the same one that does not.

load helper

HEADERS=$ROOT/build/include

# builds NAME COMPILER ARGS...: tests/programs/NAME.c, whatever the language is called.
builds() {
    local name=$1
    shift
    "$@" -Wall -Wextra -pedantic -Werror -pthread "-I$HEADERS" -o "$BATS_TEST_TMPDIR/$name" "$ROOT/tests/programs/$name.c" -ldl
}

@test "coax.h is clean in C89 to C17 and in C++" {
    local std compiler
    for compiler in gcc clang; do
        command -v "$compiler" >/dev/null || continue
        for std in c89 gnu89 c99 c11 c17 gnu17; do
            builds header_time "$compiler" "-std=$std"
        done
    done
    for compiler in g++ clang++; do
        command -v "$compiler" >/dev/null || continue
        for std in c++98 c++11 c++17 gnu++20; do
            builds header_time "$compiler" -x c++ "-std=$std"
        done
    done
}

@test "a header of nothing else, in two files of one program" {
    cd "$BATS_TEST_TMPDIR"
    printf '%s\n' '#include <coax.h>' 'int other(void);' 'int other(void) { return coax_active(); }' >other.c
    printf '%s\n' '#include <coax.h>' '#include <coax.h>' 'int other(void);' 'int main(void) { return other() + 2 * coax_active(); }' >main.c
    gcc -std=c89 -Wall -Wextra -pedantic -Werror "-I$HEADERS" main.c other.c -o two
    ./two
    wrapped ./two
    [ "$status" = 3 ]
}

# Each way to link finds the shim; C89, C17 and C++ alike.
@test "the header finds the shim, or that there is none" {
    local version
    version=$("$COAX" --version | awk '{ print $NF }')
    tell() {
        [ "$("$BATS_TEST_TMPDIR/header_time" active)" = '0 ""' ]
        wrapped "$BATS_TEST_TMPDIR/header_time" active
        [ "$output" = "1 \"$version\"" ]
    }
    builds header_time gcc -std=c89 && tell
    builds header_time gcc -std=c17 -no-pie -fno-pie && tell
    builds header_time gcc -std=c17 -O2 -Wl,-z,now && tell
    builds header_time g++ -x c++ -no-pie -fno-pie && tell
    builds header_time gcc -static-pie && [ "$("$BATS_TEST_TMPDIR/header_time" active)" = '0 ""' ]
}

# bats test_tags=name:sleep,name:yield,name:pause,name:auto_yield,name:auto_pause,name:timeout
@test "sleep, yield, auto_yield and timeout, the same without coax" {
    same_cooperative 4 "$PROGRAMS/header_time"
    [ "$status" = 0 ]
    [[ $output = *"sleep nan: -1 Invalid argument"* ]]
    [[ $output = *"timeout 0.03: -1 Connection timed out"$'\n'"in time"* ]]
    [[ $output = *"an endless sleep, and a signal: -1 Interrupted system call"* ]]
    [[ $output != *early* && $output != *late* ]]
    COAX_OPTIONS=(--threads kernel)
    same "$PROGRAMS/header_time"
    builds header_time gcc -std=c89 -no-pie -fno-pie
    COAX_OPTIONS=()
    same_cooperative 4 "$BATS_TEST_TMPDIR/header_time"
}

@test "make install: the header, and how to find it" {
    local root=$BATS_TEST_TMPDIR/root
    make -s -C "$ROOT" install "DESTDIR=$root" PREFIX=/opt/coax >/dev/null
    cmp "$ROOT/core/coax.h" "$root/opt/coax/include/coax.h"
    export PKG_CONFIG_PATH=$root/opt/coax/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
    grep -qx 'prefix=/opt/coax' "$PKG_CONFIG_PATH/coax.pc"
    if command -v pkg-config >/dev/null; then
        # shellcheck disable=SC2046 # words
        gcc -pthread $(pkg-config --cflags --libs coax) "$ROOT/tests/programs/header_time.c" -o "$BATS_TEST_TMPDIR/found"
        [ "$("$BATS_TEST_TMPDIR/found" active)" = '0 ""' ]
    fi
    make -s -C "$ROOT" uninstall "DESTDIR=$root" PREFIX=/opt/coax >/dev/null
    [ ! -e "$root/opt/coax/include/coax.h" ]
}
