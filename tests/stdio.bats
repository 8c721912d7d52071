#!/usr/bin/env bats
# libc's streams: they wait as read and write do, their locks as mutexes do, and what they say is what they say bare.

load helper

setup() {
    export TMPDIR=$BATS_TEST_TMPDIR
}

# Nobody slept in the kernel on a stream's lock, or in a call of libc that no hook sees.
cooperative() {
    same_cooperative 1 "$@"
}

# bats test_tags=hook:_IO_fclose,hook:_IO_feof,hook:_IO_ferror,hook:_IO_fflush,hook:_IO_fgetpos,hook:_IO_fgetpos64,hook:_IO_fgets,hook:_IO_flockfile,hook:_IO_flush_all,hook:_IO_flush_all_linebuffered,hook:_IO_fprintf,hook:_IO_fputs,hook:_IO_fread,hook:_IO_fsetpos,hook:_IO_fsetpos64,hook:_IO_ftell,hook:_IO_funlockfile,hook:_IO_fwrite,hook:_IO_getc,hook:_IO_gets,hook:_IO_peekc_locked,hook:_IO_printf,hook:_IO_putc,hook:_IO_puts,hook:_IO_seekoff,hook:_IO_seekpos,hook:_IO_setbuffer,hook:_IO_setvbuf,hook:_IO_ungetc,hook:_IO_vfprintf,hook:_IO_vfscanf,hook:__fgets_chk,hook:__fgetws_chk,hook:__fprintf_chk,hook:__fread_chk,hook:__fwprintf_chk,hook:__getdelim,hook:__gets_chk,hook:__isoc99_fscanf,hook:__isoc99_fwscanf,hook:__isoc99_scanf,hook:__isoc99_vfscanf,hook:__isoc99_vfwscanf,hook:__isoc99_vscanf,hook:__isoc99_vwscanf,hook:__isoc99_wscanf,hook:__printf_chk,hook:__vfprintf_chk,hook:__vfscanf,hook:__vfwprintf_chk,hook:__vprintf_chk,hook:__vwprintf_chk,hook:__wprintf_chk,hook:_flushlbf,hook:clearerr,hook:error,hook:error_at_line,hook:fclose,hook:feof,hook:ferror,hook:fflush,hook:fgetc,hook:fgetpos,hook:fgetpos64,hook:fgets,hook:fgetwc,hook:fgetws,hook:flockfile,hook:fprintf,hook:fputc,hook:fputs,hook:fputwc,hook:fputws,hook:fread,hook:freopen,hook:freopen64,hook:fscanf,hook:fseek,hook:fseeko,hook:fseeko64,hook:fsetpos,hook:fsetpos64,hook:ftell,hook:ftello,hook:ftello64,hook:funlockfile,hook:fwprintf,hook:fwrite,hook:fwscanf,hook:getc,hook:getchar,hook:getdelim,hook:getline,hook:gets,hook:getw,hook:getwc,hook:getwchar,hook:pclose,hook:perror,hook:printf,hook:psignal,hook:putc,hook:putchar,hook:puts,hook:putw,hook:putwc,hook:putwchar,hook:rewind,hook:scanf,hook:setbuf,hook:setbuffer,hook:setlinebuf,hook:setvbuf,hook:ungetc,hook:ungetwc,hook:vfprintf,hook:vfscanf,hook:vfwprintf,hook:vfwscanf,hook:vprintf,hook:vscanf,hook:vwarn,hook:vwarnx,hook:vwprintf,hook:vwscanf,hook:warn,hook:warnx,hook:wprintf,hook:wscanf
@test "every call that locks a stream waits for the thread that holds it, and the others run" {
    cooperative "$PROGRAMS/stdio_entries"
}

# bats test_tags=hook:err,hook:errx,hook:verr,hook:verrx
@test "calls that lock a stream and end the program" {
    for name in err errx verr verrx; do
        same "$PROGRAMS/stdio_entries" "$name"
        [ "$status" = 5 ]
    done
}

