# Locks on files and System V IPC by the programs of util-linux. Argument: a directory.
cd "$1" || exit 1
: >counter
count() {
    for _ in 1 2 3 4 5; do
        flock locked sh -c 'n=$(wc -l <counter); sleep 0.001; echo $n >>counter; [ "$(wc -l <counter)" = $((n + 1)) ] || echo lost'
    done
}
count & count & count &
wait
echo "$(wc -l <counter) counter"
exec 9>other
flock -s 9
flock -n -x -E 7 other true
echo "shared: $?"
flock -w 0.05 -x other true
echo "waited: $?"
flock -u 9
flock -x other echo exclusive
q=$(ipcmk -Q | sed 's/.*: //')
s=$(ipcmk -S 3 | sed 's/.*: //')
ipcs -q -i "$q" | grep -c msqid
ipcs -s -i "$s" | grep nsems | sed 's/.*nsems/nsems/'
ipcrm -q "$q" -s "$s"
ipcs -q -i "$q" 2>&1 | sed "s/$q/ID/"
