#!/usr/bin/env bats
# Databases of accounts, services and networks, the logger: what they give bare, many at once, and where they are slow.

load helper

setup() {
    export LD_LIBRARY_PATH=$PROGRAMS # a name service of our own
}

# The answers that a fiber gets without a buffer are its own: only there threads may ask without a lock.
# bats test_tags=smoke,hook:getpwnam,hook:getpwnam_r,hook:getpwuid,hook:getpwuid_r,hook:getgrnam,hook:getgrnam_r,hook:getgrgid,hook:getgrgid_r,hook:getspnam,hook:getspnam_r,hook:getsgnam,hook:getsgnam_r,hook:getaliasbyname,hook:getaliasbyname_r,hook:getnetbyname,hook:getnetbyname_r,hook:getnetbyaddr,hook:getnetbyaddr_r,hook:getservbyname,hook:getservbyname_r,hook:getservbyport,hook:getservbyport_r,hook:getprotobyname,hook:getprotobyname_r,hook:getprotobynumber,hook:getprotobynumber_r,hook:getrpcbyname,hook:getrpcbyname_r,hook:getrpcbynumber,hook:getrpcbynumber_r,hook:getgrouplist,hook:getpw,hook:innetgr,hook:ether_hostton,hook:ether_ntohost,hook:gethostid,hook:getlogin,hook:getlogin_r,hook:__getlogin_r_chk
@test "look-ups by a key: found, not found, failed, in too little room" {
    same "$PROGRAMS/db_keys" 0
    same_cooperative 4 "$PROGRAMS/db_keys" 8
    local expected=$output
    wrapped "$PROGRAMS/db_keys" 8 own
    [ "$status" -eq 0 ]
    [ "$output" = "$expected" ]
}

# bats test_tags=hook:getpwnam_r,hook:getservbyname_r
@test "a slow name service: many at once, and others go on" {
    same_cooperative 4 "$PROGRAMS/db_slow" many 24
    [ "$(stat_of helpers)" -ge 16 ]
}

# bats test_tags=hook:getpwnam_r,hook:getgrgid
@test "look-ups are cancelled, in the middle and at any time" {
    same_cooperative 4 "$PROGRAMS/db_slow" cancel 10
    same_cooperative 4 "$PROGRAMS/db_slow" race 100
}

# bats test_tags=hook:getpwnam_r
@test "a handler jumps out of a look-up; forks in the middle of look-ups" {
    same "$PROGRAMS/db_slow" jump 0
    same_cooperative 4 "$PROGRAMS/db_slow" jump 2
    same_cooperative 4 "$PROGRAMS/db_slow" fork 30
    same_cooperative 4 "$PROGRAMS/db_slow" handler 2
    COAX_OPTIONS=(--dns-timeout 10)
    wrapped "$PROGRAMS/db_slow" jump 0
    [ "$output" = "5 jumps" ]
}

# Twenty threads leave more helpers in it than the pool may have.
# bats test_tags=hook:getpwnam_r,hook:getpwuid,hook:getgrnam,hook:getspnam,hook:getservbyname,hook:getprotobynumber,hook:getrpcbynumber,hook:getaliasbyname,hook:getnetbyname_r,hook:getnetbyaddr,hook:getgrouplist,hook:initgroups,hook:ether_hostton,hook:ether_ntohost,hook:getpw,hook:innetgr
@test "dns limit: a name service that never comes back" {
    COAX_OPTIONS=(--dns-timeout 0.05)
    for mode in fiber kernel; do
        for threads in 0 3 20; do
            wrapped --threads $mode "$PROGRAMS/db_slow" limit 50 $threads
            [ "$output" = late ]
        done
    done
}

# bats test_tags=hook:getpwnam_r
@test "a look-up behind one that never comes back is made when that is given up" {
    COAX_OPTIONS=(--dns-timeout 2 --pool-size 1)
    for mode in fiber kernel; do
        wrapped --threads $mode "$PROGRAMS/db_slow" behind 2000
        [ "$output" = behind ] && [ "$status" = 0 ]
    done
}

# bats test_tags=hook:initgroups
@test "initgroups sets what it has found, for all threads" {
    local alone=()
    [ "$(id -u)" -eq 0 ] || ! unshare -r true 2>/dev/null || alone=(unshare -r)
    same "${alone[@]}" "$PROGRAMS/db_slow" groups 0
    same_cooperative 3 "${alone[@]}" "$PROGRAMS/db_slow" groups 2
}

