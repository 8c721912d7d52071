#!/usr/bin/env bats
# The manual page, made from the header.

load helper

page() {
    cat "$ROOT/build/coax.h.3"
}

@test "coax.h(3) has every function of the table and every public one of the header" {
    local name
    "$ROOT/scripts/make-man" --names >"$BATS_TEST_TMPDIR/names"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/names")" -ge 27 ]
    while read -r name; do
        page | grep -qE "^\.B \".*\b$name\(.*\);\"\$" || { echo "$name is missing"; return 1; }
    done <"$BATS_TEST_TMPDIR/names"
    # What is called as coax_NAME is in the table as NAME; what has another name there is not public.
    sed -nE 's/^    [a-z_ *]*\(\*([a-z_]+)\)\(.*/coax_\1/p' "$ROOT/core/coax.h" | sort -u >"$BATS_TEST_TMPDIR/table"
    [ "$(comm -12 "$BATS_TEST_TMPDIR/names" "$BATS_TEST_TMPDIR/table" | wc -l)" -ge 20 ]
    page | grep -q '^\.TH COAX\.H 3 "" "coax [0-9.]*"'
}

@test "coax.h(3) is what the header says now, and man has nothing against it" {
    "$ROOT/scripts/make-man" | sed 1,2d | diff - <(page | sed 1,2d)
    if command -v groff >/dev/null; then
        [ -z "$(page | groff -man -Tascii -ww 2>&1 >/dev/null)" ]
    fi
    [ "$(page | grep -c '^\.SH')" -ge 7 ]
}

@test "a function without a comment is found" {
    cp -r "$ROOT/scripts" "$BATS_TEST_TMPDIR"
    mkdir "$BATS_TEST_TMPDIR/core"
    cd "$BATS_TEST_TMPDIR"
    printf '%s\n' '/* head */' '' '/* ---- some ---- */' '' '/* Said. */' 'static __inline__ int coax_said(int a,' '    int b)' '{' '}' '' \
        'static __inline__ int coax_hidden_(void)' '{' '}' >core/coax.h
    run scripts/make-man 1
    [ "$status" = 0 ] && [[ $output = *'.B "int coax_said(int a, int b);"'*Said.* ]] && [[ $output != *hidden* ]]
    printf '%s\n' '/* For two. */' 'static __inline__ int coax_help_(void)' '{' '}' '' 'static __inline__ int coax_one(void)' '{' '}' '' \
        'static __inline__ int coax_two(void)' '{' '}' >>core/coax.h
    run scripts/make-man 1
    [ "$status" = 0 ] && [[ $output = *'coax_one(void);"'$'\n''.B "int coax_two(void);"'$'\n'.fi$'\n'*'For two.'* ]]
    printf '%s\n' '' '/* Of something else. */' '' 'static __inline__ int coax_bare(void)' '{' '}' >>core/coax.h
    run scripts/make-man 1
    [ "$status" = 1 ] && [ "$output" = "coax_bare has no comment" ]
}

@test "make install: the manual page" {
    make -s -C "$ROOT" install "DESTDIR=$BATS_TEST_TMPDIR/tree" PREFIX=/opt >/dev/null
    page | cmp - "$BATS_TEST_TMPDIR/tree/opt/share/man/man3/coax.h.3"
    make -s -C "$ROOT" uninstall "DESTDIR=$BATS_TEST_TMPDIR/tree" PREFIX=/opt >/dev/null
    [ ! -e "$BATS_TEST_TMPDIR/tree/opt/share/man/man3/coax.h.3" ]
}
