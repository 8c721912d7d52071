#!/usr/bin/env bats
# Names: the resolver gives what it gives bare, to many threads at once.

load helper

setup() {
    export RES_OPTIONS="timeout:1 attempts:1" # where there is no name server, do not wait long for it
}

# bats test_tags=smoke,hook:getaddrinfo,hook:getnameinfo,name:getaddrinfo,name:getnameinfo
@test "getaddrinfo and getnameinfo" {
    same "$PROGRAMS/dns_names" 0
    same_cooperative 4 "$PROGRAMS/dns_names" 16
}

# bats test_tags=hook:gethostbyname,hook:gethostbyname_r,hook:gethostbyname2,hook:gethostbyname2_r,hook:gethostbyaddr,hook:gethostbyaddr_r,name:gethostbyname,name:gethostbyaddr
@test "gethostbyname and its kin" {
    same "$PROGRAMS/dns_hosts" 0
    same_cooperative 4 "$PROGRAMS/dns_hosts" 16
}

# Without any network every error is the same each time.
# bats test_tags=hook:getaddrinfo,hook:gethostbyname,hook:gethostbyname_r,hook:gethostbyaddr
@test "every error without a network" {
    local alone=()
    ! unshare -rn true 2>/dev/null || alone=(unshare -rn)
    for program in dns_names dns_hosts; do
        same "${alone[@]}" "$PROGRAMS/$program" 0 ${alone:+exact}
        same "${alone[@]}" "$PROGRAMS/$program" 8 ${alone:+exact}
    done
}

# Helpers are for what may take long.
# bats test_tags=hook:getaddrinfo,hook:getnameinfo
@test "numbers are not looked up" {
    same_cooperative 1 "$PROGRAMS/dns_numeric"
    [[ $output = *"127.0.0.1 80"* ]]
    [ "$(stat_of helpers)" = 0 ]
    same_cooperative 1 "$PROGRAMS/dns_numeric" errors
}
