# Threads of perl with System V semaphores and messages.
use strict;
use warnings;
use threads;
use threads::shared;
use IPC::SysV qw(IPC_PRIVATE IPC_RMID IPC_CREAT IPC_NOWAIT S_IRUSR S_IWUSR SETVAL GETVAL GETNCNT);
$| = 1;
my $set = semget(IPC_PRIVATE, 2, S_IRUSR | S_IWUSR | IPC_CREAT) // die "semget: $!";
my $queue = msgget(IPC_PRIVATE, S_IRUSR | S_IWUSR | IPC_CREAT) // die "msgget: $!";
semctl($set, 0, SETVAL, 1);
my $counter : shared = 0;
my @workers = map {
    threads->create(sub {
        for (1 .. 40) {
            semop($set, pack("s!3", 0, -1, 0)) || die "semop: $!";
            my $seen = $counter;
            threads->yield;
            $counter = $seen + 1;
            semop($set, pack("s!3", 0, 1, 0)) || die "semop: $!";
        }
    })
} 1 .. 5;
$_->join for @workers;
print "counted $counter\n";
my @receivers = map {
    my $type = $_;
    threads->create(sub {
        my $sum = 0;
        for (1 .. 10) {
            msgrcv($queue, my $message, 100, $type, 0) // die "msgrcv: $!";
            my ($got, $text) = unpack("l! a*", $message);
            $sum += $text;
        }
        return $sum;
    })
} 1 .. 3;
for my $i (1 .. 10) {
    msgsnd($queue, pack("l! a*", $_, $i * $_), 0) || die "msgsnd: $!" for 1 .. 3;
}
print "received ", join(" ", map { $_->join } @receivers), "\n";
my $waits = threads->create(sub { return semop($set, pack("s!3", 1, -1, 0)) ? "had it" : "removed: " . ($! + 0) });
select(undef, undef, undef, 0.001) while semctl($set, 1, GETNCNT, 0) != 1;
semctl($set, 0, IPC_RMID, 0);
print $waits->join, "\n";
print "none: ", msgrcv($queue, my $none, 10, 0, IPC_NOWAIT) ? "?" : $! + 0, "\n";
msgctl($queue, IPC_RMID, 0);