# bats test_tags=hook:setpwent,hook:getpwent,hook:getpwent_r,hook:endpwent,hook:setgrent,hook:getgrent,hook:getgrent_r,hook:endgrent,hook:setspent,hook:getspent,hook:getspent_r,hook:endspent,hook:setsgent,hook:getsgent,hook:getsgent_r,hook:endsgent,hook:sethostent,hook:gethostent,hook:gethostent_r,hook:endhostent,hook:setnetent,hook:getnetent,hook:getnetent_r,hook:endnetent,hook:setservent,hook:getservent,hook:getservent_r,hook:endservent,hook:setprotoent,hook:getprotoent,hook:getprotoent_r,hook:endprotoent,hook:setrpcent,hook:getrpcent,hook:getrpcent_r,hook:endrpcent,hook:setaliasent,hook:getaliasent,hook:getaliasent_r,hook:endaliasent,hook:setnetgrent,hook:getnetgrent,hook:getnetgrent_r,hook:endnetgrent
@test "enumerations of what this machine has" {
    same "$PROGRAMS/db_enumerate" files 0
    same_cooperative 3 "$PROGRAMS/db_enumerate" files 3
}

# bats test_tags=hook:setpwent,hook:getpwent,hook:getpwent_r,hook:endpwent
@test "enumerations: the place is the thread's where it is so bare; in turn; cancelled" {
    same_cooperative 3 "$PROGRAMS/db_enumerate" place 4
    same_cooperative 3 "$PROGRAMS/db_enumerate" turns 60
    same_cooperative 3 "$PROGRAMS/db_enumerate" cancel 10
}

# bats test_tags=hook:setutent,hook:endutent,hook:utmpname,hook:getutent,hook:getutid,hook:getutline,hook:getutent_r,hook:getutid_r,hook:getutline_r,hook:pututline,hook:updwtmp,hook:setutxent,hook:endutxent,hook:utmpxname,hook:getutxent,hook:getutxid,hook:getutxline,hook:pututxline,hook:updwtmpx
@test "who is logged in" {
    touch "$BATS_TEST_TMPDIR/utmp"
    same "$PROGRAMS/db_enumerate" utmp 0 "$BATS_TEST_TMPDIR/utmp"
    same_cooperative 3 "$PROGRAMS/db_enumerate" utmp 4 "$BATS_TEST_TMPDIR/utmp"
}

# bats test_tags=hook:syslog,hook:vsyslog,hook:__syslog_chk,hook:__vsyslog_chk,hook:openlog,hook:closelog,hook:setlogmask
@test "the logger: formats, mask, standard error" {
    same "$PROGRAMS/log_syslog" errors 0
    same_cooperative 3 "$PROGRAMS/log_syslog" errors 3
}

# bats test_tags=hook:syslog
@test "the logger reads late, or never: all wait, nothing is lost, others go on, cancelled" {
    local inside=(unshare -m) there='mount -t tmpfs none /dev && : >/dev/null && exec "$@"'
    [ "$(id -u)" -eq 0 ] || inside=(unshare -rm)
    "${inside[@]}" sh -c "$there" sh true 2>/dev/null || skip "nothing can be mounted here"
    for what in "socket 20" "cancel 8"; do
        # shellcheck disable=SC2086 # two words
        same_cooperative 4 "${inside[@]}" sh -c "$there" sh "$PROGRAMS/log_syslog" $what
    done
}

# bats test_tags=hook:getpwnam,hook:getpwuid,hook:getgrgid,hook:getgrouplist,hook:getpwent,hook:getservent,hook:getprotoent,hook:syslog
@test "getent, id, groups, ls -l, logger" {
    unset LD_LIBRARY_PATH
    for database in aliases ahosts ethers group gshadow hosts initgroups netgroup networks passwd protocols rpc services shadow; do
        same getent $database
    done
    same getent passwd root daemon nobody 0 65534 no-such-user
    same getent group root nogroup 0 no-such-group
    same getent services ssh 80/tcp no-such-service
    same getent protocols tcp 17
    same getent rpc portmapper
    same getent networks loopback
    same getent initgroups root
    same getent netgroup nobody
    same getent hosts localhost
    same id
    same id root
    same id no-such-user
    same groups root
    same ls -ld / /etc/passwd
    same logger -s --no-act -t victim hello
}