# bats test_tags=smoke,hook:fgets,hook:getline,hook:fscanf,hook:fread,hook:getc,hook:fgetws,hook:fprintf,hook:fputs,hook:fwrite,hook:putc,hook:fputws,hook:fwprintf,hook:fflush,hook:fclose
@test "lines through pipes by every kind of call, and others wait meanwhile" {
    for kind in line getline scan block char wide unbuffered linebuffered dprintf socket; do
        same "$PROGRAMS/stdio_wait" $kind 1000 0
        cooperative "$PROGRAMS/stdio_wait" $kind 500 16
    done
}

# bats test_tags=hook:fprintf,hook:fputs,hook:fwrite,hook:flockfile,hook:_IO_flockfile,hook:funlockfile,hook:putc
@test "threads that write to one stream tear no line" {
    cooperative "$PROGRAMS/stdio_shared" write 2000 8
}

# bats test_tags=hook:fprintf,hook:fputs,hook:fwrite,hook:flockfile,hook:funlockfile
@test "the same, while some compute and one is a kernel thread" {
    same "$PROGRAMS/stdio_shared" mixed 300 8
    [ "$(stat_of mode)" = fiber ] && [ "$(stat_of promoted)" = 1 ]
    COAX_OPTIONS=(--strict)
    same "$PROGRAMS/stdio_shared" mixed 300 8
    COAX_OPTIONS=(--threads kernel)
    same "$PROGRAMS/stdio_shared" mixed 300 8
}

# bats test_tags=hook:fgets,hook:getline,hook:fflush
@test "threads that read from one stream get whole lines, each once" {
    cooperative "$PROGRAMS/stdio_shared" read 4000 8
}

# bats test_tags=hook:flockfile,hook:funlockfile,hook:_IO_funlockfile
@test "a stream that its holder sleeps with is nobody else's" {
    cooperative "$PROGRAMS/stdio_shared" flockfile 20 8
}

# bats test_tags=hook:fwrite,hook:getc,hook:putc,hook:ungetc
@test "streams of C++, over those of C and over descriptors" {
    # shellcheck disable=SC2016 # words of the inner shell
    local inner='{ seq 1 500; sleep 0.2; seq 501 2000; } | "$@" | { sleep 0.3; sort -n; }'
    bare sh -c "$inner" sh "$PROGRAMS/cxx_iostream" 2000 8
    local expected=$output
    [ "${lines[0]}" = "sum 2001000" ] || [ "${lines[-1]}" = "sum 2001000" ]
    run_limited env COAX_STATS="$BATS_TEST_TMPDIR/stats" sh -c "$inner" sh "$COAX" "$PROGRAMS/cxx_iostream" 2000 8
    [ "$output" = "$expected" ]
    [ "$(stat_of mode)" = fiber ] && [ "$(stat_of kernel_threads)" -le 3 ]
}

# bats test_tags=hook:fgets,hook:fputs,hook:fflush,hook:fclose,hook:fwrite,hook:fprintf
@test "errors, ends and signals are told as bare, and the stream goes on" {
    same "$PROGRAMS/stdio_errors" 0
    [ "$(stat_of mode)" = solo ]
    cooperative "$PROGRAMS/stdio_errors" 1
}

# bats test_tags=hook:fputs,hook:fwrite,hook:fprintf,hook:putc,hook:fgets,hook:fread,hook:getc,hook:ungetc,hook:getline,hook:__isoc99_fscanf,hook:setvbuf,hook:fseek,hook:ftell,hook:rewind,hook:clearerr,hook:fflush,hook:fclose
@test "random calls on streams return and read what they do bare" {
    same "$PROGRAMS/stdio_fuzz" 1 500 0
    cooperative "$PROGRAMS/stdio_fuzz" "$RANDOM" 500 1
    COAX_OPTIONS=(--read-timeout 20 --write-timeout 20)
    same "$PROGRAMS/stdio_fuzz" "$RANDOM" 500 0
}

# bats test_tags=hook:fgets,hook:printf
@test "lines and a hidden word from a terminal, while others run" {
    same "$PROGRAMS/stdio_tty"
    [[ $output = *"same terminal: 1"*"others ran: 1"*"status 0"* ]]
}

