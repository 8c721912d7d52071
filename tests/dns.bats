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

# bats test_tags=hook:res_query,hook:__res_query,hook:res_nquery,hook:__res_nquery,hook:res_search,hook:__res_search,hook:res_nsearch,hook:__res_nsearch,hook:res_querydomain,hook:__res_querydomain,hook:res_nquerydomain,hook:__res_nquerydomain,hook:res_send,hook:__res_send,hook:res_nsend,hook:__res_nsend,hook:gethostbyname_r
@test "questions to a name server, with the thread's state of the resolver and states of one's own" {
    same "$PROGRAMS/dns_questions" 0
    same_cooperative 3 "$PROGRAMS/dns_questions" 16
    COAX_OPTIONS=(--dns-timeout 0.1)
    for threads in 0 4; do
        for mode in fiber kernel; do
            wrapped --threads $mode "$PROGRAMS/dns_questions" $threads limit 100
            [ "$output" = late ]
        done
    done
}

# bats test_tags=hook:getaddrinfo_a,hook:gai_suspend
@test "names that are asked for at once and waited for later" {
    export LD_LIBRARY_PATH=$PROGRAMS # a name service of our own
    same "$PROGRAMS/dns_later" 0
    same_cooperative 3 "$PROGRAMS/dns_later" 4
}
