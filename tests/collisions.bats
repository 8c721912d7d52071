#!/usr/bin/env bats
# A program may use any name that libc does not: none of ours gets in its way, none of its gets into ours.

load helper

@test "a program with functions and variables named like ours" {
    same_cooperative 4 "$PROGRAMS/collisions"
    [ "$status" = 0 ]
}

@test "the same, when the program exports them" {
    gcc -w -pthread -rdynamic "$ROOT/tests/programs/collisions.c" -o "$BATS_TEST_TMPDIR/exports"
    same_cooperative 4 "$BATS_TEST_TMPDIR/exports"
    [ "$status" = 0 ]
}

# Its own calls of them come through the shim, with arguments that are no streams.
@test "a library whose functions are named like libc's for streams" {
    cd "$BATS_TEST_TMPDIR"
    cat >lib.c <<'X'
long getline(long a, long b, long c) { return a + b + c; }
long fgets(long a, long b, long c) { return a * b * c; }
long error(long a) { return -a; }
long sum(void) { return getline(1, 2, 3) + fgets(4, 5, 6) + error(7); }
X
    cat >main.c <<'X'
#include <pthread.h>
#include <stdio.h>
long sum(void);
static void *run(void *arg) { return (void *)sum(); }
int main(void)
{
    pthread_t t;
    void *r;
    long alone = sum();
    pthread_create(&t, NULL, run, NULL);
    pthread_join(t, &r);
    printf("%ld %ld\n", alone, (long)r);
    return 0;
}
X
    gcc -w -fno-builtin -shared -fPIC lib.c -o libown.so
    gcc -w -pthread main.c -o main -L. -lown -Wl,-rpath,"$PWD"
    same_cooperative 1 ./main
    [ "$output" = "119 119" ]
}

# Every name inside libcoax.so, as functions that the program exports and libc does not.
@test "a program that exports every internal name of the shim" {
    cd "$BATS_TEST_TMPDIR"
    nm -D --defined-only "$(gcc -print-file-name=libc.so.6)" "$(gcc -print-file-name=libm.so.6)" |
        awk 'NF == 3 { sub(/@.*/, "", $3); print $3 }' | sort -u >libc
    nm --defined-only "$ROOT/build/libcoax.so" |
        awk '$2 ~ /^[tTdDbBrR]$/ && $3 ~ /^[A-Za-z][A-Za-z0-9_]*$/ { print $3 }' | sort -u | comm -23 - libc >names
    [ "$(wc -l <names)" -gt 100 ]
    {
        echo '#include <pthread.h>'
        echo '#include <stdio.h>'
        awk '{ print "int shim_" $1 "(void) __asm__(\"" $1 "\"); int shim_" $1 "(void) { return " NR "; }" }' names
        echo 'static void *_work(void *arg) { int wrong = 0;'
        awk '{ print "wrong += ((int (*volatile)(void))shim_" $1 ")() != " NR ";" }' names
        echo 'return (void *)(long)wrong; }'
        echo 'int main(void) { pthread_t t[3]; long wrong = 0; void *r;'
        echo 'for (int i = 0; i < 3; i++) pthread_create(&t[i], 0, _work, 0);'
        echo 'for (int i = 0; i < 3; i++) { pthread_join(t[i], &r); wrong += (long)r; }'
        echo 'printf("%ld wrong\n", wrong); return wrong != 0; }'
    } >every.c
    gcc -w -pthread -rdynamic every.c -o every
    same_cooperative 4 ./every
    [ "$output" = "0 wrong" ]
}