# bats test_tags=hook:fgets,hook:fwrite,hook:pthread_cancel
@test "who is cancelled in a stream gives its lock back" {
    cooperative "$PROGRAMS/stdio_cancel" 0
    wrapped "$PROGRAMS/stdio_cancel" 1000
    echo "$output"
    [ "$output" = "1000 rounds" ] && [ "$(stat_of mode)" = fiber ]
}

# bats test_tags=hook:fgets,name:cancel,name:with_timeout
@test "coax_cancel and a deadline end a wait in a stream, which goes on" {
    wrapped "$PROGRAMS/header_stdio"
    echo "$output"
    [ "$status" = 0 ] && [ "$output" = ok ]
    [ "$(stat_of mode)" = fiber ] && [ "$(stat_of kernel_threads)" -le 3 ]
}

# bats test_tags=hook:fork,hook:fclose,hook:flockfile
@test "fork while a thread holds a stream and others open and close some" {
    same "$PROGRAMS/stdio_process" fork 100
    [ "$(stat_of mode)" = fiber ]
}

# bats test_tags=hook:fork,hook:fflush,hook:fclose
@test "fork and fopen wait for who flushes all streams into a full pipe" {
    same "$PROGRAMS/stdio_process" flushed
    [ "$(stat_of mode)" = fiber ]
}

# bats test_tags=hook:fclose,hook:_IO_fclose
@test "fclose waits for who reads, and closes" {
    cooperative "$PROGRAMS/stdio_process" close
}

# bats test_tags=hook:fflush,hook:_IO_flush_all
@test "fflush of all streams waits for who reads" {
    cooperative "$PROGRAMS/stdio_process" all
}

# bats test_tags=hook:fwrite
@test "exit flushes, and leaves a writer that waits" {
    cooperative "$PROGRAMS/stdio_process" exit
    [ "$status" = 3 ]
}

# bats test_tags=hook:popen,hook:_IO_popen,hook:pclose,hook:system,hook:wordexp,name:system
@test "many shells at once, each with its own status" {
    same "$PROGRAMS/proc_shell" many 0
    same "$PROGRAMS/proc_shell" many 40
    COAX_OPTIONS=(--pool-size 1)
    same "$PROGRAMS/proc_shell" many 40
    [ "$(stat_of mode)" = fiber ] && [ "$(stat_of helpers)" -le 1 ]
}

# bats test_tags=hook:popen,hook:pclose,hook:system,name:system
@test "shells: signals, statuses taken by others, failures" {
    same "$PROGRAMS/proc_shell" rules 0
    [ "$(stat_of mode)" = solo ]
    same "$PROGRAMS/proc_shell" rules 1
    [ "$(stat_of mode)" = fiber ]
}

# bats test_tags=hook:system,hook:pthread_cancel
@test "a cancelled system ends its shell" {
    cooperative "$PROGRAMS/proc_shell" cancel
}

# bats test_tags=smoke,hook:fflush,hook:_IO_flush_all,hook:_flushlbf,hook:fprintf,hook:fclose
@test "all streams are flushed at once, in order, and others open and close theirs meanwhile" {
    cd "$BATS_TEST_TMPDIR"
    cooperative "$PROGRAMS/stdio_all" what
    cooperative "$PROGRAMS/stdio_all" full
    [ "$status" = 0 ]
    wrapped "$PROGRAMS/stdio_all" full count
    [ "$status" = 0 ]
    [ "${lines[1]% opened meanwhile}" -ge 5 ]
}

# bats test_tags=hook:fflush,hook:pthread_cancel,hook:ftrylockfile,hook:fclose
@test "the process ends in a flush of all streams; it is cancelled; many at random lose no byte" {
    cooperative "$PROGRAMS/stdio_all" exit
    [ "$status" = 3 ]
    cooperative "$PROGRAMS/stdio_all" cancel
    [ "$status" = 0 ]
    cooperative "$PROGRAMS/stdio_all" rounds 500
    [ "$status" = 0 ]
}

# bats test_tags=hook:fgets,hook:printf,hook:setlinebuf
@test "who reads lines waits for standard output as libc would, and others run" {
    cooperative "$PROGRAMS/stdio_all" input
    [ "$status" = 0 ]
    [ "$(stat_of handoffs)" -le 10 ]
}
